"""Pack folders of labelled images into one file, for training on a machine without the folders.

    python -m training.accelerator.pack pack.npz --numbers street_numbers \\
        --digits meter_digits scene_digits --amounts cheque_amounts --mnist 12000 --typefaces

Only the train and validation splits (as in `datasets.photo_folder`) are packed.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from artifacts.files import atomic_path
from datasets import photo_folder, sources
from datasets.rendered_numbers.typefaces import copy_fonts
from number_zoo.images import decode_image

MOST_DIGITS = 10

MNIST = "mnist"
"""Name of MNIST's digits in a pack."""

FONTS = "fonts"
"""Name of font files in a pack; their labels are the names of the files."""

Drawing = tuple[np.ndarray, str, np.ndarray]
"""uint8 image (height, width, 3), label, and float32 boxes in pixels: (digits, 4), (1, 4) of the
whole number, or (0, 4) where unknown."""


@dataclass(frozen=True)
class Packed:
    """The labelled images of a split of a folder.

    Attributes:
        files: encoded images.
        labels: strings of digits, "" for none.
        boxes: float32 (n, 10, 4), in pixels, of each digit or, only in the first row, of the whole
            number; NaN if unknown.
    """

    files: list[bytes]
    labels: list[str]
    boxes: np.ndarray

    def images(self) -> list[np.ndarray]:
        """The images decoded: uint8 (height, width, 3), RGB."""
        return [decode_image(file) for file in self.files]

    def drawings(self) -> Iterator[Drawing]:
        """Each image with its label and the boxes that are known."""
        for image, label, boxes in zip(self.images(), self.labels, self.boxes, strict=True):
            yield image, label, boxes[np.isfinite(boxes[:, 0])]

    def digits(self) -> Iterator[tuple[str, np.ndarray]]:
        """The label and image of each digit whose box is known and at least 4 pixels wide and
        high."""
        for image, label, boxes in self.drawings():
            if len(boxes) < len(label):  # unknown, or of the whole number
                continue
            for digit, box in zip(label, boxes, strict=False):
                left, top, right, bottom = np.round(box).astype(int)
                crop = image[max(top, 0) : bottom, max(left, 0) : right]
                if min(crop.shape[:2]) >= 4:
                    yield digit, crop


def pack_folder(folder: Path, split: str, whole: bool) -> Packed:
    """Read a split of a folder.

    Args:
        folder: folder of labelled photos, as for `datasets.photo_folder`.
        split: "train" or "validation".
        whole: whether the box of a photo of one digit without a box is the whole photo.
    """
    photos = photo_folder.read_folder(folder, split)
    files, boxes = [], _unknown(len(photos))
    for row, photo in enumerate(photos):
        image = decode_image(photo.path)
        if photo.boxes is not None:
            fit = photo.boxes if len(photo.boxes) <= MOST_DIGITS else photo.box[None]
            boxes[row, : len(fit)] = fit
        elif whole and photo.label:
            boxes[row, 0] = 0, 0, image.shape[1], image.shape[0]
        files.append(_encode(photo.path, image))
    return Packed(files, [photo.label for photo in photos], boxes)


def pack_mnist(count: int, data_dir: Path | None) -> Packed:
    """Read the first digits of MNIST's train split; they have no boxes."""
    digits = list(sources.examples("mnist", "train", data_dir, count))
    files = [_webp(digit.decode()) for digit in digits]
    return Packed(files, [digit.label for digit in digits], _unknown(len(files)))


def pack_fonts() -> Packed:
    """Read the font files of `rendered_numbers/typefaces`, of its train split.

    Raises:
        FileNotFoundError: if they are not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy_fonts("train", Path(folder))
        files = sorted(Path(folder).iterdir())
        data = [file.read_bytes() for file in files]
    return Packed(data, [file.name for file in files], _unknown(len(files)))


def _unknown(count: int) -> np.ndarray:
    return np.full((count, MOST_DIGITS, 4), np.nan, np.float32)


def _encode(path: Path, image: np.ndarray) -> bytes:
    """The file itself if it is small, else the image as lossless WebP."""
    coded = path.read_bytes()
    is_jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    return coded if is_jpeg else min(coded, _webp(image), key=len)


def _webp(image: np.ndarray) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()


def save(path: Path, packs: dict[str, Packed]) -> None:
    """Write packs, by name ("ROLE/FOLDER/SPLIT" or `MNIST`), to one .npz file."""
    arrays = {}
    for name, packed in packs.items():
        arrays[f"{name}#bytes"] = np.frombuffer(b"".join(packed.files), np.uint8)
        arrays[f"{name}#sizes"] = np.array([len(file) for file in packed.files], np.int64)
        arrays[f"{name}#labels"] = np.array(packed.labels)
        arrays[f"{name}#boxes"] = packed.boxes
    with atomic_path(path) as part:
        np.savez_compressed(part, **arrays)


def load(path: Path) -> dict[str, Packed]:
    """The inverse of `save`.

    Raises:
        ValueError: as for `read_arrays`.
    """
    arrays = read_arrays(path)
    packs = {}
    for name in sorted({name.rpartition("#")[0] for name in arrays}):
        stream = io.BytesIO(arrays[f"{name}#bytes"].tobytes())
        files = [stream.read(size) for size in arrays[f"{name}#sizes"].tolist()]
        packs[name] = Packed(files, arrays[f"{name}#labels"].tolist(), arrays[f"{name}#boxes"])
    return packs


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file.

    Raises:
        ValueError: if the file cannot be read.
    """
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read as an .npz file: {error}") from error


def write_glyphs(packs: dict[str, Packed], folder: Path) -> str:
    """Write MNIST's digits to a file in a folder, for `glyphs` of a style; returns its path, ""
    without digits."""
    if MNIST not in packs:
        return ""
    path = folder / "digits.npz"
    images = np.stack(packs[MNIST].images())[..., 0]
    np.savez(path, x_train=images, y_train=np.array(packs[MNIST].labels, np.uint8))
    return str(path)


def write_fonts(packs: dict[str, Packed], folder: Path) -> str:
    """Write the font files to a new folder in a folder, for `fonts` of a style; returns its path,
    "" without."""
    if FONTS not in packs:
        return ""
    fonts = folder / "fonts"
    fonts.mkdir()
    for name, data in zip(packs[FONTS].labels, packs[FONTS].files, strict=True):
        (fonts / name).write_bytes(data)
    return str(fonts)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.accelerator.pack", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("out", type=Path, help="the .npz file to write")
    add("--numbers", type=Path, nargs="+", default=[], help="folders of numbers")
    add("--digits", type=Path, nargs="+", default=[], help="folders of single digits: also strips")
    add("--amounts", type=Path, nargs="+", default=[], help="folders of amounts: also recomposed")
    add("--mnist", type=int, default=0, help="number of digits of MNIST's training split")
    add("--typefaces", action="store_true", help="also the fonts of rendered_numbers/typefaces")
    add("--data-dir", type=Path, help="folder of TFDS, for MNIST")
    options = parser.parse_args(arguments)
    packs = {}
    for role in ("numbers", "digits", "amounts"):
        folders = {folder.name: folder for folder in getattr(options, role)}
        if len(folders) < len(getattr(options, role)):
            parser.error(f"two folders of --{role} have the same name: rename one of them")
        for (name, folder), split in itertools.product(folders.items(), ("train", "validation")):
            packs[f"{role}/{name}/{split}"] = pack_folder(folder, split, role == "digits")
    if options.mnist:
        packs[MNIST] = pack_mnist(options.mnist, options.data_dir)
    if options.typefaces:
        packs[FONTS] = pack_fonts()
    save(options.out, packs)
    for name, packed in packs.items():
        known = np.isfinite(packed.boxes[:, 0, 0]).sum()
        print(f"{name}: {len(packed.labels)} images, {known} with boxes")
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
