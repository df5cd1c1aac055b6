"""Accuracy of `read` on rendered scenes with one number, by the height of the number.

    python benchmarks/small_numbers.py
    python benchmarks/small_numbers.py --weights conv_transformer_small.any10 --count 100

Every scene of 0.1 to 12 megapixels shows one number of any kind, and distractors such as words and
wheels; in as many others are distractors only. "As it is" is a reading of the whole image
(`Reader.predict`), which `read` repeats in crops of small numbers and in other quarter turns. The
seeds of these scenes are not those of a training or a test set.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from datasets.rendered_numbers.rendering import map_indices
from datasets.rendered_scenes.rendering import Scene, render_scene
from datasets.rendered_scenes.styles import SceneStyle
from number_zoo import Reader, Reading, published
from number_zoo.output import progress

SEED = 104
STYLE = SceneStyle(crowded=0, cut=0, turned_objects=0, sides=(400, 4000), largest=0.5)
HEIGHTS = (0.0, 0.02, 0.04, 0.08, 0.15, 1.0)
SURE = 0.9


def scenes(numbers: int, count: int) -> Iterator[Scene]:
    """Render scenes with one number or none, without those whose number is unreadable."""
    style = replace(STYLE, counts=((1.0, numbers),))
    for scene in map_indices(functools.partial(render_scene, SEED + numbers, style=style), count):
        if len(scene.labels) == numbers and not len(scene.ignored_boxes):
            yield scene


def height(scene: Scene) -> float:
    """Height of the number as a fraction of the shorter side of the image."""
    (left, top, right, bottom), (turn,) = scene.boxes[0], scene.turns
    return float(right - left if turn % 2 else bottom - top) / min(scene.image.shape[:2])


def read(reader: Reader, scene: Scene) -> tuple[Reading, Reading, Reading]:
    """The reading of the image as it is, that of `read`, and the most confident of `read_all`."""
    (first,) = reader.predict([scene.image]).readings()
    every = reader.read_all(scene.image)
    most = max(every, key=lambda reading: reading.confidence, default=Reading("", 0.0))
    return first, reader.read(scene.image), most


def row(name: str, correct: Sequence[str], readings: Sequence[Sequence[Reading]]) -> str:
    """A row of the table: correct readings, and wrong numbers of a high confidence."""
    figures = []
    for several in zip(*readings, strict=True):
        pairs = list(zip(correct, several, strict=True))
        right = [one.number == label for label, one in pairs]
        sure = [one.number not in ("", label) and one.confidence >= SURE for label, one in pairs]
        figures.append(f"{np.mean(right):>10.1%}{np.mean(sure):>8.1%}")
    return f"{name:>14}{len(correct):>8}{''.join(figures)}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--weights", default=published.DEFAULT_WEIGHTS, help="weights, as for number-zoo"
    )
    parser.add_argument("--count", type=int, default=500, help="scenes with a number, and without")
    options = parser.parse_args(arguments)
    if options.count < 1:
        parser.error(f"--count is 1 or more. Received: {options.count}")
    reader = Reader(options.weights)
    print(f"{options.weights}: correct, and wrong with a confidence of {SURE} or more")
    print(f"{'height':>14}{'scenes':>8}{'as it is':>18}{'read':>18}{'read_all':>18}")
    show = progress(2 * options.count, sys.stderr.isatty())
    labels, heights, readings = [], [], []
    for scene in scenes(1, options.count):
        labels.append(scene.labels[0])
        heights.append(height(scene))
        readings.append(read(reader, scene))
        show(len(readings))
    places = np.digitize(heights, HEIGHTS) - 1
    for place, (low, high) in enumerate(itertools.pairwise(HEIGHTS)):
        rows = np.flatnonzero(places == place)
        if len(rows):
            name = f"{low:.0%} to {high:.0%}"
            print(row(name, [labels[i] for i in rows], [readings[i] for i in rows]))
    print(row("all", labels, readings))
    none = []
    for scene in scenes(0, options.count):
        none.append(read(reader, scene))
        show(options.count + len(none))
    print(row("no number", [""] * len(none), none))
    return 0


if __name__ == "__main__":
    sys.exit(main())
