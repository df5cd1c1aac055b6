"""Figures of numbers found and read: match readings to numbers, and compute scores."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from datasets import Example
from evaluation.intervals import bootstrap, wilson_interval
from models.locator_metrics import average_precision, match_boxes
from number_zoo.predictions import Reading

SMALL = 0.05
"""Height of a number, as a fraction of the image's, below which it is small."""

SIZES = ("all", "small", "large")

MISTAKES = ("missed", "misread", "invented")
"""Kinds of mistakes among the outcomes."""

CONFIDENT = 0.9
"""Confidence thresholds of the false alarms in images without a number."""


class Outcome(NamedTuple):
    """The result of a reading, or of a missed number.

    Attributes:
        kind: "right", "misread", "invented", "ignored" or "missed".
        label: label of the number; "" if the reading finds none.
        reading: the reading; None for a missed number.
        box: (4,), left, top, right and bottom in pixels; None if unknown.
    """

    kind: str
    label: str
    reading: Reading | None
    box: Sequence[float] | None


@dataclass(frozen=True)
class SceneResult:
    """The numbers of an image, its readings, and the matches between them.

    Attributes:
        example: the image and its numbers.
        image_size: its height and width in pixels.
        readings: the readings of the image.
        read: int (readings,), index of the number that each reading finds and reads, or -1.
        located: the same for the box alone, independent of the digits.
        ignored: bool (readings,), whether a reading lies in a box to be ignored and is neither
            right nor wrong.
    """

    example: Example
    image_size: tuple[int, int]
    readings: Sequence[Reading]
    read: np.ndarray
    located: np.ndarray
    ignored: np.ndarray

    @property
    def heights(self) -> np.ndarray:
        """Height of each upright number relative to the image's height; infinite without a box."""
        turned = self.example.turns % 2 == 1
        return _heights(self.example.boxes, turned) / self.image_size[0]

    def reading_heights(self, number: np.ndarray) -> np.ndarray:
        """The same for each reading: of its `number`, else of one that it reads or finds, else of
        its box; `number` is `read` or `located`."""
        turned = np.array([reading.turn % 2 == 1 for reading in self.readings], bool)
        heights = _heights(_boxes(self.readings), turned) / self.image_size[0]
        number = np.where(number >= 0, number, np.maximum(self.read, self.located))
        heights[number >= 0] = self.heights[number[number >= 0]]
        return heights

    @property
    def outcomes(self) -> list[Outcome]:
        """Outcomes of all readings, then of the numbers that no reading finds."""
        labels, outcomes = self.example.labels, []
        for index, reading in enumerate(self.readings):
            number, kind = self.located[index], "ignored"
            if self.read[index] >= 0:
                number, kind = self.read[index], "right"
            elif number >= 0 and number not in self.read:
                kind = "misread"
            elif number < 0 and not self.ignored[index]:
                kind = "invented"
            label = labels[number] if kind in ("right", "misread") else ""
            outcomes.append(Outcome(kind, label, reading, reading.box))
        for number in np.setdiff1d(np.arange(len(labels)), [*self.read, *self.located]):
            box = self.example.boxes[number]
            known = box.tolist() if np.isfinite(box).all() else None
            outcomes.append(Outcome("missed", labels[number], None, known))
        return outcomes


def _heights(boxes: np.ndarray, turned: np.ndarray) -> np.ndarray:
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.nan_to_num(np.where(turned, *sides.T), nan=np.inf)


def _boxes(readings: Sequence[Reading]) -> np.ndarray:
    unknown = (np.nan,) * 4
    return np.array([reading.box or unknown for reading in readings], np.float64).reshape(-1, 4)


def match_scene(
    example: Example, image_size: tuple[int, int], readings: Sequence[Reading]
) -> SceneResult:
    """Match the readings of an image to its numbers, one to one.

    Readings are matched in descending order of confidence. A reading finds a number if their boxes
    have an intersection over union of at least 0.5, and reads it if it also has the digits of the
    label. A number without a box is read by any reading with its digits.
    """
    boxes = np.nan_to_num(_boxes(readings))
    confidences = np.array([reading.confidence for reading in readings])
    numbers, known = np.nan_to_num(example.boxes), np.isfinite(example.boxes).all(axis=1)
    same = np.array(
        [[reading.number == label for label in example.labels] for reading in readings], bool
    ).reshape(len(readings), len(numbers))
    matches = match_boxes(boxes, confidences, numbers, example.ignored_boxes)
    read = match_boxes(boxes, confidences, numbers, possible=same).number
    for number in np.flatnonzero(~known):
        free = np.flatnonzero(same[:, number] & (read < 0) & (matches.number < 0))
        if len(free):
            read[free[np.argmax(confidences[free])]] = number
    return SceneResult(example, image_size, readings, read, matches.number, matches.ignored)


def scene_figures(results: Sequence[SceneResult]) -> dict[str, Any]:
    """Figures over images, with 95 % intervals by a bootstrap over images.

    Returns:
        - `images`, `numbers`, `readings`: counts;
        - `read`: for `"all"` numbers, `"small"` ones (height below 5 % of the image's) and
            `"large"` ones: `precision`, `recall`, `f1` of numbers found and read, each with
            `..._interval`, and `numbers`. An invented reading counts by the size of its box;
        - `found`: the same for boxes alone, and `average_precision`; only for images in which every
            number has a box;
        - `mistakes`: counts of numbers `missed` and `misread`, and of readings `invented`;
        - `turns`: fraction of the found numbers with the right turn;
        - `false_alarms`, if there are images without a number: their count, and the fractions in
            which a number is read, at any confidence and with 0.9 or more.
    """
    boxed = [result for result in results if np.isfinite(result.example.boxes).all()]
    kinds = Counter(outcome.kind for result in results for outcome in result.outcomes)
    figures: dict[str, Any] = {
        "images": len(results),
        "numbers": sum(len(result.example.labels) for result in results),
        "readings": sum(len(result.readings) for result in results),
        "read": {size: _scores(results, size, lambda result: result.read) for size in SIZES},
        "found": {},
        "mistakes": {kind: kinds[kind] for kind in MISTAKES},
    }
    if any(result.example.labels for result in boxed):
        figures["found"] = {
            size: _scores(boxed, size, lambda result: result.located)
            | _average_precision(boxed, size)
            for size in SIZES
        }
        turns = [
            reading.turn % 4 == result.example.turns[number]
            for result in boxed
            for reading, number in zip(result.readings, result.located, strict=True)
            if number >= 0
        ]
        figures["turns"] = float(np.mean(turns)) if turns else None
    empty = [r for r in results if not r.example.labels and not len(r.example.ignored_boxes)]
    if empty:
        alarms = [max((x.confidence for x in r.readings), default=-1.0) for r in empty]
        figures["false_alarms"] = {"images": len(empty)}
        for name, least in (("any", 0.0), (str(CONFIDENT), CONFIDENT)):
            count = sum(alarm >= least for alarm in alarms)
            figures["false_alarms"][name] = count / len(empty)
            figures["false_alarms"][f"{name}_interval"] = wilson_interval(count, len(empty))
    return figures


def _of_size(heights: np.ndarray, size: str) -> np.ndarray:
    if size == "all":
        return np.ones(len(heights), bool)
    return (heights < SMALL) == (size == "small")


def _scores(
    results: Sequence[SceneResult], size: str, number_of: Callable[[SceneResult], np.ndarray]
) -> dict[str, Any]:
    """Precision, recall and F1 of one size, with intervals."""
    counts = np.zeros((len(results), 3))  # right, readings, numbers
    for row, result in zip(counts, results, strict=True):
        number = number_of(result)
        sized, right = _of_size(result.reading_heights(number), size), number >= 0
        counted = sized & (right | ~result.ignored)
        row[:] = (sized & right).sum(), counted.sum(), _of_size(result.heights, size).sum()
    right, readings, numbers = counts.T

    def ratio(above: np.ndarray, below: np.ndarray, weights: np.ndarray) -> np.ndarray:
        total = weights @ below
        return np.divide(weights @ above, total, out=np.full(len(total), np.nan), where=total > 0)

    scores: dict[str, Any] = {"numbers": int(numbers.sum())}
    for name, above, below in (
        ("precision", right, readings),
        ("recall", right, numbers),
        ("f1", 2 * right, readings + numbers),
    ):
        value, interval = bootstrap(functools.partial(ratio, above, below), len(results))
        scores |= {name: value, f"{name}_interval": interval}
    return scores


def _average_precision(results: Sequence[SceneResult], size: str) -> dict[str, Any]:
    """Average precision of boxes of one size, with its interval."""
    rows = [
        (image, reading.confidence if reading.score is None else reading.score, number >= 0)
        for image, result in enumerate(results)
        for reading, number, height, ignored in zip(
            result.readings,
            result.located,
            result.reading_heights(result.located),
            result.ignored,
            strict=True,
        )
        if _of_size(np.array([height]), size)[0] and not ignored
    ]
    image, confidence, hit = np.array(rows, np.float64).reshape(-1, 3).T
    image, hit = image.astype(int), hit.astype(bool)
    numbers = np.array([_of_size(result.heights, size).sum() for result in results])

    def score(weights: np.ndarray) -> np.ndarray:
        return np.array(
            [average_precision(confidence, hit, w @ numbers, w[image]) for w in weights]
        )

    value, interval = bootstrap(score, len(results), resamples=200)
    return {"average_precision": value, "average_precision_interval": interval}
