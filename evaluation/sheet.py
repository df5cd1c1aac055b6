"""A sheet of images with what a model read in each: what people would rather look at."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from artifacts.files import replacing
from evaluation.sample import load_images
from models.decoding import DecodedSequences

CELL = (150, 96)
"""Width and height of an image on the sheet, in pixels; a line of text stands below it."""
_LINE = 20
_RIGHT, _WRONG = (20, 120, 40), (190, 20, 20)


def choose(total: int, count: int, seed: int = 0) -> np.ndarray:
    """Indices of up to `count` of `total` images, at random and so not the flattering ones."""
    return np.sort(np.random.default_rng(seed).permutation(total)[:count])


def mistakes(right: np.ndarray, confidence: np.ndarray, count: int) -> np.ndarray:
    """Indices of the `count` wrong readings of the highest confidence, the highest first."""
    wrong = np.flatnonzero(~right)
    return wrong[np.argsort(-confidence[wrong], kind="stable")][:count]


def write_sheet(
    path: Path,
    dataset: str,
    split: str,
    images: list[tuple[str, str]],
    readings: DecodedSequences,
    chosen: np.ndarray,
    *,
    data_dir: str | Path | None = None,
    across: int = 8,
) -> None:
    """Write a PNG of images, each with its reading, green where right and red where wrong.

    Args:
        path: the file, written whole or not at all.
        dataset: name, folder or mix the images come from.
        split: its split.
        images: (id, number) of all images, in order.
        readings: what a model read in them.
        chosen: indices of those to show, in the order of the sheet.
        data_dir: where TFDS data lies.
        across: images side by side.
    """
    decoded = load_images(dataset, split, chosen, data_dir=data_dir)
    numbers = readings.numbers()
    rows = max(1, -(-len(chosen) // across))
    width, height = CELL[0] + 10, CELL[1] + _LINE + 10
    sheet = Image.new("RGB", (across * width, rows * height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for place, index in enumerate(chosen.tolist()):
        left, top = place % across * width + 5, place // across * height + 5
        sheet.paste(_fitted(Image.fromarray(decoded[index])), (left, top))
        truth, read = images[index][1], numbers[index]
        text = f"{read or 'none'}  {np.exp(readings.log_probability[index]):.0%}"
        if read != truth:
            text += f"  is {truth or 'none'}"
        draw.text((left, top + CELL[1]), text, fill=_RIGHT if read == truth else _WRONG, font=font)
    data = io.BytesIO()
    sheet.save(data, "PNG")
    with replacing(path) as part:
        part.write_bytes(data.getvalue())


def _fitted(image: Image.Image) -> Image.Image:
    scale = min(CELL[0] / image.width, CELL[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC)
