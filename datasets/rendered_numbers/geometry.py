"""Boxes, points and homographies.

A homography is a float64 (3, 3) matrix on coordinates in which pixel (0, 0) covers [0, 1) x [0, 1).
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""


def bounds(xs: list[float], ys: list[float]) -> Box:
    """Return the bounding box of points given as lists of x and y.

    For the few corners of a hull, Python's `min` takes a quarter of the time of NumPy's.
    """
    return min(xs), min(ys), max(xs), max(ys)


def points_box(points: np.ndarray) -> Box:
    """Return the bounding box of points (float (n, 2))."""
    return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())


def union(boxes: list[Box]) -> Box:
    """Return the bounding box of boxes."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def centre(box: Box) -> tuple[float, float]:
    """Return x and y of a box's centre."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def expand(box: Box, x: float, y: float) -> Box:
    """Return a box with x more pixels at the left and right, and y at the top and bottom."""
    return box[0] - x, box[1] - y, box[2] + x, box[3] + y


def scale_translate(scale: float, x: float, y: float) -> np.ndarray:
    """Return the (3, 3) matrix that scales, then translates."""
    return np.array([[scale, 0.0, x], [0.0, scale, y], [0.0, 0.0, 1.0]])


def transform_boxes(boxes: list[Box], matrix: np.ndarray) -> list[Box]:
    """Apply a matrix that `scale_translate` returned to boxes."""
    scale, x, y = float(matrix[0, 0]), float(matrix[0, 2]), float(matrix[1, 2])
    return [
        (scale * left + x, scale * top + y, scale * right + x, scale * bottom + y)
        for left, top, right, bottom in boxes
    ]


def project_points(points: np.ndarray, homography: np.ndarray) -> np.ndarray:
    """Apply a homography to points (float (n, 2))."""
    return cv2.perspectiveTransform(points[None], homography)[0]


def project_hulls(hulls: list[np.ndarray], homography: np.ndarray) -> list[Box]:
    """Return the bounding box of each hull (float32 (n, 2)) after a homography."""
    if not hulls:
        return []
    points = project_points(np.concatenate(hulls), homography)
    starts = list(itertools.accumulate(map(len, hulls[:-1]), initial=0))
    lows = np.minimum.reduceat(points, starts).tolist()
    highs = np.maximum.reduceat(points, starts).tolist()
    return [(*low, *high) for low, high in zip(lows, highs, strict=True)]


def project_box(box: Box, homography: np.ndarray) -> Box:
    """Return the bounding box of a box after a homography."""
    left, top, right, bottom = box
    (a, b, c), (d, e, f), (g, h, i) = homography.tolist()
    xs, ys = [], []
    for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)):
        w = g * x + h * y + i
        xs.append((a * x + b * y + c) / w)
        ys.append((d * x + e * y + f) / w)
    return bounds(xs, ys)


_FROM_CENTRES, _TO_CENTRES = scale_translate(1.0, 0.5, 0.5), scale_translate(1.0, -0.5, -0.5)


def to_pixel_centres(homography: np.ndarray) -> np.ndarray:
    """Return the same homography in OpenCV's coordinates, whose origin is a pixel's centre."""
    return _TO_CENTRES @ homography @ _FROM_CENTRES
