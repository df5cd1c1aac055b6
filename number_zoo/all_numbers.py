"""From the locations of numbers in images to one reading each, in reading order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import numpy as np

from number_zoo import names
from number_zoo.boxes import intersection_over_union, intersections, reading_order, suppress
from number_zoo.locator import Locations, UprightCrop
from number_zoo.predictions import Predictions

SAME_IOU, SAME_OVERLAP = 0.5, 0.6
"""Two readings are of one number where the IoU of their boxes is above the first; or where they
have the same digits, or one has the other's among its own, and the fraction of the smaller box that
overlaps is above the second."""

Predict = Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], Predictions]
"""Reads images, the first glimpse being a crop of each: `Reader.predict`."""


def read_located(
    images: Sequence[np.ndarray], locations: Sequence[Locations], predict: Predict
) -> list[Predictions]:
    """Read the located numbers of several images.

    Args:
        images: uint8 arrays (height, width, 3).
        locations: of the numbers in each.
        predict: reads all crops.

    Returns:
        The predictions of each image: a row for each number, in reading order, with `box` and
        `crop` in pixels of the image, and `turns` and `scores`; `Predictions({})` where there is
        none.
    """
    counts = [len(located) for located in locations]
    crops = [
        UprightCrop.around(image, box, turn)
        for image, located in zip(images, locations, strict=True)
        for box, turn in zip(located.boxes, located.turns.tolist(), strict=True)
    ]
    if not crops:
        return [Predictions({})] * len(images)
    arrays = predict([crop.pixels for crop in crops], [crop.window for crop in crops]).arrays
    located = Locations.concatenate(locations)
    arrays[names.CROP] = np.stack(list(map(UprightCrop.in_image, crops, arrays[names.CROP])))
    boxes = located.boxes
    if names.BOX in arrays:
        read = np.stack(list(map(UprightCrop.in_image, crops, arrays[names.BOX])))
        boxes = _box(boxes, read)
    confidence = _confidence(located.scores, arrays[names.CONFIDENCE])
    predictions = Predictions(
        arrays
        | {names.BOX: boxes, names.CONFIDENCE: confidence}
        | {names.SCORES: located.scores, names.TURNS: located.turns}
    )
    ranges = pairwise(accumulate(counts, initial=0))
    return [_one_each(predictions.take(np.arange(*limits))) for limits in ranges]


def _confidence(score: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Probability that a number was found and read correctly, (n,).

    Args:
        score: of the locator, (n,).
        confidence: of the reader for the crop, (n,).
    """
    return confidence


def _box(located: np.ndarray, read: np.ndarray) -> np.ndarray:
    """The boxes of numbers, (n, 4): those that the reader predicts, which sees them enlarged.

    Args:
        located: boxes of the locator, (n, 4).
        read: boxes of the reader, (n, 4), not finite where it has none.
    """
    return np.where(np.isfinite(read).all(axis=1, keepdims=True), read, located)


def _one_each(predictions: Predictions) -> Predictions:
    """Without rows that are no number or the same as a more confident one; in reading order."""
    numbers = predictions.decoded.numbers()
    rows = np.array([row for row, number in enumerate(numbers) if number], int)
    if not len(rows):
        return Predictions({})
    boxes = predictions.boxes[rows]
    areas = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-9)
    covered = intersections(boxes) / np.minimum(areas[:, None], areas[None])
    texts = [numbers[row].rstrip("+") for row in rows]
    alike = np.array([[a in b or b in a for b in texts] for a in texts])
    same = (covered > SAME_OVERLAP) & alike | (intersection_over_union(boxes) > SAME_IOU)
    rows = rows[suppress(same, predictions.arrays[names.CONFIDENCE][rows])]
    return predictions.take(rows[reading_order(predictions.boxes[rows])])
