"""Boxes of numbers: crops around them, rotation, overlap, suppression and reading order."""

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


def turn_box(box: Sequence[float], turn: int, width: float, height: float) -> np.ndarray:
    """Transform a box, or several boxes, to the image after `np.rot90(image, turn)`.

    Args:
        box: left, top, right and bottom in pixels, (..., 4).
        turn: counter-clockwise quarter turns; negative ones are clockwise.
        width, height: of the image before it is turned, in pixels.

    Returns:
        float32 (..., 4).
    """
    left, top, right, bottom = np.moveaxis(np.float32(box), -1, 0)
    for _ in range(turn % 4):
        left, top, right, bottom = top, width - right, bottom, width - left
        width, height = height, width
    return np.stack([left, top, right, bottom], axis=-1)


def intersections(boxes: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Areas (n, m) of the intersections of boxes (n, 4) with others (m, 4).

    Without others, the boxes are intersected with each other, (n, n); the diagonal has their areas.
    """
    others = boxes if others is None else others
    start = np.maximum(boxes[:, None, :2], others[None, :, :2])
    end = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.maximum(end - start, 0).prod(axis=-1)


def suppress(overlaps: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Greedy non-maximum suppression.

    Args:
        overlaps: bool (n, n), which boxes exclude each other.
        scores: (n,); of two boxes that exclude each other, the one with the higher score remains.

    Returns:
        Indices of the remaining boxes, by descending score.
    """
    remaining: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if not overlaps[index, remaining].any():
            remaining.append(index)
    return np.array(remaining, int)


def intersection_over_union(boxes: np.ndarray) -> np.ndarray:
    """IoU of boxes (n, 4) with each other, (n, n)."""
    common = intersections(boxes)
    areas = common.diagonal()
    return common / np.maximum(areas[:, None] + areas[None] - common, 1e-9)


def reading_order(boxes: np.ndarray) -> list[int]:
    """Indices of boxes (n, 4) in reading order: lines from top to bottom, each from left to right.

    A box is in the same line as the next box to its right if their centers differ vertically by
    less than half the height of either box, so that lines may slope.
    """
    centers, heights = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 3] - boxes[:, 1]
    right, down = np.moveaxis(centers[None] - centers[:, None], -1, 0)
    follows = (right > 0) & (abs(down) < np.minimum(heights[:, None], heights) / 2)
    distances = np.where(follows, right, np.inf)
    lines = np.arange(len(boxes))
    for index in np.flatnonzero(follows.any(axis=1)):
        lines[lines == lines[distances[index].argmin()]] = lines[index]
    tops = np.array([centers[lines == line, 1].mean() for line in lines])
    return np.lexsort((boxes[:, 0], lines, tops)).tolist()
