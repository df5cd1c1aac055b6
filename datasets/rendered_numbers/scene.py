"""The wall behind the number and what else is in view."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from datasets.rendered_numbers.layer import lay
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.surfaces import (
    MIDDLE,
    STEP,
    Colour,
    crop,
    draw_texture,
    mix,
    wall_colour,
)


def facing(chance: Rng) -> np.ndarray:
    """Draw how the wall faces the camera.

    Returns:
        3x3 matrix from the wall (pixels around the number's middle) to the image.
    """
    if chance.happens(0.3):
        turn = chance.clipped(0.0, 0.16, -0.45, 0.45)
    else:
        turn = chance.normal(0.0, 0.035)
    # Walls are seen from the street: turned about the upright, so level lines slope.
    yaw = chance.clipped(0.0, 0.16, -0.5, 0.5) if chance.happens(0.6) else 0.0
    narrow = 1.0 - 0.9 * yaw * yaw - (chance.uniform(0, 0.25) if yaw else 0.0)
    tilt = chance.clipped(0.0, 0.05, -0.2, 0.2)
    cos, sin, slope = math.cos(turn), math.sin(turn), 0.7 * yaw
    return np.array([
        [cos * narrow - sin * slope, cos * tilt - sin, 0.0],
        [sin * narrow + cos * slope, sin * tilt + cos, 0.0],
        [0.0, 0.0, 1.0],
    ])  # fmt: skip


def bend(matrix: np.ndarray, reach: float, chance: Rng) -> np.ndarray:
    """Add a slight perspective to a matrix about the number's middle.

    Args:
        matrix: 3x3, from the wall to the image, both about the number's middle; affine.
        reach: distance in pixels at which the perspective shows fully.
        chance: source of its direction and strength.
    """
    across, down = chance.clipped(0, 0.05, -0.13, 0.13), chance.clipped(0, 0.03, -0.08, 0.08)
    bent = matrix.copy()
    bent[2] = across / reach, down / reach, 1.0
    return bent


def draw_wall(
    size: tuple[int, int], matrix: np.ndarray, height: float, colour: Colour, chance: Rng
) -> np.ndarray:
    """Draw a bare wall.

    Args:
        size: width and height of the image, in pixels.
        matrix: 3x3 from the wall to the image.
        height: height of a digit in the image, in pixels.
        colour: the wall's colour.
        chance: source of the texture.

    Returns:
        float32 (height, width, 3), 0 to 255.
    """
    texture = draw_texture(size, matrix, max(height * 0.6, 8), chance)
    bright = max(colour)
    depth = chance.log_uniform(0.015, 0.14) * (40 + bright)
    tint = mix((1.0, 1.0, 1.0), tuple(part / (bright + 1) for part in colour), 0.5)
    return shades(texture, [part * depth for part in tint], colour)


def shades(texture: np.ndarray, depth: Sequence[float], colour: Colour) -> np.ndarray:
    """Colour a texture: uint8 (h, w) to float32 (h, w, 3), each channel with its own depth."""
    steps = [part / STEP for part in depth]
    low = [part - MIDDLE * step for part, step in zip(colour, steps, strict=True)]
    rows = np.array([[steps], [low]], np.float32).repeat(texture.shape[1], axis=1)
    shaded = cv2.cvtColor(texture.astype(np.float32), cv2.COLOR_GRAY2RGB)
    shaded *= rows[0]
    shaded += rows[1]
    return shaded


def _band(size, start, end, thickness) -> np.ndarray:
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.line(
        mask, tuple(round(v * 16) for v in start), tuple(round(v * 16) for v in end), 255,
        max(1, round(thickness)), cv2.LINE_AA, 4,
    )  # fmt: skip
    return mask


def put_surroundings(
    scene: np.ndarray,
    matrix: np.ndarray,
    box: tuple[float, float, float, float],
    height: float,
    crowded: bool,
    chance: Rng,
) -> None:
    """Lay door frames, edges of walls, cables and bars around the number, in place.

    Args:
        scene: float32 (h, w, 3).
        matrix: 3x3 from the wall to the image: its directions are those of the edges.
        box: left, top, right, bottom that stay free, in pixels.
        height: height of a digit, in pixels.
        crowded: whether there are many.
        chance: source of chance.
    """
    rows, columns = scene.shape[:2]
    size = (columns, rows)
    (a, b, _), (c, d, _), _ = matrix.tolist()
    far = 2.0 * (rows + columns)
    along, upright = far / math.hypot(a, c), far / math.hypot(b, d)
    along, upright = (a * along, c * along), (b * upright, d * upright)
    count = 3 + chance.below(6) if crowded else 1 + chance.below(2)
    for _ in range(count):
        level = chance.happens(0.4)
        far_x, far_y = along if level else upright
        # A place on one side of the number, outside its box.
        if level:
            low = chance.happens(0.55)
            room = rows - box[3] if low else box[1]
            away = chance.unit() * room + 0.06 * height
            x, y = (box[0] + box[2]) / 2, box[3] + away if low else box[1] - away
            out_x, out_y = 0.0, 1.0 if low else -1.0
        else:
            right = chance.happens(0.5)
            room = columns - box[2] if right else box[0]
            away = chance.unit() * room + 0.06 * height
            x, y = box[2] + away if right else box[0] - away, (box[1] + box[3]) / 2
            out_x, out_y = 1.0 if right else -1.0, 0.0
        start, end = (x - far_x, y - far_y), (x + far_x, y + far_y)
        kind = chance.unit()
        if kind < 0.5:  # everything beyond is another surface
            mask = np.zeros((rows, columns), np.uint8)
            beyond_x, beyond_y = out_x * 9999, out_y * 9999
            corners = np.array([
                start, end, (end[0] + beyond_x, end[1] + beyond_y),
                (start[0] + beyond_x, start[1] + beyond_y),
            ])  # fmt: skip
            cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
            colour = wall_colour(chance)
            other = crop(chance.choice(("plain", "stucco", "leaves", "wood")), size, chance)
            depth = chance.log_uniform(1.5, 18.0)
            left, top, wide, high = cv2.boundingRect(mask)
            if wide:
                part = (slice(top, top + high), slice(left, left + wide))
                cv2.copyTo(shades(other[part], (depth,) * 3, colour), mask[part], scene[part])
        else:
            colour = wall_colour(chance) if kind < 0.75 else (15.0, 15.0, 18.0)
            thick = height * chance.log_uniform(0.03, 0.4)
            opacity = chance.uniform(0.4, 1.0)
            lay(scene, _band(size, start, end, thick), colour, opacity)
            if chance.happens(0.2):  # a fence or a grille of such bars
                step = height * chance.uniform(0.3, 0.8)
                step_x, step_y = out_x * step, out_y * step
                for place in range(1, 7):
                    x, y = place * step_x, place * step_y
                    ends = (start[0] + x, start[1] + y), (end[0] + x, end[1] + y)
                    mask = _band(size, *ends, min(thick, 0.2 * height))
                    lay(scene, mask, colour, opacity)


def put_before(scene: np.ndarray, height: float, chance: Rng) -> None:
    """Lay a twig, a cable or a stain over everything, in place: thin enough to read the number."""
    rows, columns = scene.shape[:2]
    if chance.happens(0.5):
        start = (chance.uniform(0, columns), chance.uniform(-5, rows / 3))
        end = (chance.uniform(0, columns), chance.uniform(rows * 0.7, rows + 5))
        thick = height * chance.uniform(0.02, 0.09)
        colour = (20.0, 25.0, 20.0) if chance.happens(0.7) else (200.0, 200.0, 200.0)
        lay(scene, _band((columns, rows), start, end, thick), colour, chance.uniform(0.5, 1.0))
    else:
        grain = crop("stains", (columns, rows), chance)
        least = MIDDLE + STEP * chance.uniform(0.8, 1.6)
        mask = cv2.convertScaleAbs(cv2.subtract(grain, (least,)), alpha=160 / STEP)
        lay(scene, mask, wall_colour(chance), chance.uniform(0.3, 0.7))
