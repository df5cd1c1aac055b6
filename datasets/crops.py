"""Which part of an image a model sees: all of it, or a box around the number.

Boxes are `(left, top, right, bottom)` in pixels, right and bottom exclusive, and may leave the
image (as some of SVHN's do): what lies outside is filled with the image's edge pixels.
"""

from __future__ import annotations

import numpy as np

CROPS = ("full", "union", "square")
"""`full`: the whole image. `union`: the box around all digits, grown by the margin. `square`:
a square of the longer side of that, about the same centre."""


def check_crop(crop: str) -> str:
    """Return `crop` if it is one of `CROPS`, else raise ValueError."""
    if crop not in CROPS:
        raise ValueError(f"crop is one of {', '.join(CROPS)}. Received: {crop!r}")
    return crop


def union_box(boxes: np.ndarray) -> np.ndarray:
    """The smallest box that holds all of `boxes`.

    Args:
        boxes: (digits, 4), at least one of them, in any order.

    Returns:
        float32 array (4,): left, top, right, bottom.

    Raises:
        ValueError: if there is no box or one has no area.
    """
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    if len(boxes) == 0:
        raise ValueError("The box of a number needs the box of one digit or more. Received: none")
    if not ((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])).all():
        raise ValueError(
            "A box is left, top, right, bottom with right > left and bottom > top. "
            f"Received: {boxes.tolist()}"
        )
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def number_box(boxes: np.ndarray | None, shown: np.ndarray) -> np.ndarray:
    """Where the number lies in what is shown of an image.

    Args:
        boxes: (digits, 4) digit boxes in pixels of the image; None where they are not known.
        shown: the part of the image that is shown, in the same pixels.

    Returns:
        float32 array (4,): left, top, right, bottom of the box around all digits as shares of
        the shown part's width and height, cut at its edges; NaN where it is not known.
    """
    unknown = np.full(4, np.nan, np.float32)
    if boxes is None or len(boxes) == 0:
        return unknown
    whole = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    if not (whole[2:] > whole[:2]).all():
        return unknown
    corner, size = np.tile(shown[:2], 2), np.tile(shown[2:] - shown[:2], 2)
    found = ((whole - corner) / size).clip(0.0, 1.0)
    return found.astype(np.float32) if (found[2:] > found[:2]).all() else unknown


def grow(box: np.ndarray, factor: float) -> np.ndarray:
    """Scale a box about its centre: `factor` 1.3 makes it 30 % wider and 30 % higher."""
    centre = (box[:2] + box[2:]) / 2
    half = (box[2:] - box[:2]) / 2 * factor
    return np.concatenate([centre - half, centre + half])


def crop_box(
    boxes: np.ndarray,
    crop: str = "union",
    margin: float = 0.3,
    context: float = 1.0,
) -> np.ndarray:
    """The part of an image to show, from the boxes of its digits.

    Args:
        boxes: (digits, 4) digit boxes in pixels.
        crop: `"union"` or `"square"`.
        margin: share by which the box is made wider and higher; 0.3 is that of Goodfellow et
            al. 2013 (arXiv 1312.6082), so the number fills 1/1.3 of the width and of the height.
        context: factor by which the result is grown once more, to leave augmentation real
            pixels to move into.

    Returns:
        float32 array (4,): left, top, right, bottom; may leave the image.
    """
    if check_crop(crop) == "full":
        raise ValueError("crop 'full' is the whole image: it has no box to compute")
    if not margin >= 0:
        raise ValueError(f"margin is 0 or more. Received: {margin}")
    box = grow(union_box(boxes), 1.0 + margin)
    if crop == "square":
        centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max() / 2
        box = np.concatenate([centre - half, centre + half])
    return grow(box, context).astype(np.float32)
