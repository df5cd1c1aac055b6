"""Place planar objects on a wall without overlap, in one view, and compute the boxes of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from number_zoo.boxes import intersections

from ..rendered_numbers.drawing import (
    Box,
    Colour,
    Layer,
    blend,
    box_corners,
    centre,
    composite,
    expand,
    points_box,
    polygon_mask,
    project_hulls,
    project_points,
    scale_translate,
    union,
)
from ..rendered_numbers.planar_object import PlanarObject, is_unreadable_rotated
from ..rendered_numbers.rng import Rng
from ..rendered_numbers.scene import add_perspective, view_matrix
from .objects import layer_covers

_LEAST_VISIBLE = 0.7
"""Fraction of each digit inside the image that a readable number needs."""


@dataclass
class Placed:
    """An object in the image.

    Attributes:
        planar: the object.
        from_layer: (3, 3) from its layer to the image.
        extent: its box in the image, with a margin.
        patch: corners of a patch of the object's background in the image, float (4, 2), or None.
        turn: number of counter-clockwise quarter turns that make it upright.
        bare: whether its background is the wall.
    """

    planar: PlanarObject
    from_layer: np.ndarray
    extent: Box
    patch: np.ndarray | None
    turn: int
    bare: bool


@dataclass
class Wall:
    """A view of a wall with objects on it.

    Attributes:
        size: width and height of the image, in pixels.
        colour: mean colour of the wall.
        from_wall: (3, 3) from the wall, with its origin at the image's centre, to the image.
        plain: whether it is smooth.
        placed: the objects, in the order in which they are painted.
    """

    size: tuple[int, int]
    colour: Colour
    from_wall: np.ndarray
    plain: bool = False
    placed: list[Placed] = field(default_factory=list)

    def place(
        self,
        planar: PlanarObject,
        scale: float,
        rng: Rng,
        *,
        target: tuple[float, float] | None = None,
        turn: int = 0,
        cut: bool = False,
        tries: int = 9,
    ) -> bool:
        """Place an object; returns whether there was room for it.

        Args:
            planar: the object.
            scale: pixels of the image per pixel of its layer; reduced if there is no room.
            target: centre in the image, or None to try random positions.
            turn: see `Placed`.
            cut: whether the object is placed across the image's edge.
            tries: number of random positions.
        """
        columns, rows = self.size
        box, covers, has_patch = self._extent(planar, rng)
        if box[2] - box[0] < 2 or box[3] - box[1] < 2:
            return False
        outline = box_corners(box).astype(np.float64)
        angle = planar.rotation + turn * math.pi / 2
        if not turn:
            angle += rng.normal(0.0, 0.02)
        for attempt in range(tries):
            if attempt and attempt % 3 == 0:
                scale *= 0.75
            matrix = self._matrix(box, scale, angle, (columns / 2, rows / 2))
            left, top, right, bottom = points_box(project_points(outline, matrix))
            width, height = right - left, bottom - top
            shrink = min(0.96 * columns / width, 0.96 * rows / height, 1.0)
            scale, width, height = scale * shrink, width * shrink, height * shrink
            if target is not None:
                x, y = target
            else:
                x = rng.uniform(width / 2, columns - width / 2)
                y = rng.uniform(height / 2, rows - height / 2)
            if cut and rng.bernoulli(0.5):
                x = rng.choice((0, columns)) + rng.uniform(-0.4, 0.4) * width
            elif cut:
                y = rng.choice((0, rows)) + rng.uniform(-0.4, 0.4) * height
            matrix = self._matrix(box, scale, angle, (x, y))
            corners = project_points(outline, matrix)
            extent = points_box(corners)
            inside = min(extent[:2]) >= 0 and extent[2] <= columns and extent[3] <= rows
            if (inside or cut) and not self._overlaps(extent):
                patch = corners if has_patch else None
                bare = not (covers or has_patch)
                extent = expand(extent, 2.0, 2.0)
                self.placed.append(Placed(planar, matrix, extent, patch, turn, bare))
                return True
        return False

    def _overlaps(self, extent: Box) -> bool:
        others = np.array([placed.extent for placed in self.placed]).reshape(-1, 4)
        return bool(intersections(np.array([extent]), others).any())

    def _extent(self, planar: PlanarObject, rng: Rng) -> tuple[Box, bool, bool]:
        """Return an object's box in its layer, whether it covers the wall, or needs a patch."""
        box = planar.layer.box
        if layer_covers(planar.layer, planar.content):
            return box, True, False
        left, top, right, bottom = planar.content
        digit = min(0.5 * (bottom - top), 0.5 * (right - left))
        painted = np.array([box, planar.content], np.float64)
        x, y = digit * rng.uniform(0.6, 1.6), digit * rng.uniform(0.5, 1.4)
        box = expand(union(painted), x, y)
        return box, False, planar.background not in (None, self.colour)

    def _matrix(self, box: Box, scale: float, angle: float, goal: tuple) -> np.ndarray:
        """Return the (3, 3) matrix from a layer that shows the centre of `box` at a goal."""
        x, y = project_points(np.array([goal], np.float64), np.linalg.inv(self.from_wall))[0]
        cos, sin = math.cos(angle), math.sin(angle)
        rotation = np.array([[cos, -sin, x], [sin, cos, y], [0.0, 0.0, 1.0]])
        middle_x, middle_y = centre(box)
        to_middle = scale_translate(scale, -scale * middle_x, -scale * middle_y)
        return self.from_wall @ rotation @ to_middle

    def paint(self, image: np.ndarray, rng: Rng) -> None:
        """Paint the objects on the image (float32 (h, w, 3)) of the wall, in place."""
        for placed in self.placed:
            if placed.patch is not None:
                if rng.bernoulli(0.4):  # a shadow, or a dark rim
                    shift = [rng.uniform(-2.5, 2.5), rng.uniform(0.5, 3.0)]
                    colour, opacity = (10.0, 10.0, 12.0), rng.uniform(0.2, 0.7)
                    mask = polygon_mask(image.shape[:2], placed.patch + shift)
                    blend(image, mask, colour, opacity)
                mask = polygon_mask(image.shape[:2], placed.patch)
                blend(image, mask, placed.planar.background, 1.0)
            composite(image, *_shrunk(placed.planar.layer, placed.from_layer))

    def numbers(self, smallest: float) -> list[tuple[Box, str, int, float]]:
        """Return box, label, turn and height of a digit of each number that is visible.

        The label is "" for unreadable numbers: those that are cut off or have digits of less than
        `smallest` pixels.
        """
        columns, rows = self.size
        numbers = []
        for placed in self.placed:
            planar = placed.planar
            for label, hulls in [(planar.label, planar.hulls), *planar.others]:
                if not hulls:
                    continue
                digits = project_hulls(hulls, placed.from_layer)
                clipped = np.clip(digits, 0, (columns, rows, columns, rows))
                visible = _areas(clipped) / np.maximum(_areas(digits), 1e-6)
                box = union(clipped)
                if min(box[2] - box[0], box[3] - box[1]) < 1:
                    continue
                side = 2 if placed.turn % 2 else 3
                height = float(np.median(digits[:, side] - digits[:, side - 2]))
                readable = visible.min() >= _LEAST_VISIBLE and height >= smallest
                readable = readable and (not placed.turn or is_unreadable_rotated(label))
                numbers.append((box, label if readable else "", placed.turn, height))
        return numbers


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def _shrunk(layer: Layer, from_layer: np.ndarray) -> tuple[Layer, np.ndarray]:
    """Halve a layer that is shown at less than half its size: warping would skip pixels."""
    (a, b), (c, d) = from_layer[:2, :2] / from_layer[2, 2]
    scale = math.sqrt(abs(a * d - b * c))
    while scale < 0.6 and min(layer.shape) >= 8:
        rows, columns = layer.shape
        half = Layer(rows // 2, columns // 2)
        left, top, right, bottom = layer.box
        even = layer.rgba[: 2 * (rows // 2), : 2 * (columns // 2)]
        half.rgba = cv2.resize(even, half.shape[::-1], interpolation=cv2.INTER_AREA)
        half.box = left // 2, top // 2, (right + 1) // 2, (bottom + 1) // 2
        layer, from_layer = half, from_layer @ scale_translate(2.0, 0.0, 0.0)
        scale *= 2
    return layer, from_layer


def sample_view(size: tuple[int, int], rng: Rng) -> np.ndarray:
    """Sample the view of a wall: (3, 3), its origin at the centre of an image of a size."""
    roll = rng.normal(0.0, 0.02) if rng.bernoulli(0.75) else rng.clipped_normal(0, 0.1, -0.25, 0.25)
    yaw = rng.clipped_normal(0.0, 0.1, -0.3, 0.3) if rng.bernoulli(0.4) else 0.0
    tilt = rng.clipped_normal(0.0, 0.04, -0.12, 0.12)
    view = view_matrix(roll, tilt, 0.6 * yaw, 1.0 - 0.9 * yaw * yaw)
    view = add_perspective(view, max(size), rng)
    return scale_translate(1.0, size[0] / 2, size[1] / 2) @ view
