"""Scores of located numbers, in NumPy; training and evaluation use the same definition."""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
import numpy as np

from models.locator import decode_locations
from models.locator_loss import LocatorLoss
from number_zoo.boxes import intersections

MATCH_IOU = 0.5
"""Minimum intersection over union of a predicted box with the box of a number that it finds."""

SIZES = {"small": (0, 16), "medium": (16, 48), "large": (48, np.inf)}
"""Ranges of the shorter side of a number's box in pixels of the locator's input."""

_MIN_IGNORED = 0.5
_CHUNK = 64


@dataclass(frozen=True)
class Matches:
    """The matches of predicted boxes and numbers in an image.

    Attributes:
        number: int (k,), index of the number that each box finds, or −1.
        ignored: bool (k,), whether more than half of a box without a match lies in a box to ignore,
            so that it counts neither as right nor as wrong.
    """

    number: np.ndarray
    ignored: np.ndarray


def overlaps(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intersection over union, and over the area of `a`: (n, m) each, of boxes (n, 4), (m, 4)."""
    a, b = (np.asarray(boxes, np.float64).reshape(-1, 4) for boxes in (a, b))
    common = intersections(a, b)
    areas = [np.maximum((x[:, 2:] - x[:, :2]).prod(-1), 1e-9) for x in (a, b)]
    return common / (areas[0][:, None] + areas[1] - common), common / areas[0][:, None]


def match_boxes(
    boxes: np.ndarray,
    scores: np.ndarray,
    numbers: np.ndarray,
    ignored: np.ndarray = (),
    possible: np.ndarray | None = None,
) -> Matches:
    """Match boxes to numbers by descending score, each to the number that it overlaps most.

    Args:
        boxes: (k, 4), left, top, right, bottom.
        scores: (k,), which define the order of matching.
        numbers: (n, 4), the true boxes; each is matched once at most.
        ignored: (m, 4), boxes to ignore.
        possible: bool (k, n), the pairs that may match. Defaults to all.
    """
    overlap, _ = overlaps(boxes, numbers)
    if possible is not None:
        overlap = np.where(possible, overlap, -1.0)
    _, inside = overlaps(boxes, ignored)
    number = np.full(len(overlap), -1)
    for index in np.argsort(-np.asarray(scores), kind="stable"):
        if overlap.shape[1] and overlap[index].max() >= MATCH_IOU:
            number[index] = overlap[index].argmax()
            overlap[:, number[index]] = -1
    return Matches(number, (number < 0) & (inside.max(1, initial=0) > _MIN_IGNORED))


class LocationScores:
    """Scores of located numbers, accumulated image by image."""

    def __init__(self):
        self._boxes, self._numbers = [], []  # (score, number or -1, side) and (side, turn right)

    def update(
        self, boxes: np.ndarray, scores: np.ndarray, turns: np.ndarray, truth: np.ndarray
    ) -> None:
        """Add an image.

        Args:
            boxes: (k, 4), as returned by `decode_locations`.
            scores: (k,); rows with a score of 0 are unused.
            turns: (k,).
            truth: (M, 5), as for `LocatorLoss`.
        """
        is_box = scores > 0
        boxes, scores, turns = boxes[is_box], scores[is_box], turns[is_box]
        is_number = np.isfinite(truth).all(1)
        is_ignored = np.isfinite(truth[:, :4]).all(1) & ~is_number
        numbers = truth[is_number]
        matches = match_boxes(boxes, scores, numbers[:, :4], truth[is_ignored, :4])
        sides = np.minimum(*(numbers[:, 2:4] - numbers[:, :2]).T)
        is_hit = matches.number >= 0
        box_sides = np.minimum(*(boxes[:, 2:] - boxes[:, :2]).T)
        box_sides[is_hit] = sides[matches.number[is_hit]]
        turn_correct = np.full(len(scores), np.nan)
        turn_correct[is_hit] = turns[is_hit] == numbers[matches.number[is_hit], 4]
        rows = np.stack([scores, is_hit, box_sides, turn_correct], axis=1)
        self._boxes.append(rows[~matches.ignored])
        self._numbers.append(sides)

    def update_batch(
        self, locations: np.ndarray, truth: np.ndarray, image_size: tuple[int, int]
    ) -> None:
        """Add a batch of a locator's outputs; the arguments are those of `location_scores`."""
        decoded = decode_locations(keras.ops.convert_to_tensor(locations), image_size)
        arrays = [keras.ops.convert_to_numpy(values) for values in decoded.values()]
        for *image, image_truth in zip(*arrays, truth, strict=True):
            self.update(*image, image_truth)

    def best_threshold(self) -> float:
        """The score threshold with the highest F1; 0.5 if no box is right."""
        scores, is_hit, _, _ = np.concatenate([np.empty((0, 4)), *self._boxes]).T
        order = np.argsort(-scores, kind="stable")
        count = sum(map(len, self._numbers))
        f1 = 2 * np.cumsum(is_hit[order]) / (np.arange(1, len(order) + 1) + count)
        f1[:-1][np.diff(scores[order]) == 0] = 0  # a threshold includes all boxes of its score
        return float(scores[order][f1.argmax()]) if f1.any() else 0.5

    def result(self, threshold: float = 0.5) -> dict[str, float]:
        """The scores of all images so far.

        Args:
            threshold: minimum score of the boxes that count for precision and recall.

        Returns:
            `average_precision`, the area under the precision-recall curve with monotonic precision
            (as in Pascal VOC 2010); `precision`, `recall` and `f1` of the boxes above the
            threshold; `turn_accuracy`, the fraction of matched boxes with the right turn; and
            `average_precision_SIZE` and `recall_SIZE` for each of `SIZES`, where numbers and wrong
            boxes of other sizes do not count. A score without numbers and boxes is NaN, as are
            average precision and recall without numbers; with numbers but without boxes, precision
            and `turn_accuracy` are 0.
        """
        scores, is_hit, sides, turn_correct = np.concatenate([np.empty((0, 4)), *self._boxes]).T
        numbers = np.concatenate([np.empty(0), *self._numbers])
        is_hit, counts = is_hit.astype(bool), scores >= threshold
        hits = is_hit & counts
        right_turns = (turn_correct[hits] == 1).sum()
        results = {
            "average_precision": average_precision(scores, is_hit, len(numbers)),
            "precision": _ratio(hits.sum(), counts.sum(), len(numbers)),
            "recall": _ratio(hits.sum(), len(numbers)),
            "f1": _ratio(2 * hits.sum(), counts.sum() + len(numbers)),
            "turn_accuracy": _ratio(right_turns, hits.sum(), len(numbers)),
        }
        for name, (least, most) in SIZES.items():
            of_size = (sides >= least) & (sides < most)
            count = ((numbers >= least) & (numbers < most)).sum()
            precision = average_precision(scores[of_size], is_hit[of_size], count)
            results[f"average_precision_{name}"] = precision
            results[f"recall_{name}"] = _ratio((hits & of_size).sum(), count)
        return results


def _ratio(part: float, whole: float, numbers: int = 0) -> float:
    if whole:
        return float(part / whole)
    return 0.0 if numbers else float("nan")


def average_precision(
    scores: np.ndarray, is_hit: np.ndarray, count: float, weights: np.ndarray | None = None
) -> float:
    """Area under the precision-recall curve.

    Args:
        scores: (k,), scores of all boxes of all images.
        is_hit: bool (k,), whether each box finds a number.
        count: number of numbers; the result is NaN for 0.
        weights: (k,), weights of the boxes. Defaults to 1.
    """
    if count == 0:
        return float("nan")
    order = np.argsort(-np.asarray(scores), kind="stable")
    weights = np.ones(len(order)) if weights is None else np.asarray(weights, float)[order]
    hits = np.asarray(is_hit, bool)[order] * weights
    precision = np.cumsum(hits) / np.maximum(np.cumsum(weights), 1e-9)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * hits).sum() / count)


def location_scores(
    locations: np.ndarray, truth: np.ndarray, image_size: tuple[int, int]
) -> dict[str, float]:
    """Score a locator's outputs.

    Args:
        locations: (images, h, w, 9), the model's outputs.
        truth: (images, M, 5), as for `LocatorLoss`.
        image_size: (height, width) of the images in pixels.

    Returns:
        The scores of `LocationScores.result` that are defined, and `loss`, the mean `LocatorLoss`.
    """
    scores, losses, loss = LocationScores(), [], LocatorLoss()
    for start in range(0, len(locations), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        losses.append(len(truth[chunk]) * float(loss(truth[chunk], locations[chunk])))
        scores.update_batch(locations[chunk], truth[chunk], image_size)
    results = {name: value for name, value in scores.result().items() if not math.isnan(value)}
    return results | {"loss": sum(losses) / max(len(locations), 1)}
