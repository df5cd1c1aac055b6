"""Crops around the number of an image: boxes of crops, cropping and resizing.

Boxes are `(left, top, right, bottom)` in pixels, right and bottom exclusive. They may extend beyond
the image, as some of SVHN's do; crops then repeat the edge pixels.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from number_zoo.images import in_mode

CROPS = ("full", "union", "square")
"""`full`: the whole image. `union`: the box around all digits, enlarged by the margin. `square`: a
square with the longer side and the centre of that box."""


def check_crop(crop: str) -> str:
    """Return `crop` if it is one of `CROPS`, else raise ValueError."""
    if crop not in CROPS:
        raise ValueError(f"crop is one of {', '.join(CROPS)}. Received: {crop!r}")
    return crop


def union_box(boxes: np.ndarray) -> np.ndarray:
    """The smallest box that contains all of `boxes`.

    Args:
        boxes: (digits, 4), at least one box, in any order.

    Returns:
        float32 array (4,): left, top, right, bottom; NaN if a box is unknown.

    Raises:
        ValueError: if there is no box.
    """
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    if len(boxes) == 0:
        raise ValueError("A union box needs one box or more. Received: none")
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def relative_box(boxes: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """The box of a number relative to the visible part of its image.

    Args:
        boxes: (n, 4), the box of the number or those of its digits, in pixels of the image; NaN if
            unknown.
        visible: box (4,) of the visible part, in the same pixels.

    Returns:
        float32 array (4,): left, top, right, bottom of the union box as fractions of the visible
        part's width and height, clipped to [0, 1]; NaN if unknown or empty.
    """
    if len(boxes):
        corner, size = np.tile(visible[:2], 2), np.tile(visible[2:] - visible[:2], 2)
        relative = ((union_box(boxes) - corner) / size).clip(0.0, 1.0)
        if (relative[2:] > relative[:2]).all():
            return relative.astype(np.float32)
    return np.full(4, np.nan, np.float32)


def crop_box(
    boxes: np.ndarray,
    crop: str = "union",
    margin: float = 0.3,
    context: float = 1.0,
) -> np.ndarray:
    """The box of a crop, from the boxes of the digits.

    Args:
        boxes: (n, 4) boxes of the digits, or of the number, in pixels.
        crop: `"union"` or `"square"`.
        margin: fraction by which the width and height of the box are enlarged; 0.3 is the value of
            Goodfellow et al. 2013 (arXiv 1312.6082), with which the number fills 1/1.3 of the width
            and height.
        context: factor by which the result is enlarged once more, as room for augmentation.

    Returns:
        float32 array (4,): left, top, right, bottom; may extend beyond the image.

    Raises:
        ValueError: if an argument is out of range, or the boxes have no area or are unknown.
    """
    if check_crop(crop) == "full":
        raise ValueError("crop 'full' is the whole image and has no box")
    if not margin >= 0:
        raise ValueError(f"margin is 0 or more. Received: {margin}")
    box = union_box(boxes)
    if not (box[2:] > box[:2]).all():
        raise ValueError(
            "A box is left, top, right, bottom with right > left and bottom > top. "
            f"Received: {box.tolist()}"
        )
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * (1.0 + margin)
    half = context * (half.max() if crop == "square" else half)
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


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

    Raises:
        ValueError: if the image or the number of channels is of another form.
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
    """Slice an image to a box, in whole pixels and within the image; at least one pixel.

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
