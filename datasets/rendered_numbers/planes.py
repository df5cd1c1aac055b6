"""Boxes and points on a plane, and how a camera sees them."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def extent(across: list[float], down: list[float]) -> Box:
    """Left, top, right, bottom of points given as lists of x and y.

    Python's `min` over the few corners of a hull takes a quarter of the time of NumPy's.
    """
    return min(across), min(down), max(across), max(down)


def placing(scale: float, x: float, y: float) -> np.ndarray:
    """A 3x3 matrix that scales a plane, then moves it."""
    return np.array([[scale, 0.0, x], [0.0, scale, y], [0.0, 0.0, 1.0]])


def warp(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (float (n, 2)) as the camera sees them."""
    return cv2.perspectiveTransform(points[None], matrix)[0]


def extents(shapes: list[np.ndarray], matrix: np.ndarray) -> list[Box]:
    """Left, top, right, bottom of each shape (float32 (n, 2)) as the camera sees it."""
    points = warp(np.concatenate(shapes), matrix)
    starts = list(itertools.accumulate(map(len, shapes[:-1]), initial=0))
    lows = np.minimum.reduceat(points, starts).tolist()
    highs = np.maximum.reduceat(points, starts).tolist()
    return [(*low, *high) for low, high in zip(lows, highs, strict=True)]


def placed(boxes: list[Box], place: np.ndarray) -> list[Box]:
    """Boxes scaled and moved by a matrix that `placing` made."""
    scale, x, y = float(place[0, 0]), float(place[0, 2]), float(place[1, 2])
    return [
        (scale * left + x, scale * top + y, scale * right + x, scale * bottom + y)
        for left, top, right, bottom in boxes
    ]


def union(boxes: list[Box]) -> Box:
    """The box around boxes."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


_FROM_CENTRES, _TO_CENTRES = placing(1.0, 0.5, 0.5), placing(1.0, -0.5, -0.5)


def centres(matrix: np.ndarray) -> np.ndarray:
    """The same map for OpenCV, which counts from the centres of pixels, not from their corners."""
    return _TO_CENTRES @ matrix @ _FROM_CENTRES


def seen_box(box: Box, matrix: np.ndarray) -> Box:
    """The box around a box as the camera sees it."""
    left, top, right, bottom = box
    (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
    across, down = [], []
    for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)):
        far = g * x + h * y + i
        across.append((a * x + b * y + c) / far)
        down.append((d * x + e * y + f) / far)
    return extent(across, down)
