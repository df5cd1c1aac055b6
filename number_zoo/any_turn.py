"""Read the number of an image in which it may be small, on its side or upside down."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from number_zoo import names
from number_zoo.boxes import turn_box
from number_zoo.lexicon import Lexicon
from number_zoo.predictions import Predict, Predictions
from number_zoo.small_numbers import Locate, read_small
from number_zoo.smoothed import SURE, read_smoothed
from number_zoo.stacked import read_stacked
from number_zoo.upright import UprightCrop, read_upright

MIN_TURNED, MIN_RIVAL = 0.98, 0.8
"""Minimum confidence of a reading of the image in another quarter turn, since words upside down are
like digits; and confidence of a different number in a further turn that makes the turn ambiguous,
so that no number is returned: a 9 on its side may be a 6."""


def read_any_turn(
    images: Sequence[np.ndarray],
    crops: Sequence[np.ndarray | None],
    predict: Predict,
    locate: Locate,
    lexicon: Lexicon | None = None,
) -> Predictions:
    """Read one number in each image, small or in any quarter turn: `Reader.predict_any_turn`.

    Args:
        images: uint8 arrays (height, width, 3).
        crops: the first glimpse of each, in pixels; None for the whole image.
        predict: reads all of them.
        locate: finds the numbers in an image.
        lexicon: the only numbers to read; None for any.
    """
    predictions = read_stacked(images, crops, partial(read_smoothed, predict=predict))
    predictions.arrays[names.TURNS] = np.zeros(len(images), np.int32)
    absent = np.flatnonzero(predictions.arrays[names.LENGTH] == 0)
    if lexicon is not None:
        predictions = lexicon.restrict(predictions)
    small = {
        row: read_small(images[row], locate, predict, lexicon)
        for row in np.flatnonzero(predictions.number_confidence < SURE)
        if crops[row] is None
    }
    small = {row: prediction for row, prediction in small.items() if prediction is not None}
    for row, prediction in small.items():
        predictions.put([row], prediction)
    others = np.setdiff1d(absent, list(small))
    _put_turned(predictions, others, images, crops, predict, lexicon)
    return predictions


def _put_turned(
    predictions: Predictions,
    rows: np.ndarray,
    images: Sequence[np.ndarray],
    crops: Sequence[np.ndarray | None],
    predict: Predict,
    lexicon: Lexicon | None,
) -> None:
    """Replace predictions by those of another quarter turn where one alone is sure, in place; the
    lexicon does not choose the turn, since an 86 upside down is a 98."""
    if not len(rows):
        return
    turned = [
        read_upright([_turned(images[row], crops[row], turn) for row in rows], predict)
        for turn in (1, 2, 3)
    ]
    numbers = [other.decoded.numbers() for other in turned]
    confidences = np.stack([other.number_confidence for other in turned])
    for at, row in enumerate(rows):
        best = confidences[:, at].argmax()
        sure = {numbers[turn][at] for turn in np.flatnonzero(confidences[:, at] >= MIN_RIVAL)}
        if confidences[best, at] >= MIN_TURNED and len(sure) == 1:
            found = turned[best].take([at])
            predictions.put([row], found if lexicon is None else lexicon.restrict(found))


def _turned(image: np.ndarray, crop: np.ndarray | None, turn: int) -> UprightCrop:
    """A whole image after `np.rot90(image, turn)`, and the crop of it to read."""
    window = None if crop is None else turn_box(crop, turn, *image.shape[1::-1])
    return UprightCrop(np.rot90(image, turn), window, turn, (0, 0))
