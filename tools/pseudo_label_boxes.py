"""Add boxes to labelled photos: the predicted box if a reader reads the label, as predict.py does.

    python -m tools.pseudo_label_boxes my_photos labels_with_boxes.csv

With boxes, training can use crops around a number or without it. These boxes are predictions: use
them for training, not for evaluation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from artifacts.files import write_csv
from artifacts.startup import command, quiet_tensorflow, run_command
from datasets import photo_folder, sources
from labels import BOX
from number_zoo.files import batches
from number_zoo.images import decode_image

CHUNK = 256
"""Number of photos in memory at a time."""


def pseudo_label_boxes(
    folder: Path, out: Path, weights: str | None = None, split: str | None = None
) -> tuple[int, int]:
    """Write a copy of a folder's `labels.csv` with boxes of the photos whose label is read.

    Rows with boxes or without a number are copied unchanged. Boxes are clipped to the photo.

    Args:
        folder: folder of photos.
        out: the new table; may be that of the folder, which is then replaced.
        weights: run, file or published weights that predict a box; None for the default.
        split: only add boxes to photos of this split; None for all.

    Returns:
        Number of photos that were given a box, and number of photos in the split.

    Raises:
        FileNotFoundError: if there is no folder for the new table.
        ValueError: if a row is invalid or the weights predict no box.
    """
    photos = photo_folder.read_folder(folder)
    if not out.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {out.parent} for {out.name}")
    # Imported only now, so that --help and errors do not wait for TensorFlow.
    from number_zoo.reader import open_reader

    reader = open_reader(weights)
    selected = [photo for photo in photos if split in (None, photo.split)]
    candidates = [photo for photo in selected if photo.label and photo.boxes is None]
    boxes: dict[str, np.ndarray] = {}
    for chunk in batches(candidates, CHUNK, lambda photo: photo.path):
        images = [decode_image(photo.path) for photo in chunk]
        predictions = reader.predict_any_turn(images)
        if BOX not in predictions.arrays:
            raise ValueError(f"{weights} predicts no box: use published weights")
        for photo, image, reading in zip(chunk, images, predictions.readings(), strict=True):
            is_upright = reading.turn == photo.turn
            if reading.number == photo.label and reading.box is not None and is_upright:
                box = np.clip(reading.box, 0, image.shape[1::-1] * 2).astype(np.float32)
                if (box[2:] > box[:2]).all():
                    boxes[photo.file] = box[None]
    rows = [("file", "label", "boxes", "split", "turn")]
    for photo in photos:
        text = photo_folder.format_boxes(boxes.get(photo.file, photo.boxes))
        rows.append((photo.file, photo.label, text, photo.split, photo.turn or ""))
    write_csv(out, rows)
    return len(boxes), len(selected)


@command("tools.pseudo_label_boxes")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.pseudo_label_boxes",
        description="Add boxes to a folder's labels.csv, where a reader reads the label.",
    )
    add = parser.add_argument
    add("folder", type=Path, help="folder of photos with a labels.csv")
    add("out", type=Path, help="table to write, of the same form")
    add("--weights", metavar="NAME|RUN|FILE", help="weights that predict boxes (default: the most "
        "accurate published)")  # fmt: skip
    add("--split", choices=sources.registry.SPLITS, help="only photos of this split")
    options = parser.parse_args(arguments)
    quiet_tensorflow()
    boxes, photos = pseudo_label_boxes(options.folder, options.out, options.weights, options.split)
    print(f"{options.out}: boxes for {boxes} of {photos} photos")
    return 0


if __name__ == "__main__":
    run_command(main)
