"""Writes a sheet of drawn images, beside real ones if there are any, to be looked at.

python -m datasets.rendered_numbers.sheet --out sheet.png --photos FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from datasets.rendered_numbers.drawing import draw
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.style import STYLES, Style

CELL = (100, 150)
"""Height and width of an image on a sheet, in pixels."""

_BETWEEN = 128
_SUFFIXES = (".png", ".jpg", ".jpeg")


def drawn_images(count: int, style: Style, seed: int, boxes: bool = False) -> list[np.ndarray]:
    """Draw images: uint8 (h, w, 3), RGB; with `boxes`, the digits' boxes in red."""
    images = []
    for index in range(count):
        drawn = draw(seed, index, style)
        image = drawn.image
        if boxes:
            for left, top, right, bottom in np.round(drawn.boxes).astype(int).tolist():
                cv2.rectangle(image, (left, top), (right - 1, bottom - 1), (255, 0, 0), 1)
        images.append(image)
    return images


def read_photos(folder: Path, count: int, seed: int) -> list[np.ndarray]:
    """Read some of the images in a folder and those below it: uint8 (h, w, 3), RGB.

    Raises:
        FileNotFoundError: if there are none.
        ValueError: if one cannot be read.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise FileNotFoundError(
            f"--photos is a folder with images ({', '.join(_SUFFIXES)}). Received: {folder}"
        )
    chance = Rng(seed, 0)
    photos = []
    for _ in range(min(count, len(paths))):
        path = paths.pop(chance.below(len(paths)))
        photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if photo is None:
            raise ValueError(f"{path} is not an image that OpenCV reads")
        photos.append(cv2.cvtColor(photo, cv2.COLOR_BGR2RGB))
    return photos


def make_sheet(columns: list[list[np.ndarray]], across: int) -> np.ndarray:
    """Lay images out in blocks side by side, each `across` images wide.

    Args:
        columns: for each block its images, uint8 (h, w, 3).
        across: images side by side in a block.

    Returns:
        uint8 (h, w, 3).
    """
    rows = max(-(-len(images) // across) for images in columns)
    blocks = []
    for images in columns:
        block = np.full((rows * CELL[0], across * CELL[1], 3), _BETWEEN, np.uint8)
        for place, image in enumerate(images):
            top, left = place // across * CELL[0], place % across * CELL[1]
            fitted = _fit(image)
            block[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
        blocks += [block, np.zeros((rows * CELL[0], 12, 3), np.uint8)]
    return np.hstack(blocks[:-1])


def _fit(image: np.ndarray) -> np.ndarray:
    scale = min(CELL[0] / image.shape[0], CELL[1] / image.shape[1])
    size = (max(1, int(image.shape[1] * scale)), max(1, int(image.shape[0] * scale)))
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return cv2.resize(image, size, interpolation=method)


def write_sheet(path: Path, sheet: np.ndarray) -> None:
    """Write a sheet as PNG, whole or not at all.

    Raises:
        ValueError: if the file's name does not end in .png.
    """
    if path.suffix.lower() != ".png":
        raise ValueError(f"A sheet is written as .png. Received: {path}")
    done, data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    if not done:
        raise RuntimeError(f"OpenCV could not write a PNG of {sheet.shape}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data.tobytes())
    partial.replace(path)


def main(arguments: list[str] | None = None) -> None:
    """Write a sheet as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m datasets.rendered_numbers.sheet", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--out", type=Path, required=True, help="the .png file to write")
    parser.add_argument("--photos", type=Path, help="folder of real photos, shown on the right")
    parser.add_argument("--style", choices=STYLES, default="default", help="default: default")
    parser.add_argument("--boxes", action="store_true", help="mark the digits' boxes")
    parser.add_argument("--count", type=int, default=100, help="images of each kind (100)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the images (0)")
    options = parser.parse_args(arguments)
    if options.count < 1 or options.seed < 0:
        parser.error("--count is at least 1 and --seed at least 0")
    try:
        style = STYLES[options.style]
        columns = [drawn_images(options.count, style, options.seed, options.boxes)]
        if options.photos:
            columns.append(read_photos(options.photos, options.count, options.seed))
        write_sheet(options.out, make_sheet(columns, 10 if len(columns) == 1 else 6))
    except (OSError, ValueError, ModuleNotFoundError) as error:
        parser.exit(1, f"{error}\n")
    print(f"Wrote {options.out}")


if __name__ == "__main__":
    main()
