"""Crop and resize images; `number_zoo.images` decodes them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from number_zoo.images import decode_image as decode_image
from number_zoo.images import in_mode

FITS = ("stretch", "pad")
"""How an image is fitted to a size: by changing its aspect ratio, or by repeating its edges."""


def check_fit(fit: str) -> str:
    """Return `fit` if it is one of `FITS`, else raise ValueError."""
    if fit not in FITS:
        raise ValueError(f"fit is one of {', '.join(FITS)}. Received: {fit!r}")
    return fit


def prepare_image(
    image: np.ndarray,
    size: tuple[int, int],
    channels: int,
    *,
    fit: str = "stretch",
    box: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Crop an image and resize it, antialiased.

    Args:
        image: uint8 array (height, width), (height, width, 1) or (height, width, 3).
        size: `(height, width)` of the result in pixels.
        channels: 1 (grey, ITU-R 601 weights) or 3 (RGB).
        fit: `"stretch"` changes the aspect ratio, `"pad"` keeps it and repeats the edge pixels.
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
    box = visible_box(image, size, fit=fit, box=box)
    resized = Image.fromarray(image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image)
    resized = in_mode(resized, "L" if channels == 1 else "RGB")
    resized, box = _pad_to_contain(resized, box)
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


def visible_box(
    image: np.ndarray,
    size: tuple[int, int],
    *,
    fit: str = "stretch",
    box: tuple[float, float, float, float] | None = None,
) -> tuple[float, float, float, float]:
    """The box of an image that `prepare_image` shows: left, top, right, bottom in pixels."""
    height, width = image.shape[:2]
    box = (0.0, 0.0, float(width), float(height)) if box is None else tuple(map(float, box))
    return _expand_to_aspect(box, size) if check_fit(fit) == "pad" else box


def _expand_to_aspect(box: tuple, size: tuple[int, int]) -> tuple:
    """The smallest box of the aspect ratio of `size` that contains `box` and shares its centre."""
    left, top, right, bottom = box
    height = max(bottom - top, (right - left) * size[0] / size[1])
    width = max(right - left, (bottom - top) * size[1] / size[0])
    x, y = (left + right) / 2, (top + bottom) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _pad_to_contain(image: Image.Image, box: tuple) -> tuple[Image.Image, tuple]:
    """Repeat the image's edges to contain `box`; return the image and the shifted box."""
    left, top, right, bottom = box
    before = [max(0, int(np.ceil(-edge))) for edge in (top, left)]
    after = [
        max(0, int(np.ceil(edge - side)))
        for edge, side in ((bottom, image.height), (right, image.width))
    ]
    if not any(before + after):
        return image, box
    widths = [(before[0], after[0]), (before[1], after[1])]
    array = np.asarray(image)
    array = np.pad(array, widths + [(0, 0)] * (array.ndim - 2), mode="edge")
    return Image.fromarray(array), (
        left + before[1],
        top + before[0],
        right + before[1],
        bottom + before[0],
    )
