"""Rendered scenes: one from a seed and an index."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from number_zoo.boxes import turn_box

from ..rendered_numbers import camera
from ..rendered_numbers.colours import wall_colour
from ..rendered_numbers.drawing import Box, union
from ..rendered_numbers.fonts import fonts_in
from ..rendered_numbers.planar_object import is_unreadable_rotated
from ..rendered_numbers.rendering import reproducible_rng
from ..rendered_numbers.rng import Rng
from ..rendered_numbers.scene import paint_clutter, paint_occluder, render_plain_wall, render_wall
from .contents import populate
from .styles import SceneStyle
from .wall import Wall, sample_view

_SMALLEST_READABLE = 6.0  # height of a digit in pixels
_LEAST_SPREAD = 14.0  # of the grey levels in the box of a readable number


@dataclass(frozen=True)
class Scene:
    """An image with any number of numbers.

    Attributes:
        jpeg: the image as the bytes of a JPEG file, whose artefacts are part of the image.
        boxes: float32 (n, 4): left, top, right, bottom of each readable number, in pixels.
        labels: the digits of each number.
        turns: int32 (n,): number of counter-clockwise quarter turns that make each upright.
        ignored_boxes: float32 (k, 4): numbers that are too small, too faint or cut off, or
            whose orientation is not recognizable in a turned image.
    """

    jpeg: bytes
    boxes: np.ndarray
    labels: list[str]
    turns: np.ndarray
    ignored_boxes: np.ndarray

    @functools.cached_property
    def image(self) -> np.ndarray:
        """The decoded image: uint8 (h, w, 3), RGB."""
        return camera.decompress(self.jpeg)


def render_scene(seed: int, index: int, style: SceneStyle | None = None) -> Scene:
    """Render a scene.

    The same seed, index and style give the same scene, in any order and any process.

    Args:
        seed: seed of the data set, a non-negative integer.
        index: index of the scene, a non-negative integer.
        style: the statistics that scenes follow; defaults to `SceneStyle()`.
    """
    style = style or SceneStyle()
    with reproducible_rng(seed, index) as rng, fonts_in(style.fonts):
        return _render(rng, style)


def _render(rng: Rng, style: SceneStyle) -> Scene:
    size = _sample_size(style, rng)
    wall = Wall(size, wall_colour(rng), sample_view(size, rng))
    populate(wall, style, rng)
    image = _render_background(wall, rng)
    wall.paint(image, rng)
    numbers = wall.numbers(_SMALLEST_READABLE)
    heights = [height for _, label, _, height in numbers if label]
    # One lens for the whole image: the smallest number limits the blur.
    sharp = min(heights) * rng.uniform(1.0, 1.5) if heights else rng.log_uniform(10.0, 40.0)
    sharp = min(max(sharp, 8.0), 60.0)
    if rng.bernoulli(0.015):
        paint_occluder(image, sharp, rng)
    image = camera.photograph(image, 0.8 * sharp, rng)

    boxes = np.array([box for box, *_ in numbers], np.float32).reshape(-1, 4)
    labels = [label if _spread(image, box) > _LEAST_SPREAD else "" for box, label, *_ in numbers]
    turns = np.array([turn for *_, turn, _ in numbers], np.int32)
    clear = [label for label in labels if is_unreadable_rotated(label)]
    readable = [label for label in labels if label]
    quarters = 1 + rng.randrange(3)
    if rng.bernoulli(style.turned) and 2 * len(clear) >= len(readable):
        image, boxes = turn_image(image, boxes, quarters)
        turns = (turns - quarters) % 4
        labels = [label if is_unreadable_rotated(label) else "" for label in labels]
    keep = np.array([bool(label) for label in labels], bool)
    return Scene(
        camera.compress(image, rng),
        boxes[keep],
        [label for label in labels if label],
        turns[keep].astype(np.int32),
        boxes[~keep],
    )


def _spread(image: np.ndarray, box: Box) -> float:
    """The difference between light and dark (5th and 95th percentile) in a box."""
    left, top, right, bottom = (round(edge) for edge in box)
    levels = image[top : bottom + 1, left : right + 1].mean(axis=-1)
    low, high = np.percentile(levels, (5, 95))
    return float(high - low)


def _sample_size(style: SceneStyle, rng: Rng) -> tuple[int, int]:
    longest = rng.log_uniform(*style.sides)
    aspect = rng.log_uniform(*style.aspect)
    longest, shortest = round(longest), max(round(longest * min(aspect, 1 / aspect)), 192)
    return (longest, shortest) if aspect > 1 else (shortest, longest)


def _render_background(wall: Wall, rng: Rng) -> np.ndarray:
    """Render the wall and its clutter, without the objects: float32 (h, w, 3)."""
    unit = rng.log_uniform(14.0, 70.0)
    if wall.plain:
        return render_plain_wall(wall.size, wall.colour, rng)
    image = render_wall(wall.size, wall.from_wall, unit, wall.colour, rng)
    if rng.bernoulli(0.45):
        bare = [placed.extent for placed in wall.placed if placed.bare]
        x, y = rng.uniform(0, wall.size[0]), rng.uniform(0, wall.size[1])
        free = union(np.array(bare)) if bare else (x, y, x, y)
        paint_clutter(image, wall.from_wall, free, unit, rng.bernoulli(0.4), rng)
    return image


def turn_image(
    image: np.ndarray, boxes: np.ndarray, quarters: int
) -> tuple[np.ndarray, np.ndarray]:
    """Turn an image (h, w, c) and boxes (n, 4) counter-clockwise by quarter turns."""
    boxes = turn_box(boxes, quarters, image.shape[1], image.shape[0])
    return np.ascontiguousarray(np.rot90(image, quarters)), boxes
