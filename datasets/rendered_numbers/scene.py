"""The wall behind the number and what else is in view."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from datasets.rendered_numbers.chance import Chance
from datasets.rendered_numbers.signs import lay
from datasets.rendered_numbers.surfaces import Colour, crop, draw_texture, mix, row_of, wall_colour


def facing(chance: Chance) -> np.ndarray:
    """Draw how the wall faces the camera.

    Returns:
        3x3 matrix from the wall (pixels around the number's middle) to the picture.
    """
    if chance.happens(0.3):
        turn = chance.clipped(0.0, 0.16, -0.45, 0.45)
    else:
        turn = chance.normal(0.0, 0.035)
    # Walls are seen from the street: turned about the upright, so level lines slope.
    yaw = chance.clipped(0.0, 0.16, -0.5, 0.5) if chance.happens(0.6) else 0.0
    narrow = 1.0 - 0.9 * yaw * yaw - (chance.uniform(0, 0.25) if yaw else 0.0)
    tilt = chance.clipped(0.0, 0.05, -0.2, 0.2)
    cos, sin = np.cos(turn), np.sin(turn)
    rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return rotation @ np.array([[narrow, tilt, 0], [0.7 * yaw, 1, 0], [0, 0, 1]])


def bend(matrix: np.ndarray, reach: float, chance: Chance) -> np.ndarray:
    """Add a slight perspective to a matrix about the number's middle.

    Args:
        matrix: 3x3, from the wall to the picture, both about the number's middle.
        reach: distance in pixels at which the perspective shows fully.
        chance: source of its direction and strength.
    """
    vanish = np.eye(3)
    vanish[2, :2] = chance.clipped(0, 0.05, -0.13, 0.13), chance.clipped(0, 0.03, -0.08, 0.08)
    vanish[2, :2] /= reach
    return matrix @ vanish


def draw_wall(
    size: tuple[int, int], matrix: np.ndarray, height: float, colour: Colour, chance: Chance
) -> np.ndarray:
    """Draw a bare wall.

    Args:
        size: width and height of the picture, in pixels.
        matrix: 3x3 from the wall to the picture.
        height: height of a digit in the picture, in pixels.
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
    """Colour a texture: float32 (h, w) to (h, w, 3), each channel with its own depth."""
    width = texture.shape[1]
    shaded = cv2.cvtColor(texture, cv2.COLOR_GRAY2RGB)
    shaded *= row_of(depth, width)
    shaded += row_of(colour, width)
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
    chance: Chance,
) -> None:
    """Lay door frames, edges of walls, cables and bars around the number, in place.

    Args:
        scene: float32 (h, w, 3).
        matrix: 3x3 from the wall to the picture: its directions are those of the edges.
        box: left, top, right, bottom that stay free, in pixels.
        height: height of a digit, in pixels.
        crowded: whether there are many.
        chance: source of chance.
    """
    rows, columns = scene.shape[:2]
    size = (columns, rows)
    along = matrix[:2, 0] / np.hypot(*matrix[:2, 0])
    upright = matrix[:2, 1] / np.hypot(*matrix[:2, 1])
    count = 3 + chance.below(6) if crowded else 1 + chance.below(2)
    for _ in range(count):
        level = chance.happens(0.4)
        direction = along if level else upright
        far = direction * 2.0 * (rows + columns)
        # A place on one side of the number, outside its box.
        if level:
            low = chance.happens(0.55)
            room = rows - box[3] if low else box[1]
            away = chance.unit() * room + 0.06 * height
            at = np.array([(box[0] + box[2]) / 2, box[3] + away if low else box[1] - away])
            out = np.array([0.0, 1.0 if low else -1.0])
        else:
            right = chance.happens(0.5)
            room = columns - box[2] if right else box[0]
            away = chance.unit() * room + 0.06 * height
            at = np.array([box[2] + away if right else box[0] - away, (box[1] + box[3]) / 2])
            out = np.array([1.0 if right else -1.0, 0.0])
        kind = chance.unit()
        if kind < 0.5:  # everything beyond is another surface
            mask = np.zeros((rows, columns), np.uint8)
            corners = np.array([at - far, at + far, at + far + out * 9999, at - far + out * 9999])
            cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 255)
            colour = wall_colour(chance)
            other = crop(chance.choice(("plain", "stucco", "leaves", "wood")), size, chance)
            depth = chance.log_uniform(1.5, 18.0)
            cv2.copyTo(shades(other, (depth,) * 3, colour), mask, scene)
        else:
            colour = wall_colour(chance) if kind < 0.75 else (15.0, 15.0, 18.0)
            thick = height * chance.log_uniform(0.03, 0.4)
            opacity = chance.uniform(0.4, 1.0)
            lay(scene, _band(size, at - far, at + far, thick), colour, opacity)
            if chance.happens(0.2):  # a fence or a grille of such bars
                step = out * height * chance.uniform(0.3, 0.8)
                for place in range(1, 7):
                    start = at + place * step
                    mask = _band(size, start - far, start + far, min(thick, 0.2 * height))
                    lay(scene, mask, colour, opacity)


def put_before(scene: np.ndarray, height: float, chance: Chance) -> None:
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
        mask = np.clip((grain - chance.uniform(0.8, 1.6)) * 160, 0, 255).astype(np.uint8)
        lay(scene, mask, wall_colour(chance), chance.uniform(0.3, 0.7))
