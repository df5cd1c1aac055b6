"""From the box of a number to the crop that is read for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MARGIN = 0.7
"""Fraction by which the width and height of a box are enlarged for the next glimpse."""

MIN_CROP = 8.0
"""Smallest width and height of a crop, in pixels."""


def crop_around(box: Sequence[float], width: int, height: int) -> np.ndarray:
    """The crop to read for a number in a box: enlarged by `MARGIN`, within the image.

    The inference graph chooses its glimpses by the same rule (`inference.boxes.expand_boxes`).

    Args:
        box: left, top, right and bottom in pixels.
        width, height: of the image in pixels.

    Returns:
        float32 (4,), at least `MIN_CROP` wide and high where the image is.
    """
    start, end = np.float32(box[:2]), np.float32(box[2:])
    center, half = (start + end) / 2, np.maximum((end - start) / 2 * (1 + MARGIN), MIN_CROP / 2)
    return np.concatenate(
        [np.maximum(center - half, 0), np.minimum(center + half, np.float32([width, height]))]
    )
