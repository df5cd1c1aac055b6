"""Crop and resize images; `number_zoo.images` decodes them."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from number_zoo.images import decode_image as decode_image
from number_zoo.images import in_mode


def prepare_image(
    image: np.ndarray,
    size: tuple[int, int],
    channels: int,
    *,
    box: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Crop an image and resize it to a size, antialiased; the aspect ratio is not kept.

    Args:
        image: uint8 array (height, width), (height, width, 1) or (height, width, 3).
        size: `(height, width)` of the result in pixels.
        channels: 1 (grey, ITU-R 601 weights) or 3 (RGB).
        box: crop `(left, top, right, bottom)` in pixels; outside of the image the edge pixels
            are repeated. Defaults to the whole image.

    Returns:
        uint8 array of shape (*size, channels), values 0 to 255.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3):
        raise ValueError(
            "An image is uint8, height x width x channels. "
            f"Received: {image.dtype} of shape {image.shape}"
        )
    if channels not in (1, 3):
        raise ValueError(f"channels is 1 (grey) or 3 (RGB). Received: {channels}")
    resized = Image.fromarray(image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image)
    resized = in_mode(resized, "L" if channels == 1 else "RGB")
    if box is not None:
        resized, box = _pad_to_contain(resized, tuple(map(float, box)))
    resized = resized.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized).reshape(*size, channels)


def crop_pixels(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Slice an image to a box rounded to whole pixels; at least one pixel, none from outside.

    Args:
        image: uint8 array (height, width, channels).
        box: left, top, right, bottom in pixels.
    """
    height, width = image.shape[:2]
    left = min(max(round(float(box[0])), 0), width - 1)
    top = min(max(round(float(box[1])), 0), height - 1)
    right, bottom = max(left + 1, round(float(box[2]))), max(top + 1, round(float(box[3])))
    return image[top:bottom, left:right]


def _pad_to_contain(image: Image.Image, box: tuple) -> tuple[Image.Image, tuple]:
    """Repeat the image's edges to contain `box`; return the image and the shifted box."""
    left, top, right, bottom = box
    before = [max(0, math.ceil(-edge)) for edge in (top, left)]
    after = [max(0, math.ceil(bottom - image.height)), max(0, math.ceil(right - image.width))]
    if not any(before + after):
        return image, box
    array = np.asarray(image)
    widths = [*zip(before, after, strict=True)] + [(0, 0)] * (array.ndim - 2)
    y, x = before
    shifted = (left + x, top + y, right + x, bottom + y)
    return Image.fromarray(np.pad(array, widths, mode="edge")), shifted
