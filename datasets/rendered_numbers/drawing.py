"""Boxes, homographies, masks, and layers: images with an alpha channel.

A homography is a float64 (3, 3) matrix on coordinates in which pixel (0, 0) covers [0, 1) x [0, 1).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""

Colour = tuple[float, float, float]
"""Red, green and blue, 0 to 255."""


def points_box(points: np.ndarray) -> Box:
    """Return the bounding box of points (float (n, 2))."""
    return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())


def union(boxes: np.ndarray) -> Box:
    """Return the bounding box of boxes (float (n, 4))."""
    return (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())


def centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def expand(box: Box, x: float, y: float) -> Box:
    """Return a box with x more pixels at the left and right, and y at the top and bottom."""
    return box[0] - x, box[1] - y, box[2] + x, box[3] + y


def box_corners(box: Box) -> np.ndarray:
    """Return the corners of a box, clockwise from the top left: (4, 2)."""
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def scale_translate(scale: float, x: float, y: float) -> np.ndarray:
    """Return the (3, 3) matrix that scales, then translates."""
    return np.array([[scale, 0.0, x], [0.0, scale, y], [0.0, 0.0, 1.0]])


def transform_boxes(boxes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply a matrix that `scale_translate` returned to boxes (float (n, 4))."""
    return matrix[0, 0] * boxes + np.tile(matrix[:2, 2], 2)


def project_points(points: np.ndarray, homography: np.ndarray) -> np.ndarray:
    """Apply a homography to points (float (n, 2))."""
    return cv2.perspectiveTransform(points[None], homography)[0]


def project_hulls(hulls: list[np.ndarray], homography: np.ndarray) -> np.ndarray:
    """Return the bounding box of each hull after a homography: float64 (n, 4)."""
    if not hulls:
        return np.zeros((0, 4))
    points = project_points(np.concatenate(hulls), homography)
    starts = list(itertools.accumulate(map(len, hulls[:-1]), initial=0))
    lows, highs = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    return np.concatenate([lows, highs], axis=1, dtype=np.float64)


_FROM_CENTRES, _TO_CENTRES = scale_translate(1.0, 0.5, 0.5), scale_translate(1.0, -0.5, -0.5)


def to_pixel_centres(homography: np.ndarray) -> np.ndarray:
    """Return the same homography in OpenCV's coordinates, whose origin is a pixel's centre."""
    return _TO_CENTRES @ homography @ _FROM_CENTRES


def paint_line(mask: np.ndarray, points, thickness: float, closed: bool = False) -> None:
    """Paint antialiased lines of at least one pixel on a mask.

    Args:
        points: (n, 2), or (lines, n, 2) for several lines, as OpenCV counts pixels.
    """
    fixed = np.rint(np.asarray(points) * 16).astype(np.int32)  # 4 fractional bits
    lines = list(fixed.reshape(-1, *fixed.shape[-2:]))
    cv2.polylines(mask, lines, closed, 255, max(1, round(thickness)), cv2.LINE_AA, 4)


def fill_polygon(mask: np.ndarray, points: np.ndarray) -> None:
    """Fill a polygon (float (n, 2), in pixels) of a mask with 255, antialiased, in place."""
    fixed = np.rint((points - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, 4)


def fill_circle(mask: np.ndarray, x: float, y: float, radius: float) -> None:
    """Fill a circle (centre as OpenCV counts it) of a mask with 255, antialiased, in place."""
    cv2.circle(mask, (round(x * 16), round(y * 16)), round(radius * 16), 255, -1, cv2.LINE_AA, 4)


def line_mask(shape: tuple[int, int], points, thickness: float, closed: bool = False) -> np.ndarray:
    """Return a mask of lines as of `paint_line`."""
    mask = np.zeros(shape, np.uint8)
    paint_line(mask, points, thickness, closed)
    return mask


def polygon_mask(shape: tuple[int, int], *polygons: np.ndarray) -> np.ndarray:
    """Return a mask of filled polygons (float (n, 2) each, in pixels)."""
    mask = np.zeros(shape, np.uint8)
    for points in polygons:
        fill_polygon(mask, points)
    return mask


def box_mask(shape: tuple[int, int], box: Box, radius: float = 0.0) -> np.ndarray:
    """Return a mask of a filled box with corners of a radius in pixels."""
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
    return polygon_mask(shape, points)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Apply a Gaussian blur of a standard deviation in pixels, rounded to multiples of 0.02.

    `cv2.GaussianBlur` differs by at most one level; for uint8 it takes up to five times as long.
    """
    sigma = max(round(50 * sigma), 1) / 50
    kernel = cv2.getGaussianKernel(round(6 * sigma + 1) | 1, sigma, cv2.CV_32F)
    return cv2.sepFilter2D(image, -1, kernel, kernel)


def colour_row(colour: Sequence[float], width: int) -> np.ndarray:
    """Return a row of pixels of one colour: float32 (width, c).

    NumPy processes whole rows ten times as fast as the 3 or 4 channels of single pixels.
    """
    return np.array([colour], np.float32).repeat(width, axis=0)


def paint_warped(
    canvas: np.ndarray,
    mask: np.ndarray,
    linear: np.ndarray | Sequence[float],
    offset: Sequence[float],
    area: tuple[int, int, int, int],
    interpolation: int = cv2.INTER_LINEAR,
) -> None:
    """Paint a mask after an affine map on a part of another mask, in place.

    Args:
        canvas: uint8 (h, w); the maximum of both masks is painted.
        mask: uint8 (h, w).
        linear: a, b, c, d of the map (x, y) -> (a x + b y + offset x, c x + d y + offset y).
        offset: in pixels of the canvas, relative to pixels' corners as the whole map is.
        area: left, top, right and bottom of the part.
    """
    left, top, right, bottom = area
    a, b, c, d = np.ravel(linear)
    # The map is relative to pixels' corners, warpAffine's to their centres.
    matrix = np.array([[a, b, offset[0] - left + (a + b) / 2 - 0.5],
                       [c, d, offset[1] - top + (c + d) / 2 - 0.5]])  # fmt: skip
    ink = cv2.warpAffine(mask, matrix, (right - left, bottom - top), flags=interpolation)
    part = canvas[top:bottom, left:right]
    np.maximum(part, ink, out=part)


def blend(
    image: np.ndarray, mask: np.ndarray, colour: Sequence[float], opacity: float, blank=False
) -> tuple[int, int, int, int]:
    """Blend a colour into an image (float32 (h, w, c)) where a mask is not 0, in place.

    Args:
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
    else:
        uniform = colour_row(colour, width)[None].repeat(height, axis=0)
        cv2.blendLinear(uniform, area, alpha, 1 - alpha, dst=area)
    return box


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

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, in pixels."""
        return self.rgba.shape[:2]

    def paint(self, mask: np.ndarray, colour: Colour, opacity: float = 1.0) -> None:
        """Paint a colour where a mask of the layer's shape is not 0."""
        left, top, right, bottom = self.box
        x, y, width, height = blend(self.rgba, mask, (*colour, 1.0), opacity, blank=not right)
        if not right:
            self.box = x, y, x + width, y + height
        elif width:
            self.box = min(left, x), min(top, y), max(right, x + width), max(bottom, y + height)

    def paint_box(
        self, box: Box, colour: Colour, opacity: float = 1.0, radius: float = 0.0
    ) -> None:
        """Paint a rectangle whose corners have a radius in pixels."""
        self.paint(box_mask(self.shape, box, radius), colour, opacity)

    def paint_frame(
        self, outer: Box, inner: Box, colour: Colour, opacity: float, radius: float = 0.0
    ) -> None:
        """Paint what is between two boxes whose corners have a radius in pixels."""
        masks = (box_mask(self.shape, box, radius) for box in (outer, inner))
        self.paint(cv2.subtract(*masks), colour, opacity)

    def scale_brightness(self, factor: np.ndarray) -> None:
        """Multiply the colours by float32 (h, w); alpha stays."""
        self.rgba *= cv2.merge((factor, factor, factor, np.ones_like(factor)))
        # Alpha times 255 is the maximum of a premultiplied colour.
        np.clip(self.rgba, 0, 255, out=self.rgba)


def composite(image: np.ndarray, layer: Layer, homography: np.ndarray) -> None:
    """Paint a layer, after a homography, over an image (float32 (h, w, 3)), in place."""
    rows, columns = image.shape[:2]
    corners = box_corners(layer.box).astype(np.float64)
    left, top, right, bottom = points_box(project_points(corners, homography))
    left, top = max(int(left) - 1, 0), max(int(top) - 1, 0)
    right, bottom = min(int(right) + 2, columns), min(int(bottom) + 2, rows)
    if right <= left or bottom <= top:
        return
    to_area = scale_translate(1.0, -left, -top) @ to_pixel_centres(homography)
    warped = cv2.warpPerspective(layer.rgba, to_area, (right - left, bottom - top))
    area = image[top:bottom, left:right]
    area *= cv2.cvtColor(1 - cv2.extractChannel(warped, 3), cv2.COLOR_GRAY2RGB)
    area += cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB)
