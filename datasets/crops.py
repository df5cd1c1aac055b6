"""Crops of images around their number, from the boxes of its digits.

Boxes are `(left, top, right, bottom)` in pixels, right and bottom exclusive. They may extend past
the image, as some of SVHN's do; crops repeat the image's edge pixels there.
"""

from __future__ import annotations

import numpy as np

CROPS = ("full", "union", "square")
"""`full`: the whole image. `union`: the box around all digits, enlarged by the margin. `square`: a
square with the longer side of that box and the same centre."""


def check_crop(crop: str) -> str:
    """Return `crop` if it is one of `CROPS`, else raise ValueError."""
    if crop not in CROPS:
        raise ValueError(f"crop is one of {', '.join(CROPS)}. Received: {crop!r}")
    return crop


def union_box(boxes: np.ndarray) -> np.ndarray:
    """The smallest box that contains all of `boxes`.

    Args:
        boxes: (digits, 4), at least one of them, in any order.

    Returns:
        float32 array (4,): left, top, right, bottom.

    Raises:
        ValueError: if there is no box or one has no area.
    """
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    if len(boxes) == 0:
        raise ValueError("A union box needs one box or more. Received: none")
    if not ((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])).all():
        raise ValueError(
            "A box is left, top, right, bottom with right > left and bottom > top. "
            f"Received: {boxes.tolist()}"
        )
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def relative_box(boxes: np.ndarray | None, visible: np.ndarray) -> np.ndarray:
    """The box of a number relative to the visible part of its image.

    Args:
        boxes: (digits, 4) digit boxes in pixels of the image; None where unknown.
        visible: box (4,) of the visible part, in the same pixels.

    Returns:
        float32 array (4,): left, top, right, bottom of the union box as fractions of the visible
        part's width and height, clipped to [0, 1]; NaN where unknown or empty.
    """
    unknown = np.full(4, np.nan, np.float32)
    if boxes is None or len(boxes) == 0:
        return unknown
    union = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    corner, size = np.tile(visible[:2], 2), np.tile(visible[2:] - visible[:2], 2)
    relative = ((union - corner) / size).clip(0.0, 1.0)
    return relative.astype(np.float32) if (relative[2:] > relative[:2]).all() else unknown


def crop_box(
    boxes: np.ndarray,
    crop: str = "union",
    margin: float = 0.3,
    context: float = 1.0,
) -> np.ndarray:
    """The box of a crop, from the boxes of the digits.

    Args:
        boxes: (digits, 4) digit boxes in pixels.
        crop: `"union"` or `"square"`.
        margin: fraction by which the box is made wider and higher; 0.3 is that of Goodfellow et
            al. 2013 (arXiv 1312.6082), so that the number fills 1/1.3 of the width and height.
        context: factor by which the result is enlarged once more, as room for augmentation.

    Returns:
        float32 array (4,): left, top, right, bottom; may extend past the image.
    """
    if check_crop(crop) == "full":
        raise ValueError("crop 'full' is the whole image and has no box")
    if not margin >= 0:
        raise ValueError(f"margin is 0 or more. Received: {margin}")
    box = union_box(boxes)
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * (1.0 + margin)
    half = context * (half.max() if crop == "square" else half)
    return np.concatenate([centre - half, centre + half]).astype(np.float32)
