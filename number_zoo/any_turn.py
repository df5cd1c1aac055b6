"""Read images whose number may be on its side or upside down."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from number_zoo import names
from number_zoo.boxes import turn_box
from number_zoo.predictions import Predict, Predictions
from number_zoo.smoothed import read_smoothed
from number_zoo.stacked import read_stacked
from number_zoo.upright import UprightCrop, read_upright

MIN_TURNED, MIN_RIVAL = 0.98, 0.8
"""Minimum confidence of a reading in another quarter turn, if no number is read in the image as it
is; and confidence of a different number in a further turn that makes the turn ambiguous, so that no
number is returned: a 9 on its side may be a 6."""


def read_any_turn(
    images: Sequence[np.ndarray], crops: Sequence[np.ndarray | None], predict: Predict
) -> Predictions:
    """Read images, and those without a number in other quarter turns: `Reader.predict_any_turn`.

    Args:
        images: uint8 arrays (height, width, 3).
        crops: the first glimpse of each, in pixels; None for the whole image.
        predict: reads all of them.
    """
    predictions = read_stacked(images, crops, partial(read_smoothed, predict=predict))
    predictions.arrays[names.TURNS] = np.zeros(len(images), np.int32)
    absent = np.flatnonzero(predictions.arrays[names.LENGTH] == 0)
    if not len(absent):
        return predictions
    turned = [
        read_upright([_turned(images[row], crops[row], turn) for row in absent], predict)
        for turn in (1, 2, 3)
    ]
    numbers = [other.decoded.numbers() for other in turned]
    confidences = np.stack([other.number_confidence for other in turned])
    for at, row in enumerate(absent):
        best = confidences[:, at].argmax()
        sure = {numbers[turn][at] for turn in np.flatnonzero(confidences[:, at] >= MIN_RIVAL)}
        if confidences[best, at] >= MIN_TURNED and len(sure) == 1:
            predictions.put(row, turned[best].take(at))
    return predictions


def _turned(image: np.ndarray, crop: np.ndarray | None, turn: int) -> UprightCrop:
    """A whole image after `np.rot90(image, turn)`, and the crop of it to read."""
    window = None if crop is None else turn_box(crop, turn, *image.shape[1::-1])
    return UprightCrop(np.rot90(image, turn), window, turn, (0, 0))
