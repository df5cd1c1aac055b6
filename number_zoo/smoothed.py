"""Read images again after smoothing, where noise may hide the number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from number_zoo import names
from number_zoo.predictions import Predict, Predictions

SURE = 0.6
"""Minimum confidence of a prediction that is kept, and of one after smoothing that replaces it."""

MAX_HEIGHT = 128
"""Maximum height of a glimpse in pixels: a higher one is smoothed by its reduction to the input of
a model, which is 64 pixels high."""

_BINOMIAL = np.array([1, 4, 6, 4, 1])
SMOOTHING = ImageFilter.Kernel((5, 5), np.outer(_BINOMIAL, _BINOMIAL).ravel().tolist())
"""A filter with a standard deviation of one pixel, which leaves two pixels at the edges as they
are."""


def read_smoothed(
    images: Sequence[np.ndarray], crops: Sequence[np.ndarray | None], predict: Predict
) -> Predictions:
    """Read images, and once more after smoothing if no number is read, or only an uncertain one.

    Sensor noise, strong compression and the pixels of a photographed screen are of the scale of one
    or two pixels; the strokes of most numbers are wider. A prediction of no number that is certain
    is replaced by a number, any other one also by a certain prediction of none.

    Args:
        images: uint8 arrays (height, width, 3).
        crops: as for `Reader.predict`.
        predict: the function that reads them.
    """
    predictions = predict(images, crops)
    heights = predictions.crops[:, 3] - predictions.crops[:, 1]
    doubtful = predictions.number_confidence < SURE
    rows = np.flatnonzero(doubtful & (heights <= MAX_HEIGHT))
    if len(rows):
        smooth = [np.asarray(Image.fromarray(images[row]).filter(SMOOTHING)) for row in rows]
        again = predict(smooth, [crops[row] for row in rows])
        unsure = predictions.arrays[names.CONFIDENCE][rows] < SURE
        sure = np.where(unsure, again.arrays[names.CONFIDENCE], again.number_confidence) >= SURE
        predictions.put(rows[sure], again.take(sure))
    return predictions
