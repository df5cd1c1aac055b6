"""Read stacked upright digits again, placed side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from number_zoo import names
from number_zoo.predictions import Predict, Predictions

MIN_ASPECT = 1.4
"""Minimum ratio of height to width of the box of stacked digits."""

MAX_CONFIDENCE = 0.97
"""Numbers with a higher confidence are not read again: a tall 11 is not a stack."""

MIN_CONFIDENCE = 0.5
"""Minimum confidence of a reading with further digits above or below the box."""

MARGIN = 0.15
"""Margins as fractions: of the width of the stack at its left and right, and of the distance
between digits above and below each digit."""


def read_stacked(
    images: Sequence[np.ndarray], crops: Sequence[np.ndarray | None], predict: Predict
) -> Predictions:
    """Read images, and numbers in tall boxes again with their digits side by side.

    A tall box is cut into as many digits as were read, and into one more; a reading of as many
    digits replaces the first if it has a higher confidence. Then the box is extended by a digit
    above and below, as long as this gives a longer number that contains the previous one.

    Args:
        images: uint8 arrays (height, width, 3).
        crops: as for `Reader.predict`.
        predict: the function that reads them.

    Returns:
        The predictions. `crop` and `attention` remain those of the first reading, and `box` too
        if it is not extended.
    """
    predictions = predict(images, crops)
    lengths = predictions.arrays[names.LENGTH]
    sizes = predictions.boxes[:, 2:] - predictions.boxes[:, :2]
    tall = sizes[:, 1] >= MIN_ASPECT * np.maximum(sizes[:, 0], 1)  # False for NaN
    several = (lengths >= 2) & (lengths <= predictions.arrays[names.DIGITS].shape[1])
    unsure = predictions.number_confidence < MAX_CONFIDENCE
    for row in np.flatnonzero(tall & several & unsure):
        predictions.put([row], _read_stack(images[row], predictions.take([row]), predict))
    return predictions


def _read_stack(image: np.ndarray, first: Predictions, predict: Predict) -> Predictions:
    """Read one stack again; `first` and the result have one row."""
    box, length, best = first.boxes[0], int(first.arrays[names.LENGTH][0]), first
    for count in (length, length + 1):  # the first reading may lack a digit
        again = _read_line(image, box, count, first, predict)
        as_long = len(_digits(again)) == count
        if as_long and again.number_confidence > best.number_confidence:
            best = again
    while (extended := _read_extended(image, best, predict)) is not None:
        best = extended
    return best


def _read_extended(image: np.ndarray, stack: Predictions, predict: Predict) -> Predictions | None:
    """Read a stack again with a position more above and below; None if that adds no digits."""
    box, digits = stack.boxes[0], _digits(stack)
    distance = (box[3] - box[1]) / len(digits)
    beyond = box + distance * np.float32([0, -1, 0, 1])
    longer = _read_line(image, beyond, len(digits) + 2, stack, predict)
    above, before, below = _digits(longer).partition(digits)
    if not before or not above + below or longer.number_confidence < MIN_CONFIDENCE:
        return None
    box = stack.boxes + distance * np.float32([0, -len(above), 0, len(below)])
    return Predictions(longer.arrays | {names.BOX: box})


def _read_line(
    image: np.ndarray, box: np.ndarray, count: int, stack: Predictions, predict: Predict
) -> Predictions:
    """Read `count` digits of a box side by side; the prediction has the place of `stack`."""
    line = side_by_side(image, box, count)
    places = stack.arrays.keys() & {names.BOX, names.CROP, names.ATTENTION}
    whole = np.float32([0, 0, line.shape[1], line.shape[0]])
    predictions = predict([line], [whole])
    return Predictions(predictions.arrays | {name: stack.arrays[name] for name in places})


def _digits(prediction: Predictions) -> str:
    """The number of one row; "+" for one of more digits than the model has positions."""
    (number,) = prediction.decoded.numbers()
    return number


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
