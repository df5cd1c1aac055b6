"""Read stacked upright digits a second time, placed side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from number_zoo import names
from number_zoo.predictions import Predict, Predictions

MIN_ASPECT = 1.4
"""Minimum ratio of height to width of the box of stacked digits."""

MAX_CONFIDENCE = 0.97
"""Numbers with a higher confidence are not read again: a tall 11 is not a stack."""

MARGIN = 0.15
"""Margins as fractions: of the width of the stack at its left and right, and of the distance
between digits above and below each digit."""


def read_stacked(
    images: Sequence[np.ndarray], crops: Sequence[np.ndarray | None], predict: Predict
) -> Predictions:
    """Read images, and numbers in tall boxes a second time with their digits side by side.

    Args:
        images: uint8 arrays (height, width, 3).
        crops: as for `Reader.predict`.
        predict: the function that reads them.

    Returns:
        The predictions. A second prediction replaces the first if it has the same number of digits
        and a higher confidence; `box`, `crop` and `attention` remain those of the first.
    """
    first = predict(images, crops)
    lengths, sizes = first.arrays[names.LENGTH], first.boxes[:, 2:] - first.boxes[:, :2]
    tall = sizes[:, 1] >= MIN_ASPECT * np.maximum(sizes[:, 0], 1)  # False for NaN
    several = (lengths >= 2) & (lengths <= first.arrays[names.DIGITS].shape[1])
    rows = np.flatnonzero(tall & several & (first.number_confidence < MAX_CONFIDENCE))
    if not len(rows):
        return first
    lines = [side_by_side(images[row], first.boxes[row], int(lengths[row])) for row in rows]
    whole = [np.float32([0, 0, line.shape[1], line.shape[0]]) for line in lines]
    of_stack = first.arrays.keys() & {names.BOX, names.CROP, names.ATTENTION}
    places = {name: first.arrays[name][rows] for name in of_stack}
    second = Predictions(predict(lines, whole).arrays | places)
    as_long = second.arrays[names.LENGTH] == lengths[rows]
    better = as_long & (second.number_confidence > first.number_confidence[rows])
    first.put(rows[better], second.take(better))
    return first


def side_by_side(image: np.ndarray, box: np.ndarray, count: int) -> np.ndarray:
    """Cut stacked digits and place them side by side.

    Args:
        image: uint8 (height, width, 3).
        box: left, top, right and bottom of the stack in pixels.
        count: number of digits, assumed to be of equal heights.

    Returns:
        uint8 (height, width, 3); edge pixels are repeated beyond the image.
    """
    left, top, right, bottom = box.tolist()
    margin, distance = MARGIN * (right - left), (bottom - top) / count
    first, last = round(left - margin), round(right + margin)
    columns = np.arange(first, max(last, first + 1))  # a box may be thinner than a pixel
    height = max(1, round(distance * (1 + MARGIN)))
    digits = []
    for index in range(count):
        start = round(top + (index + 0.5) * distance - height / 2)
        rows = np.arange(start, start + height).clip(0, image.shape[0] - 1)
        digits.append(image[rows][:, columns.clip(0, image.shape[1] - 1)])
    return np.concatenate(digits, axis=1)
