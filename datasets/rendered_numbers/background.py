"""The wall behind the number, other objects in view, and the wall's orientation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from .colours import mix, wall_colour
from .geometry import Box, centre
from .layer import Colour, blend
from .rng import Rng
from .textures import TEXTURE_MEAN, TEXTURE_STD, crop_texture, sample_texture


def view_matrix(
    roll: float, tilt: float, horizontal_scale: float, level_slope: float
) -> np.ndarray:
    """Return the affine (3, 3) matrix from a wall to the image.

    Args:
        roll: rotation in the image plane, in radians.
        tilt: vertical shear.
        horizontal_scale: foreshortening by the yaw.
        level_slope: slope of the wall's horizontal lines by the yaw.
    """
    cos, sin = math.cos(roll), math.sin(roll)
    return np.array([
        [cos * horizontal_scale - sin * level_slope, cos * tilt - sin, 0.0],
        [sin * horizontal_scale + cos * level_slope, sin * tilt + cos, 0.0],
        [0.0, 0.0, 1.0],
    ])  # fmt: skip


def sample_wall_view(rng: Rng) -> np.ndarray:
    """Sample the orientation of a wall relative to the camera.

    Returns:
        (3, 3) matrix from the wall, with its origin at the number's centre, to the image.
    """
    if rng.bernoulli(0.3):
        roll = rng.clipped_normal(0.0, 0.16, -0.45, 0.45)
    else:
        roll = rng.normal(0.0, 0.035)
    # Walls are seen from the street: yaw makes their horizontal lines slope.
    yaw = rng.clipped_normal(0.0, 0.16, -0.5, 0.5) if rng.bernoulli(0.6) else 0.0
    horizontal_scale = 1.0 - 0.9 * yaw * yaw - (rng.uniform(0, 0.25) if yaw else 0.0)
    tilt = rng.clipped_normal(0.0, 0.05, -0.2, 0.2)
    return view_matrix(roll, tilt, horizontal_scale, 0.7 * yaw)


def add_perspective(matrix: np.ndarray, reach: float, rng: Rng) -> np.ndarray:
    """Add a slight random perspective to an affine matrix.

    Args:
        matrix: (3, 3) from the wall to the image, both with their origin at the number's centre.
        reach: distance in pixels at which the full effect is reached.
    """
    x, y = rng.clipped_normal(0, 0.05, -0.13, 0.13), rng.clipped_normal(0, 0.03, -0.08, 0.08)
    homography = matrix.copy()
    homography[2] = x / reach, y / reach, 1.0
    return homography


def render_wall(
    size: tuple[int, int], homography: np.ndarray, height: float, colour: Colour, rng: Rng
) -> np.ndarray:
    """Render a bare wall of a mean colour: float32 (h, w, 3).

    Args:
        size: width and height of the image, in pixels.
        homography: (3, 3) from the wall to the image.
    """
    texture = sample_texture(size, homography, max(height * 0.6, 8), rng)
    brightness = max(colour)
    depth = rng.log_uniform(0.015, 0.14) * (40 + brightness)
    tint = mix((1.0, 1.0, 1.0), tuple(channel / (brightness + 1) for channel in colour), 0.5)
    return colourize(texture, [channel * depth for channel in tint], colour)


def colourize(texture: np.ndarray, stds: Sequence[float], colour: Colour) -> np.ndarray:
    """Convert a grey texture to float32 (h, w, 3) of a given mean and deviation per channel."""
    scales = [std / TEXTURE_STD for std in stds]
    offsets = [mean - TEXTURE_MEAN * scale for mean, scale in zip(colour, scales, strict=True)]
    rows = np.array([[scales], [offsets]], np.float32).repeat(texture.shape[1], axis=1)
    image = cv2.cvtColor(texture.astype(np.float32), cv2.COLOR_GRAY2RGB)
    image *= rows[0]
    image += rows[1]
    return image


def _line_mask(size, start, end, thickness: float) -> np.ndarray:
    mask = np.zeros((size[1], size[0]), np.uint8)
    ends = (tuple(round(value * 16) for value in point) for point in (start, end))
    cv2.line(mask, *ends, 255, max(1, round(thickness)), cv2.LINE_AA, 4)
    return mask


def paint_clutter(
    image: np.ndarray, homography: np.ndarray, box: Box, height: float, crowded: bool, rng: Rng
) -> None:
    """Paint door frames, edges of walls, cables and bars around the number, in place.

    Args:
        image: float32 (h, w, 3).
        homography: (3, 3) from the wall to the image; lines follow its axes.
        box: box of the number, which stays free.
        crowded: whether there are 3 to 8 objects instead of 1 or 2.
    """
    rows, columns = image.shape[:2]
    (a, b, _), (c, d, _), _ = homography.tolist()
    length = 2.0 * (rows + columns)
    across, down = length / math.hypot(a, c), length / math.hypot(b, d)
    horizontal, vertical = (a * across, c * across), (b * down, d * down)
    for _ in range(3 + rng.randrange(6) if crowded else 1 + rng.randrange(2)):
        is_horizontal = rng.bernoulli(0.4)
        line_x, line_y = horizontal if is_horizontal else vertical
        # A point at one side of the number's box, and the direction away from the box.
        x, y = centre(box)
        if is_horizontal:
            below = rng.bernoulli(0.55)
            distance = rng.random() * (rows - box[3] if below else box[1]) + 0.06 * height
            y = box[3] + distance if below else box[1] - distance
            out_x, out_y = 0.0, 1.0 if below else -1.0
        else:
            right = rng.bernoulli(0.5)
            distance = rng.random() * (columns - box[2] if right else box[0]) + 0.06 * height
            x = box[2] + distance if right else box[0] - distance
            out_x, out_y = 1.0 if right else -1.0, 0.0
        start, end = (x - line_x, y - line_y), (x + line_x, y + line_y)
        kind = rng.random()
        if kind < 0.5:
            _paint_half_plane(image, start, end, (out_x * 9999, out_y * 9999), rng)
        else:
            colour = wall_colour(rng) if kind < 0.75 else (15.0, 15.0, 18.0)
            _paint_bars(image, start, end, (out_x, out_y), colour, height, rng)


def _paint_half_plane(image: np.ndarray, start, end, outward, rng: Rng) -> None:
    """Paint another surface on everything outward of a line, in place."""
    rows, columns = image.shape[:2]
    mask = np.zeros((rows, columns), np.uint8)
    start, end, outward = np.array(start), np.array(end), np.array(outward)
    corners = np.array([start, end, end + outward, start + outward])
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
    colour = wall_colour(rng)
    name = rng.choice(("plain", "stucco", "leaves", "wood"))
    texture = crop_texture(name, (columns, rows), rng)
    std = rng.log_uniform(1.5, 18.0)
    left, top, width, height = cv2.boundingRect(mask)
    if width:
        area = (slice(top, top + height), slice(left, left + width))
        cv2.copyTo(colourize(texture[area], (std,) * 3, colour), mask[area], image[area])


def _paint_bars(
    image: np.ndarray, start, end, outward, colour: Colour, height: float, rng: Rng
) -> None:
    """Paint a bar, or a fence of seven, in place."""
    size = image.shape[1::-1]
    thickness = height * rng.log_uniform(0.03, 0.4)
    opacity = rng.uniform(0.4, 1.0)
    blend(image, _line_mask(size, start, end, thickness), colour, opacity)
    if rng.bernoulli(0.2):
        gap = height * rng.uniform(0.3, 0.8)
        gap_x, gap_y = outward[0] * gap, outward[1] * gap
        for index in range(1, 7):
            x, y = index * gap_x, index * gap_y
            ends = (start[0] + x, start[1] + y), (end[0] + x, end[1] + y)
            blend(image, _line_mask(size, *ends, min(thickness, 0.2 * height)), colour, opacity)


def paint_occluder(image: np.ndarray, height: float, rng: Rng) -> None:
    """Paint a twig, a cable or stains over the number, in place, such that it stays legible."""
    rows, columns = image.shape[:2]
    if rng.bernoulli(0.5):
        start = (rng.uniform(0, columns), rng.uniform(-5, rows / 3))
        end = (rng.uniform(0, columns), rng.uniform(rows * 0.7, rows + 5))
        thickness = height * rng.uniform(0.02, 0.09)
        colour = (20.0, 25.0, 20.0) if rng.bernoulli(0.7) else (200.0, 200.0, 200.0)
        mask = _line_mask((columns, rows), start, end, thickness)
        blend(image, mask, colour, rng.uniform(0.5, 1.0))
    else:
        stains = crop_texture("stains", (columns, rows), rng)
        threshold = TEXTURE_MEAN + TEXTURE_STD * rng.uniform(0.8, 1.6)
        mask = cv2.convertScaleAbs(cv2.subtract(stains, (threshold,)), alpha=160 / TEXTURE_STD)
        blend(image, mask, wall_colour(rng), rng.uniform(0.3, 0.7))
