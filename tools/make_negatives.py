"""Make a data set of images without a number: background crops of another data set.

    python -m tools.make_negatives svhn_numbers no_numbers --split test
    python evaluate.py street_numbers --dataset no_numbers

The folder contains the largest crop of each image that does not touch its number, with an empty
label. Every number that a model reads in it is a false positive.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from artifacts.files import atomic_path, write_csv
from artifacts.startup import command, quiet_tensorflow, run_command
from datasets import photo_folder, sources

GAP = 0.15
"""Distance of a crop from the number's box, as a fraction of its height, since boxes are
inexact."""

MIN_SIDE = 16
"""Minimum side of a crop in pixels."""


def background_box(box: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    """The largest box left of, above, right of or below a number.

    Args:
        box: left, top, right and bottom of the number in pixels.
        size: (height, width) of the image in pixels.

    Returns:
        int64 array (4,): left, top, right, bottom in pixels; None if there is no room.
    """
    height, width = size
    gap = GAP * (box[3] - box[1])
    left, top = np.floor(box[:2] - gap).astype(int)
    right, bottom = np.ceil(box[2:] + gap).astype(int)
    left_and_above = (0, 0, left, height), (0, 0, width, top)
    right_and_below = (right, 0, width, height), (0, bottom, width, height)
    boxes = np.array(left_and_above + right_and_below)
    sides = boxes[:, 2:] - boxes[:, :2]
    areas = np.where((sides >= MIN_SIDE).all(axis=1), sides.prod(axis=1), 0)
    return boxes[areas.argmax()] if areas.any() else None


def make_negatives(source: str, split: str, folder: Path, data_dir: Path | None = None) -> int:
    """Write a folder of background crops of a split.

    Args:
        source: name, folder or mix, with boxes of numbers or digits.
        split: "train", "validation" or "test"; the crops are in the same split of the new folder.
        folder: the new folder; it must not exist.
        data_dir: folder of prepared TFDS data.

    Returns:
        The number of crops.

    Raises:
        ValueError: if the folder exists, or no image has a box and enough room next to it.
    """
    if folder.exists():
        raise ValueError(f"{folder} exists already: name a new folder")
    with atomic_path(folder) as part:
        (part / "images").mkdir(parents=True)
        rows = [
            (name, "", split) for name in _write_crops(source, split, part / "images", data_dir)
        ]
        if not rows:
            raise ValueError(
                f"{source} has no image in {split} with room around a known box: numbers need "
                "boxes (the columns boxes, or left, top, right and bottom) and a background"
            )
        write_csv(part / photo_folder.LABELS_FILE, [("file", "label", "split"), *rows])
    return len(rows)


def _write_crops(source: str, split: str, images: Path, data_dir: Path | None) -> Iterator[str]:
    for index, example in enumerate(sources.examples(source, split, data_dir)):
        if np.isnan(example.box).any():
            continue
        image = example.decode()
        box = background_box(example.box, image.shape[:2])
        if box is not None:
            left, top, right, bottom = box
            name = f"{index:06d}.png"
            Image.fromarray(image[top:bottom, left:right]).save(images / name)
            yield name


@command("tools.make_negatives")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.make_negatives", description=__doc__.partition("\n")[0]
    )
    add = parser.add_argument
    add("source", metavar="NAME|FOLDER", help="a data set whose digits or numbers have boxes")
    add("folder", type=Path, help="the new data set")
    add("--split", choices=sources.registry.SPLITS, default="test", help="default: test")
    add("--data-dir", type=Path, metavar="FOLDER", help="folder of prepared TFDS data sets")
    options = parser.parse_args(arguments)
    quiet_tensorflow()
    count = make_negatives(options.source, options.split, options.folder, options.data_dir)
    print(f"{options.folder}: {count} images without a number")
    return 0


if __name__ == "__main__":
    run_command(main)
