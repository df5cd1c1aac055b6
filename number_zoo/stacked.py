"""Read upright digits that are stacked: once more, with the digits side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from number_zoo import names
from number_zoo.predictions import Predict, Predictions

MIN_ASPECT = 1.4
"""Height over width from which on the box of two or more digits may hold a stack."""

MAX_CONFIDENCE = 0.97
"""Readings of a higher confidence are left as they are: a tall 11 is no stack."""

MARGIN = 0.15
"""Fraction of a stack's width that is added at its left and right, and of its digits' distance that
is added to the height of each."""


def read_stacked(
    images: Sequence[np.ndarray], crops: Sequence[np.ndarray | None], predict: Predict
) -> Predictions:
    """Read images; numbers in tall boxes a second time, their digits side by side.

    Args:
        images: uint8 arrays (height, width, 3).
        crops: as for `Reader.predict`.
        predict: reads all of them.

    Returns:
        The predictions, the second ones where they have as many digits and are surer; `box`, `crop`
        and `attention` remain those of the stack.
    """
    first = predict(images, crops)
    lengths, sizes = first.arrays[names.LENGTH], first.boxes[:, 2:] - first.boxes[:, :2]
    tall = sizes[:, 1] >= MIN_ASPECT * np.maximum(sizes[:, 0], 1)  # not where there is no box
    several = (lengths >= 2) & (lengths <= first.arrays[names.DIGITS].shape[1])
    rows = np.flatnonzero(tall & several & (first.sureness < MAX_CONFIDENCE))
    if not len(rows):
        return first
    lines = [side_by_side(images[row], first.boxes[row], int(lengths[row])) for row in rows]
    whole = [np.float32([0, 0, line.shape[1], line.shape[0]]) for line in lines]
    of_stack = first.arrays.keys() & {names.BOX, names.CROP, names.ATTENTION}
    places = {name: first.arrays[name][rows] for name in of_stack}
    second = Predictions(predict(lines, whole).arrays | places)
    as_long = second.arrays[names.LENGTH] == lengths[rows]
    better = as_long & (second.sureness > first.sureness[rows])
    first.put(rows[better], second.take(better))
    return first


def side_by_side(image: np.ndarray, box: np.ndarray, count: int) -> np.ndarray:
    """The digits of a stack in a line.

    Args:
        image: uint8 (height, width, 3).
        box: left, top, right and bottom of the stack in pixels.
        count: its digits, of equal heights.

    Returns:
        uint8 (height, width, 3), where the edge of the image is repeated beyond it.
    """
    left, top, right, bottom = box.tolist()
    margin, distance = MARGIN * (right - left), (bottom - top) / count
    columns = np.arange(round(left - margin), round(right + margin))
    height = max(1, round(distance * (1 + MARGIN)))
    digits = []
    for index in range(count):
        start = round(top + (index + 0.5) * distance - height / 2)
        rows = np.arange(start, start + height).clip(0, image.shape[0] - 1)
        digits.append(image[rows][:, columns.clip(0, image.shape[1] - 1)])
    return np.concatenate(digits, axis=1)
