"""Where each pixel and each box goes when images are moved, scaled, turned and tilted."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from datasets.augmentation import Augmentation

TIGHT = 1.35
"""Size of the smallest window, over the number's: the moves that follow must not cut digits."""


APART = 1.25
"""How far a part beside the number keeps off it, over its size: the moves that follow widen it."""

ROOM_BESIDE = 0.15
"""Share of the image that a part beside the number has at least each way."""


class Draws(Protocol):
    """Random numbers by name, arrays [B]; `distort` says how they are drawn."""

    def between(self, name: str, low: float, high: float) -> np.ndarray: ...
    def either_way(self, name: str, strength: float) -> np.ndarray: ...
    def factor(self, name: str, strength: float) -> np.ndarray: ...
    def happens(self, name: str, probability: float) -> np.ndarray: ...


def windows(draw: Draws, probability: float, boxes: np.ndarray, view: float) -> np.ndarray:
    """The part of each image that is shown before anything moves.

    Args:
        draw: random numbers.
        probability: how often that is a window around the number rather than the middle.
        boxes: float [B, 4], shares of the kept image; NaN where unknown.
        view: width and height of the middle part, as a share of the kept image's.

    Returns:
        float64 [B, 4], left, top, right and bottom as shares of the kept image. The sizes of
        windows are even in the logarithm between `TIGHT` times the number's and the middle
        part's; wherever the number allows, they lie within the image.
    """
    middle = np.tile([(1 - view) / 2] * 2 + [(1 + view) / 2] * 2, (len(boxes), 1))
    if not probability:
        return middle
    near, far = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    known = np.isfinite(boxes).all(axis=1)
    with np.errstate(invalid="ignore"):
        tight = TIGHT * np.clip(far - near, 1e-3, None)
    least = np.where(known[:, None], np.minimum(tight, view), view)
    size = least * (view / least) ** draw.between("window_size", 0.0, 1.0)[:, None]
    spare = (TIGHT - 1) / 2 * (far - near)
    # The window holds the number and some of what is around it, and stays within the image.
    low = np.minimum(np.maximum(far + spare - size, 0.0), 1.0 - size)
    high = np.maximum(np.minimum(near - spare, 1.0 - size), low)
    share = np.stack([draw.between(name, 0.0, 1.0) for name in ("window_x", "window_y")], axis=1)
    corner = low + (high - low) * share
    chosen = known & draw.happens("random_crop", probability)
    return np.where(chosen[:, None], np.concatenate([corner, corner + size], axis=1), middle)


def parts_beside(draw: Draws, probability: float, boxes: np.ndarray) -> np.ndarray:
    """A part of each image that does not show its number.

    Args:
        draw: random numbers.
        probability: how often there is one, of images with room beside a number that is known.
        boxes: float [B, 4], shares of the kept image; NaN where unknown.

    Returns:
        float64 [B, 4], left, top, right and bottom as shares of the kept image; NaN where there
        is none. It lies left of, above, right of or below the number, the roomier the likelier.
    """
    near, far = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    rooms = np.nan_to_num(np.concatenate([near, 1.0 - far], axis=1))
    rooms = np.where(rooms / APART >= ROOM_BESIDE, rooms, 0.0)
    until = np.cumsum(rooms, axis=1)
    chosen = (until[:, 3] > 0) & draw.happens("background_crop", probability)
    place = draw.between("elsewhere_side", 0.0, 1.0) * until[:, 3]
    side = (until <= place[:, None]).sum(axis=1).clip(max=3)
    room = np.take_along_axis(rooms, side[:, None], axis=1)[:, 0]
    along = np.maximum(room / APART * draw.between("window_size", 0.5, 1.0), ROOM_BESIDE)
    across = (along * draw.between("elsewhere_shape", 0.5, 2.0)).clip(ROOM_BESIDE, 1.0)
    start = (room - along * APART) * draw.between("window_x", 0.0, 1.0)
    other = (1.0 - across) * draw.between("window_y", 0.0, 1.0)
    start = np.where(side < 2, start, 1.0 - start - along)
    parts = np.stack([start, other, start + along, other + across], axis=1)
    parts = np.where((side % 2 == 1)[:, None], parts[:, [1, 0, 3, 2]], parts)
    return np.where(chosen[:, None], parts, np.nan)


def transforms(
    a: Augmentation, draw: Draws, size: tuple[int, int], kept: tuple[int, int], shown: np.ndarray
) -> np.ndarray:
    """Where in the kept image each pixel of the result comes from.

    Args:
        a: how strongly images are changed.
        draw: random numbers.
        size: (height, width) of the result in pixels.
        kept: (height, width) of the kept image in pixels.
        shown: float [B, 4], what the result shows of it when nothing moves, in shares.

    Returns:
        float64 [B, 3, 3], homogeneous matrices from result to kept pixels.
    """
    height, width = size
    zoom = draw.factor("zoom", a.zoom) / np.exp(draw.between("zoom_out", 0, np.log1p(a.zoom_out)))
    stretch = np.sqrt(draw.factor("stretch", a.stretch))
    angle = np.deg2rad(draw.either_way("rotation", a.rotation))
    scale, turn, skew, place = (np.tile(np.eye(3), (len(zoom), 1, 1)) for _ in range(4))
    scale[:, 0, 0], scale[:, 1, 1] = 1 / (zoom * stretch), stretch / zoom
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angle)
    turn[:, 1, 0], turn[:, 0, 1] = np.sin(angle), -np.sin(angle)
    skew[:, 0, 1] = draw.either_way("shear_x", a.shear)
    skew[:, 1, 0] = draw.either_way("shear_y", a.shear / 2)
    skew[:, 2, 0] = draw.either_way("tilt_x", a.perspective) / width
    skew[:, 2, 1] = draw.either_way("tilt_y", a.perspective) / height
    for axis, shift in ((0, "shift_x"), (1, "shift_y")):
        pixels = kept[1 - axis]
        low, high = shown[:, axis] * pixels, shown[:, axis + 2] * pixels
        place[:, axis, axis] = (high - low) / size[1 - axis]
        # Pixel centres: the middle of pixels 0 to n - 1 lies at (n - 1) / 2.
        middle = (low + high - 1) / 2
        place[:, axis, 2] = middle + draw.either_way(shift, a.shift) * (high - low)
    centre = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
    return place @ turn @ skew @ scale @ centre


def move_boxes(
    boxes: np.ndarray, matrices: np.ndarray, size: tuple[int, int], kept: tuple[int, int]
) -> np.ndarray:
    """Boxes in kept images to upright boxes in results.

    Args:
        boxes: float [B, 4], shares of the kept image; NaN where unknown.
        matrices: float64 [B, 3, 3], as `transforms` gives them.
        size: (height, width) of the results in pixels.
        kept: (height, width) of the kept images in pixels.

    Returns:
        float32 [B, 4], shares of the result, cut at its edges; NaN where unknown or outside.
    """
    if not np.isfinite(boxes).any():
        return boxes
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]] * np.array(kept[::-1]) - 0.5
    corners = np.concatenate([corners, np.ones((*corners.shape[:2], 1))], axis=2)
    moved = corners @ np.linalg.inv(matrices).transpose(0, 2, 1)
    moved = (moved[..., :2] / moved[..., 2:] + 0.5) / np.array(size[::-1])
    found = np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1).clip(0.0, 1.0)
    inside = (found[:, 2:] - found[:, :2] > 1e-3).all(axis=1)
    return np.where(inside[:, None], found, np.nan).astype(np.float32)
