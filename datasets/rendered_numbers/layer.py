"""Flat images that are partly transparent, and how colour is laid on an image."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.rendered_numbers.surfaces import Colour, row_of


class Layer:
    """A flat image that is partly transparent.

    Attributes:
        paint: float32 (h, w, 4), red, green, blue (0 to 255, times the opacity) and opacity
            (0 to 1), so that it can be warped and blurred without dark fringes.
        box: left, top, right, bottom of what is painted, in pixels; all 0 where nothing is.
    """

    def __init__(self, height: int, width: int) -> None:
        self.paint = np.zeros((height, width, 4), np.float32)
        self.box = (0, 0, 0, 0)

    def put(self, mask: np.ndarray, colour: Colour, opacity: float = 1.0) -> None:
        """Lay a colour over the layer where the mask (uint8 (h, w)) says."""
        left, top, right, bottom = self.box
        blank = not right
        x, y, width, height = lay(self.paint, mask, (*colour, 1.0), opacity, blank)
        if blank:
            self.box = x, y, x + width, y + height
        elif width:
            self.box = min(left, x), min(top, y), max(right, x + width), max(bottom, y + height)


def lay(
    paint: np.ndarray,
    mask: np.ndarray,
    colour: tuple[float, ...],
    opacity: float,
    blank: bool = False,
) -> tuple[int, int, int, int]:
    """Blend a colour into an image, in place.

    Args:
        paint: float32 (h, w, c).
        mask: uint8 (h, w).
        colour: c values.
        opacity: what 255 in the mask stands for, 0 to 1.
        blank: whether the image is all zeros yet, so that there is nothing to blend with.

    Returns:
        x, y, width and height of where there is ink in the mask; 0, 0, 0, 0 for none.
    """
    x, y, width, height = box = cv2.boundingRect(mask)
    if not width:
        return box
    area = paint[y : y + height, x : x + width]
    ink = mask[y : y + height, x : x + width]
    cover = ink * np.float32(opacity / 255)
    if blank:
        cover = cv2.merge((cover,) * len(colour))
        np.multiply(cover, row_of(colour, width), out=area)
        return box
    cv2.blendLinear(_filled(width, height, colour), area, cover, 1 - cover, dst=area)
    return box


_PIXELS = {channels: np.zeros((1, 1, channels), np.float32) for channels in (3, 4)}


def _filled(width: int, height: int, colour: tuple[float, ...]) -> np.ndarray:
    """An image of one colour: float32 (h, w, c). It is the border above a pixel: one call."""
    pixel, border = _PIXELS[len(colour)], cv2.BORDER_CONSTANT
    return cv2.copyMakeBorder(pixel, height, 0, 0, width - 1, border, value=colour)[:height]
