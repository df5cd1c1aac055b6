"""A scene: an image before the camera, with its annotation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scene:
    """A sharp, evenly lit image and its annotation.

    Attributes:
        image: float32 (h, w, 3), RGB, 0 to 255 and slightly beyond.
        label: the digits, "" for no number.
        boxes: float32 (len(label), 4): left, top, right, bottom of each digit, in pixels.
        digit_height: height in pixels to which the camera's blur is proportional: a digit's, or
            less for fine strokes.
        kind: kind of object.
        ink: mask of the number and its letters, uint8 (h, w), if it was requested.
        quarter_turns: number of rotations by 90 degrees of an image without a readable number.
    """

    image: np.ndarray
    label: str
    boxes: np.ndarray
    digit_height: float
    kind: str = "house number"
    ink: np.ndarray | None = None
    quarter_turns: int = 0
