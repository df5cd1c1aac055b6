"""Read the number of an image in which it is small: located first, then read in a crop."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from number_zoo import names
from number_zoo.all_numbers import calibrate, read_located
from number_zoo.lexicon import Lexicon
from number_zoo.locator import Locations
from number_zoo.predictions import Predict, Predictions

MIN_SIDE = 64
"""Minimum shorter side of an image in pixels: the input of a model, which is 64 pixels high, shows
smaller images without a reduction."""

MAX_HEIGHT = 0.2
"""Maximum height of a small number, as a fraction of the shorter side of the image."""

MAX_ERRORS = 0.15
"""Maximum number of expected errors if everything located were read with the confidence of a small
number: the more is located, as on a page of text, the more confident it has to be."""

MIN_SINGLE = 0.98
"""Minimum confidence of a single digit: letters and rings are like digits."""

Locate = Callable[[np.ndarray], Locations]
"""Finds the numbers in an image: `Locator.locate`."""


def read_small(
    image: np.ndarray, locate: Locate, predict: Predict, lexicon: Lexicon | None = None
) -> Predictions | None:
    """Read the small number in an image; of several the one that is highest, as labels have it.

    Args:
        image: uint8 array (height, width, 3).
        locate: the function that finds numbers.
        predict: the function that reads crops.
        lexicon: the only numbers to read; None for any.

    Returns:
        Its prediction, as one row of `read_located`; None if the image is too small, or no small
        number is read with a sufficient confidence.
    """
    shorter_side = min(image.shape[:2])
    if shorter_side < MIN_SIDE:
        return None
    located = locate(image)
    choose = functools.partial(_choose, count=len(located), max_height=MAX_HEIGHT * shorter_side)
    able = np.flatnonzero(_has_few_errors(calibrate(located.scores, 1.0), len(located)))
    if len(able) < len(located):  # on a page of text, where this saves most of the time
        # Each on its own: whether one is sufficient does not depend on the others.
        alone = [located.take([row]) for row in able]
        several = read_located([image] * len(able), alone, predict, lexicon)
        if all(choose(predictions) is None for predictions in several):
            return None
    (predictions,) = read_located([image], [located], predict, lexicon)
    return choose(predictions)


def _choose(predictions: Predictions, count: int, max_height: float) -> Predictions | None:
    """The prediction of the highest number that is small and sufficiently confident, of `count`
    locations; None if there is none."""
    if not predictions.arrays:
        return None
    sizes = predictions.boxes[:, 2:] - predictions.boxes[:, :2]
    heights = np.where(predictions.arrays[names.TURNS] % 2, sizes[:, 0], sizes[:, 1])
    confidence = predictions.number_confidence
    is_clear = (predictions.arrays[names.LENGTH] > 1) | (confidence >= MIN_SINGLE)
    is_sure = _has_few_errors(confidence, count) & is_clear
    rows = np.flatnonzero((heights <= max_height) & is_sure)
    return predictions.take(rows[[heights[rows].argmax()]]) if len(rows) else None


def _has_few_errors(confidence: np.ndarray, count: int) -> np.ndarray:
    """Bool (n,): whether each confidence (n,) is sufficient where `count` numbers are located."""
    return (1 - confidence) * count <= MAX_ERRORS
