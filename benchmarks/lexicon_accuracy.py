"""Measure what a lexicon gains: the sequence accuracy of the numbers in a folder of photos.

    python benchmarks/lexicon_accuracy.py my_photos
    python benchmarks/lexicon_accuracy.py my_photos --sizes 20 500 --split validation

Every image is read as a whole, among the numbers of a lexicon of its own: its label and other
numbers, half of them labels of other images and the rest random ones as long as labels of the
folder. Images without a number are left out. The second figures are for lexicons without the label:
the correct reading is then that there is no number of the lexicon.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from datasets import photo_folder
from number_zoo import Lexicon, Predictions, Reader, files, published

SIZES = [10, 100, 1000]
SURE = 0.9


def other_numbers(label: str, labels: list[str], count: int, rng: np.random.Generator) -> list[str]:
    """Distinct numbers other than the label; fewer than `count` if labels are short."""
    others = dict.fromkeys(rng.permutation(labels)[: count // 2].tolist())
    for number in rng.choice(labels, 4 * count).tolist():
        others["".join(map(str, rng.integers(0, 10, len(number))))] = None
    others.pop(label, None)
    return list(others)[:count]


def predict(reader: Reader, photos: list) -> Iterator[Predictions]:
    """The predictions of each photo."""
    for batch in files.batches(photo.path for photo in photos):
        predictions = reader.predict_any_turn(batch)
        yield from (predictions.take([row]) for row in range(len(batch)))


def outcome(predictions: Predictions, correct: str) -> tuple[bool, bool]:
    """Whether the reading of one image is correct, and whether it is a wrong, confident number."""
    (reading,) = predictions.readings()
    is_correct = reading.number == correct
    return is_correct, bool(reading.number) and not is_correct and reading.confidence >= SURE


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, help="labelled photos, as for train.py --dataset")
    add("--split", choices=("validation", "test"), default="test")
    add("--weights", default=published.DEFAULT_WEIGHTS, help="weights, as for number-zoo")
    add("--sizes", type=int, nargs="+", default=SIZES, help="counts of numbers in a lexicon")
    options = parser.parse_args(arguments)
    photos = [
        photo for photo in photo_folder.read_folder(options.folder, options.split) if photo.label
    ]
    if not photos:
        parser.error(f"{options.folder} has no numbers in its split {options.split!r}")
    if min(options.sizes) < 2:
        parser.error(f"--sizes are 2 or more. Received: {min(options.sizes)}")
    labels = [photo.label for photo in photos]
    predictions = list(predict(Reader(options.weights), photos))
    print(f"{options.folder.name}, {options.split}: {len(photos)} images, {options.weights}")
    print(
        f"{'lexicon':>8}{'correct':>10}{'wrong, sure':>14}{'without label':>16}{'wrong, sure':>14}"
    )
    plain = np.mean(list(map(outcome, predictions, labels)), axis=0)
    print(f"{'none':>8}{plain[0]:>10.1%}{plain[1]:>14.1%}")
    for size in options.sizes:
        rng = np.random.default_rng(size)
        inside, outside = [], []
        for label, prediction in zip(labels, predictions, strict=True):
            others = other_numbers(label, labels, size - 1, rng)
            inside.append(outcome(Lexicon([label, *others]).restrict(prediction), label))
            outside.append(outcome(Lexicon(others).restrict(prediction), ""))
        (right, wrong), (refused, invented) = np.mean(inside, axis=0), np.mean(outside, axis=0)
        print(f"{size:>8}{right:>10.1%}{wrong:>14.1%}{refused:>16.1%}{invented:>14.1%}", flush=True)
    print(f"sure: with a confidence of {SURE} or more; wrong: a number other than the label")
    return 0


if __name__ == "__main__":
    sys.exit(main())
