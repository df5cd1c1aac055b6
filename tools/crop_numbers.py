"""Make a data set of crops around the numbers of another one, to train on small numbers in photos.

    python -m tools.pseudo_label_boxes my_photos my_photos/boxes.csv
    python -m tools.crop_numbers my_photos/boxes.csv my_crops
    python train.py --dataset my_crops --run runs/mine
    python evaluate.py runs/mine text_transformer.any10 --dataset my_photos --crop search

A model is trained on whole images, reduced to its input, where a number that is small in a large
photo is unreadable. `number_zoo.read` reads it in a crop; these crops are larger, as room
for the random crops of the training. Photos without a number are copied as a whole, those whose
number has no box are left out.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from artifacts.files import atomic_path, write_csv
from artifacts.startup import command, quiet_tensorflow, run_command
from datasets import photo_folder, sources
from datasets.example import Example
from number_zoo.reader import reduce_large

CONTEXT = 2.0
"""Width and height of a crop, relative to the width and height of the number's box."""


def crop_numbers(source: str, folder: Path, data_dir: Path | None = None) -> Counter[str]:
    """Write a folder of crops of all splits.

    Args:
        source: name, folder, table or mix.
        folder: the new folder; it must not exist.
        data_dir: folder of prepared TFDS data.

    Returns:
        The number of images that are a `"crop"`, `"whole"`, and `"left out"`.

    Raises:
        ValueError: if the folder exists, or no number has a box.
    """
    if folder.exists():
        raise ValueError(f"{folder} exists already: name a new folder")
    counts: Counter[str] = Counter()
    with atomic_path(folder) as part:
        (part / "images").mkdir(parents=True)
        rows = list(_write_images(source, part / "images", data_dir, counts))
        if not counts["crop"]:
            raise ValueError(
                f"{source} has no number with a box (the columns boxes, or left, top, right and "
                "bottom): python -m tools.pseudo_label_boxes adds predicted ones"
            )
        header = "file", "label", "boxes", "split", "turn"
        write_csv(part / photo_folder.LABELS_FILE, [header, *rows])
    return counts


def _write_images(
    source: str, images: Path, data_dir: Path | None, counts: Counter[str]
) -> Iterator[tuple[str, ...]]:
    for split in sources.registry.SPLITS:
        for index, example in enumerate(sources.examples(source, split, data_dir)):
            known = np.isfinite(example.box).all()
            kind = "crop" if known else "left out" if example.label else "whole"
            counts[kind] += 1
            if kind == "left out":
                continue
            image, boxes = _crop(example) if known else (reduce_large(example.decode())[0], None)
            name, turn = f"{split}_{index:06d}.png", "".join(map(str, example.turns))
            Image.fromarray(image).save(images / name)
            yield f"images/{name}", example.label, photo_folder.format_boxes(boxes), split, turn


def _crop(example: Example) -> tuple[np.ndarray, np.ndarray]:
    """The crop around a number, and its box in it (1, 4)."""
    image, box = example.decode(), example.box
    middle, half = (box[:2] + box[2:]) / 2, CONTEXT * (box[2:] - box[:2]) / 2
    left, top = np.maximum(np.floor(middle - half).astype(int), 0)
    right, bottom = np.ceil(middle + half).astype(int)
    return image[top:bottom, left:right], (box - np.float32([left, top, left, top]))[None]


@command("tools.crop_numbers")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.crop_numbers", description=__doc__.partition("\n")[0]
    )
    add = parser.add_argument
    add("source", metavar="NAME|FOLDER", help="a data set whose numbers have boxes")
    add("folder", type=Path, help="the new data set")
    add("--data-dir", type=Path, metavar="FOLDER", help="folder of prepared TFDS data sets")
    options = parser.parse_args(arguments)
    quiet_tensorflow()
    counts = crop_numbers(options.source, options.folder, options.data_dir)
    print(
        f"{options.folder}: {counts['crop']} crops and {counts['whole']} whole images without a "
        f"number; {counts['left out']} images left out, since their number has no box"
    )
    return 0


if __name__ == "__main__":
    run_command(main)
