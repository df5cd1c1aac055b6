"""Masks, colour blending, and layers: images with an alpha channel."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .geometry import Box, project_box, scale_translate, to_pixel_centres

Colour = tuple[float, float, float]
"""Red, green and blue, 0 to 255."""


class Layer:
    """An image with an alpha channel.

    Attributes:
        rgba: float32 (h, w, 4): red, green and blue, 0 to 255 and multiplied by alpha, and alpha,
            0 to 1. Premultiplied colours can be warped and blurred without dark fringes.
        box: bounding box of the painted pixels; all 0 if there are none.
    """

    def __init__(self, height: int, width: int) -> None:
        self.rgba = np.zeros((height, width, 4), np.float32)
        self.box = (0, 0, 0, 0)

    def paint(self, mask: np.ndarray, colour: Colour, opacity: float = 1.0) -> None:
        """Paint a colour where the mask (uint8 (h, w)) is not 0."""
        left, top, right, bottom = self.box
        blank = not right
        x, y, width, height = blend(self.rgba, mask, (*colour, 1.0), opacity, blank)
        if blank:
            self.box = x, y, x + width, y + height
        elif width:
            self.box = min(left, x), min(top, y), max(right, x + width), max(bottom, y + height)

    def paint_box(
        self, box: Box, colour: Colour, opacity: float = 1.0, radius: float = 0.0
    ) -> None:
        """Paint a rectangle whose corners have a radius in pixels."""
        self.paint(rectangle(self.rgba.shape[:2], box, radius), colour, opacity)

    def scale_brightness(self, factor: np.ndarray) -> None:
        """Multiply the colours by float32 (h, w); alpha stays."""
        self.rgba *= cv2.merge((factor, factor, factor, np.ones_like(factor)))
        # Alpha times 255 is the maximum of a premultiplied colour.
        np.clip(self.rgba, 0, 255, out=self.rgba)


def composite(image: np.ndarray, layer: Layer, homography: np.ndarray) -> None:
    """Paint a layer, after a homography, over an image (float32 (h, w, 3)), in place."""
    rows, columns = image.shape[:2]
    left, top, right, bottom = project_box(layer.box, homography)
    left, top = max(int(left) - 1, 0), max(int(top) - 1, 0)
    right, bottom = min(int(right) + 2, columns), min(int(bottom) + 2, rows)
    if right <= left or bottom <= top:
        return
    to_area = scale_translate(1.0, -left, -top) @ to_pixel_centres(homography)
    warped = cv2.warpPerspective(layer.rgba, to_area, (right - left, bottom - top))
    area = image[top:bottom, left:right]
    area *= cv2.cvtColor(1 - cv2.extractChannel(warped, 3), cv2.COLOR_GRAY2RGB)
    area += cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB)


def blend(
    image: np.ndarray,
    mask: np.ndarray,
    colour: tuple[float, ...],
    opacity: float,
    blank: bool = False,
) -> tuple[int, int, int, int]:
    """Blend a colour into an image (float32 (h, w, c)), in place.

    Args:
        image: the image.
        mask: uint8 (h, w).
        colour: c values.
        opacity: alpha of mask value 255, 0 to 1.
        blank: whether the image is all zeros, which allows a faster path.

    Returns:
        x, y, width and height of the mask's nonzero part; 0, 0, 0, 0 if there is none.
    """
    x, y, width, height = box = cv2.boundingRect(mask)
    if not width:
        return box
    area = image[y : y + height, x : x + width]
    alpha = mask[y : y + height, x : x + width] * np.float32(opacity / 255)
    if blank:
        np.multiply(cv2.merge((alpha,) * len(colour)), colour_row(colour, width), out=area)
        return box
    uniform = colour_row(colour, width)[None].repeat(height, axis=0)
    cv2.blendLinear(uniform, area, alpha, 1 - alpha, dst=area)
    return box


def colour_row(colour: Sequence[float], width: int) -> np.ndarray:
    """Return a row of pixels of one colour: float32 (width, c).

    NumPy processes whole rows ten times as fast as the 3 or 4 channels of single pixels.
    """
    return np.array([colour], np.float32).repeat(width, axis=0)


def fixed_point(points: np.ndarray) -> np.ndarray:
    """Return points in OpenCV's fixed-point form: int32, 4 fractional bits, pixel centres."""
    return np.rint((points - 0.5) * 16).astype(np.int32)


def fill_polygon(mask: np.ndarray, points: np.ndarray) -> None:
    """Fill a polygon (float (n, 2), in pixels) of a mask with 255, antialiased, in place."""
    cv2.fillPoly(mask, [fixed_point(points)], 255, cv2.LINE_AA, 4)


def box_corners(box: Box) -> np.ndarray:
    """Return the corners of a box, clockwise from the top left: (4, 2)."""
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def rectangle(shape: tuple[int, int], box: Box, radius: float = 0.0) -> np.ndarray:
    """Return a mask, uint8 of `shape`, of a filled box with corners of a radius in pixels."""
    mask = np.zeros(shape, np.uint8)
    left, top, right, bottom = box
    radius = min(radius, (right - left) / 2, (bottom - top) / 2)
    points = box_corners(box)
    if radius >= 1:
        angles = np.linspace(0, np.pi / 2, 6)
        arc = radius * np.column_stack([np.cos(angles), np.sin(angles)])
        points = np.concatenate([
            np.array([right - radius, bottom - radius]) + arc,
            np.array([left + radius, bottom - radius]) + arc[::-1] * (-1, 1),
            np.array([left + radius, top + radius]) - arc,
            np.array([right - radius, top + radius]) + arc[::-1] * (1, -1),
        ])  # fmt: skip
    fill_polygon(mask, points)
    return mask


def paste_mask(shape: tuple[int, int], mask: np.ndarray, x: int, y: int) -> np.ndarray | None:
    """Return a mask of `shape` with another mask at (x, y), or None if it is all outside."""
    rows, columns = shape
    part = mask[max(0, -y) : rows - y, max(0, -x) : columns - x]
    if y >= rows or x >= columns or not part.size:
        return None
    pasted = np.zeros(shape, np.uint8)
    y, x = max(y, 0), max(x, 0)
    pasted[y : y + part.shape[0], x : x + part.shape[1]] = part
    return pasted


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Apply a Gaussian blur of a standard deviation in pixels, rounded to multiples of 0.02.

    `cv2.GaussianBlur` differs by at most one level; for uint8 it takes up to five times as long.
    """
    sigma = max(round(50 * sigma), 1) / 50
    kernel = cv2.getGaussianKernel(round(6 * sigma + 1) | 1, sigma, cv2.CV_32F)
    return cv2.sepFilter2D(image, -1, kernel, kernel)
