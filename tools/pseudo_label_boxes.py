"""Boxes for photos that have labels: where a reader reads the right number, its box is kept.

    python -m tools.pseudo_label_boxes my_photos labels_with_boxes.csv

With boxes, training shows photos from near and from far, and what lies beside the number. They
are a reader's own, so train on them and do not measure by them.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

import datasets
from artifacts.files import replacing
from datasets import photo_folder, sources
from inference.reader import Reader
from labels import BOX

_CHUNK = 256


def pseudo_label_boxes(photos: list[photo_folder.Photo], reader: Reader) -> dict[str, np.ndarray]:
    """The boxes of the photos whose number the reader reads right.

    Args:
        photos: rows of a folder; those that have boxes or show no number are passed over.
        reader: of weights that find a box.

    Returns:
        File to float32 (1, 4): left, top, right, bottom in pixels, within the photo.
    """
    wanted = [photo for photo in photos if photo.number and photo.boxes is None]
    found = {}
    for chunk in sources.chunks(iter(wanted), _CHUNK):
        images = [datasets.decode_image(photo.path) for photo in chunk]
        for photo, image, reading in zip(chunk, images, reader.read(images), strict=True):
            if reading.number == photo.number and reading.box is not None:
                height, width = image.shape[:2]
                box = np.clip(reading.box, 0, [width, height] * 2).astype(np.float32)
                if (box[2:] > box[:2]).all():
                    found[photo.file] = box[None]
    return found


def write_boxes(folder: Path, out: Path, weights: str, split: str | None) -> tuple[int, int]:
    """Write a folder's `labels.csv` anew, with the boxes that a reader finds.

    Args:
        folder: folder of photos.
        out: the new table; the folder's own may be named, and is then replaced.
        weights: what to read with.
        split: find boxes for photos of this split only; None for all.

    Returns:
        How many photos were given a box, and how many were looked at.

    Raises:
        ValueError: if a row is wrong or the weights find no box.
    """
    photos = photo_folder.read_folder(folder)
    reader = Reader(weights)
    if BOX not in reader.model.output:
        raise ValueError(f"{weights} says no box: take weights that do")
    asked = [photo for photo in photos if split in (None, photo.split)]
    found = pseudo_label_boxes(asked, reader)
    with replacing(out) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "label", "boxes", "split"))
        for photo in photos:
            boxes = found.get(photo.file, photo.boxes)
            text = "" if boxes is None else ";".join(" ".join(f"{x:g}" for x in b) for b in boxes)
            writer.writerow((photo.file, photo.number, text, photo.split))
    return len(found), len(asked)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.pseudo_label_boxes",
        description="Add boxes to a folder's labels.csv, where a reader reads the right number.",
    )
    add = parser.add_argument
    add("folder", type=Path, help="folder of photos with a labels.csv")
    add("out", type=Path, help="the new table")
    add("--weights", default="street_numbers", metavar="RUN|NAME", help="what to read with")
    add("--split", choices=sources.registry.SPLITS, help="only photos of this split")
    options = parser.parse_args(arguments)
    try:
        count, asked = write_boxes(options.folder, options.out, options.weights, options.split)
    except (ValueError, OSError) as error:
        print(f"tools.pseudo_label_boxes: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: boxes for {count} of {asked} photos")
    return 0


if __name__ == "__main__":
    sys.exit(main())
