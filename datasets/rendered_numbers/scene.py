"""A scene before the camera: its wall, the view of it, and other objects around the number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .colours import mix, wall_colour
from .drawing import Box, Colour, blend, blurred, centre, line_mask
from .rng import Rng
from .textures import TEXTURE_MEAN, TEXTURE_STD, crop_texture, sample_texture


@dataclass(frozen=True)
class Scene:
    """A sharp, evenly lit image and its annotation.

    Attributes:
        image: float32 (h, w, 3), RGB, 0 to 255 and slightly beyond.
        label: the digits, "" for no number.
        boxes: float32 (len(label), 4): left, top, right, bottom of each digit, in pixels.
        digit_height: height in pixels to which the camera's blur is proportional: a digit's, or
            less for fine strokes.
        kind: kind of object.
        ink: mask of the number and its letters, uint8 (h, w), if it was requested.
        quarter_turns: number of rotations by 90 degrees of an image without a readable number.
    """

    image: np.ndarray
    label: str
    boxes: np.ndarray
    digit_height: float
    kind: str = "house number"
    ink: np.ndarray | None = None
    quarter_turns: int = 0


def view_matrix(roll: float, tilt: float, yaw: float, foreshortening: float) -> np.ndarray:
    """Return the affine (3, 3) matrix from a wall to the image.

    Args:
        roll: rotation in the image plane, in radians.
        tilt: vertical shear.
        yaw: slope of the wall's horizontal lines.
        foreshortening: horizontal scale.
    """
    cos, sin = math.cos(roll), math.sin(roll)
    return np.array([
        [cos * foreshortening - sin * yaw, cos * tilt - sin, 0.0],
        [sin * foreshortening + cos * yaw, sin * tilt + cos, 0.0],
        [0.0, 0.0, 1.0],
    ])  # fmt: skip


def add_perspective(matrix: np.ndarray, reach: float, rng: Rng) -> np.ndarray:
    """Add a slight random perspective to an affine matrix (3, 3), in full at a distance `reach`."""
    x, y = rng.clipped_normal(0, 0.05, -0.13, 0.13), rng.clipped_normal(0, 0.03, -0.08, 0.08)
    homography = matrix.copy()
    homography[2] = x / reach, y / reach, 1.0
    return homography


def render_wall(
    size: tuple[int, int], homography: np.ndarray, height: float, colour: Colour, rng: Rng
) -> np.ndarray:
    """Render a bare wall of a mean colour: float32 (h, w, 3)."""
    texture = sample_texture(size, homography, max(height * 0.6, 8), rng)
    brightness = max(colour)
    depth = rng.log_uniform(0.015, 0.14) * (40 + brightness)
    tint = mix((1.0, 1.0, 1.0), tuple(channel / (brightness + 1) for channel in colour), 0.5)
    return _colourize(texture, [channel * depth for channel in tint], colour)


def render_plain_wall(size: tuple[int, int], colour: Colour, rng: Rng) -> np.ndarray:
    """Render a smooth surface of a mean colour: float32 (h, w, 3)."""
    std = rng.uniform(0.0, 3.0)
    image = np.empty((size[1], size[0], 3), np.float32)
    image[:] = colour
    texture = crop_texture(rng.choice(("plain", "stucco", "noise")), size, rng)
    image += ((texture.astype(np.float32) - 128) * (std / TEXTURE_STD))[..., None]
    return image


def _colourize(texture: np.ndarray, stds: Sequence[float], colour: Colour) -> np.ndarray:
    """Convert a grey texture to float32 (h, w, 3) of a given mean and deviation per channel."""
    scales = [std / TEXTURE_STD for std in stds]
    offsets = [mean - TEXTURE_MEAN * scale for mean, scale in zip(colour, scales, strict=True)]
    rows = np.array([[scales], [offsets]], np.float32).repeat(texture.shape[1], axis=1)
    image = cv2.cvtColor(texture.astype(np.float32), cv2.COLOR_GRAY2RGB)
    image *= rows[0]
    image += rows[1]
    return image


def paint_clutter(
    image: np.ndarray, homography: np.ndarray, box: Box, height: float, crowded: bool, rng: Rng
) -> None:
    """Paint door frames, edges of walls, cables and bars around the box of the number, in place.

    Lines follow the axes of the wall. `crowded` is for 3 to 8 objects instead of 1 or 2.
    """
    rows, columns = image.shape[:2]
    for _ in range(3 + rng.randrange(6) if crowded else 1 + rng.randrange(2)):
        is_horizontal = rng.bernoulli(0.4)
        direction = homography[:2, 0 if is_horizontal else 1]
        line = direction * (2.0 * (rows + columns) / math.hypot(*direction))
        # A point at one side of the number's box, and the direction away from the box.
        axis, room = (1, rows) if is_horizontal else (0, columns)
        point, outward = np.array(centre(box)), np.zeros(2)
        if rng.bernoulli(0.55 if is_horizontal else 0.5):  # below or right
            point[axis] = box[axis + 2] + (rng.random() * (room - box[axis + 2]) + 0.06 * height)
            outward[axis] = 1.0
        else:
            point[axis] = box[axis] - (rng.random() * box[axis] + 0.06 * height)
            outward[axis] = -1.0
        ends = np.array([point - line, point + line])
        kind = rng.random()
        if kind < 0.5:
            _paint_half_plane(image, ends, outward, rng)
        else:
            colour = wall_colour(rng) if kind < 0.75 else (15.0, 15.0, 18.0)
            thickness, opacity = height * rng.log_uniform(0.03, 0.4), rng.uniform(0.4, 1.0)
            blend(image, line_mask((rows, columns), ends, thickness), colour, opacity)
            if rng.bernoulli(0.2):  # a fence of seven
                gap, thickness = height * rng.uniform(0.3, 0.8), min(thickness, 0.2 * height)
                for index in range(1, 7):
                    mask = line_mask((rows, columns), ends + index * gap * outward, thickness)
                    blend(image, mask, colour, opacity)


def _paint_half_plane(image: np.ndarray, ends: np.ndarray, outward: np.ndarray, rng: Rng) -> None:
    """Paint another surface on everything outward of a line, in place."""
    rows, columns = image.shape[:2]
    mask = np.zeros((rows, columns), np.uint8)
    corners = np.concatenate([ends, ends[::-1] + 9999 * outward])
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
    colour = wall_colour(rng)
    name = rng.choice(("plain", "stucco", "leaves", "wood"))
    texture = crop_texture(name, (columns, rows), rng)
    std = rng.log_uniform(1.5, 18.0)
    left, top, width, height = cv2.boundingRect(mask)
    if width:
        area = (slice(top, top + height), slice(left, left + width))
        cv2.copyTo(_colourize(texture[area], (std,) * 3, colour), mask[area], image[area])


def paint_glare(image: np.ndarray, box: Box, height: float, rng: Rng) -> None:
    """Paint the reflection of a lamp or of a window on the box of the number, in place."""
    rows, columns = image.shape[:2]
    left, top, right, bottom = box
    x, y = rng.uniform(left, right), rng.uniform(top, bottom)
    mask = np.zeros((rows, columns), np.uint8)
    if rng.bernoulli(0.6):
        radii = [round(height * rng.log_uniform(0.25, 0.9)) for _ in range(2)]
        angle = rng.uniform(0, 180)
        cv2.ellipse(mask, (round(x), round(y)), radii, angle, 0, 360, 255, -1, cv2.LINE_AA)
        softness, opacity = rng.log_uniform(0.05, 0.5), rng.uniform(0.6, 1.0)
    else:
        width, reach, lean = height * rng.log_uniform(0.3, 1.5), rows + columns, rng.normal(0, 0.6)
        corners = np.array([[-lean, -1], [-lean, -1], [lean, 1], [lean, 1]]) * reach + (x, y)
        corners[1:3, 0] += width
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255, cv2.LINE_AA)
        softness, opacity = rng.log_uniform(0.01, 0.2), rng.uniform(0.2, 0.75)
    blend(image, blurred(mask, max(softness * height, 0.5)), (252.0, 252.0, 248.0), opacity)


def paint_occluder(image: np.ndarray, height: float, rng: Rng) -> None:
    """Paint a twig, a cable or stains over the number, in place, such that it stays legible."""
    rows, columns = image.shape[:2]
    if rng.bernoulli(0.5):
        start = (rng.uniform(0, columns), rng.uniform(-5, rows / 3))
        end = (rng.uniform(0, columns), rng.uniform(rows * 0.7, rows + 5))
        thickness = height * rng.uniform(0.02, 0.09)
        colour = (20.0, 25.0, 20.0) if rng.bernoulli(0.7) else (200.0, 200.0, 200.0)
        mask = line_mask((rows, columns), (start, end), thickness)
        blend(image, mask, colour, rng.uniform(0.5, 1.0))
    else:
        stains = crop_texture("stains", (columns, rows), rng)
        threshold = TEXTURE_MEAN + TEXTURE_STD * rng.uniform(0.8, 1.6)
        mask = cv2.convertScaleAbs(cv2.subtract(stains, (threshold,)), alpha=160 / TEXTURE_STD)
        blend(image, mask, wall_colour(rng), rng.uniform(0.3, 0.7))
