"""Images without a number, cut out beside the numbers of a data set.

    python -m tools.make_negatives svhn_numbers no_numbers --split test
    python evaluate.py street_numbers --dataset no_numbers

The folder is a data set as any other: of each image the largest part that keeps off its number,
labelled as none. A reader that finds digits there is fooled.
"""

from __future__ import annotations

import argparse
import csv
import logging
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from datasets import crops, photo_folder, sources
from datasets.images import decode_image

log = logging.getLogger(__name__)

APART = 0.15
"""Share of the number's height by which a part keeps off it: boxes are seldom exact."""

LEAST = 16
"""Pixels that a part has at least each way; less shows nothing."""


def largest_part(box: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    """The largest part of an image that lies left of, above, right of or below a number.

    Args:
        box: left, top, right and bottom of the number in pixels.
        size: (height, width) of the image in pixels.

    Returns:
        int64 array (4,): left, top, right, bottom in pixels; None where `LEAST` does not fit.
    """
    height, width = size
    off = APART * (box[3] - box[1])
    left, top = np.floor(box[:2] - off).astype(int)
    right, bottom = np.ceil(box[2:] + off).astype(int)
    leftward, above = (0, 0, left, height), (0, 0, width, top)
    rightward, below = (right, 0, width, height), (0, bottom, width, height)
    parts = np.array([leftward, above, rightward, below])
    sides = parts[:, 2:] - parts[:, :2]
    areas = np.where((sides >= LEAST).all(axis=1), sides.prod(axis=1), 0)
    return parts[areas.argmax()] if areas.any() else None


def cut(source: str, split: str, folder: Path, data_dir: Path | None = None) -> int:
    """Write a folder of the parts beside the numbers of a split.

    Args:
        source: name, folder or mix, with boxes of numbers or digits.
        split: "train", "validation" or "test"; the parts are of the same split of the new folder.
        folder: where to; it must not exist yet.
        data_dir: where TFDS data lies.

    Returns:
        How many images had room for one.

    Raises:
        ValueError: if the folder exists, or no image has a box and room beside it.
    """
    if folder.exists():
        raise ValueError(f"{folder} is already there: name a new folder")
    part_folder = folder.with_name(f".part-{folder.name}")
    shutil.rmtree(part_folder, ignore_errors=True)
    try:
        (part_folder / "images").mkdir(parents=True)
        rows = list(_write_parts(source, split, part_folder / "images", data_dir))
        if not rows:
            raise ValueError(f"{source} has no image in {split} with room beside a known box")
        with (part_folder / photo_folder.LABELS_FILE).open("w", newline="") as file:
            csv.writer(file).writerows([("file", "label", "split"), *rows])
        part_folder.rename(folder)
    finally:
        shutil.rmtree(part_folder, ignore_errors=True)
    return len(rows)


def _write_parts(source, split, images: Path, data_dir):
    for index, example in enumerate(sources.examples_of_mix(source, split, data_dir)):
        if example.boxes is None or len(example.boxes) == 0:
            continue
        image = decode_image(example.read(), name=example.id)
        part = largest_part(crops.union_box(example.boxes), image.shape[:2])
        if part is None:
            continue
        left, top, right, bottom = part
        name = f"{index:06d}.png"
        Image.fromarray(image[top:bottom, left:right]).save(images / name)
        yield name, "", split


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.make_negatives",
        description="Cut images without a number out of a data set, beside its numbers.",
    )
    add = parser.add_argument
    add("source", metavar="NAME|FOLDER", help="a data set whose digits or numbers have boxes")
    add("folder", type=Path, help="the new data set")
    add("--split", choices=sources.registry.SPLITS, default="test", help="default: test")
    add("--data-dir", type=Path, metavar="FOLDER", help="where TFDS data sets lie")
    options = parser.parse_args(arguments)
    try:
        count = cut(options.source, options.split, options.folder, options.data_dir)
    except (ValueError, OSError) as error:
        print(f"tools.make_negatives: {error}", file=sys.stderr)
        return 2
    print(f"{options.folder}: {count} images without a number")
    return 0


if __name__ == "__main__":
    sys.exit(main())
