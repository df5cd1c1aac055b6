"""The finish of a number (colours, relief, wear), its ink, and the plate that carries it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from .colours import (
    BLACK,
    WHITE,
    dark_colour,
    enamel_colour,
    ink_colour,
    light_colour,
    luminance,
    mix,
    wall_colour,
)
from .drawing import (
    Box,
    Colour,
    Layer,
    blurred,
    box_corners,
    centre,
    expand,
    fill_circle,
    line_mask,
    points_box,
    polygon_mask,
)
from .layout import TextLine
from .rng import Rng
from .textures import TEXTURE_MEAN, TEXTURE_STD, crop_texture


@dataclass(frozen=True)
class Finish:
    """Colours and effects of a number.

    Attributes:
        ink: colour of the digits.
        ground: colour behind them.
        plate: whether the number is on a plate instead of the bare wall.
        enamel: whether the plate is of enamel, with heavy old-fashioned digits.
        outline: colour of an outline around each digit, or None.
        relief: depth of raised digits, in units of their height; 0 for flat ones.
        worn: fraction of the paint that is missing, 0 to 1.
    """

    ink: Colour
    ground: Colour
    plate: bool = True
    enamel: bool = False
    outline: Colour | None = None
    relief: float = 0.0
    worn: float = 0.0


def sample_finish(wall: Colour, plate_probability: float, rng: Rng) -> Finish:
    """Sample the finish of a house number on a wall of the given colour."""
    plate = rng.bernoulli(plate_probability)
    kind = rng.random() if plate else 1.0
    enamel = kind < 0.58
    if enamel:
        ground, ink = enamel_colour(rng), light_colour(rng)
    elif kind < 0.84:
        ground, ink = light_colour(rng), dark_colour(rng)
    else:
        ground = wall_colour(rng) if plate else wall
        ink = ink_colour(ground, rng)
    outline = None
    if rng.bernoulli(0.08):
        outline = light_colour(rng) if luminance(ink) < 110 else dark_colour(rng)
    relief = rng.uniform(0.02, 0.11) if rng.bernoulli(0.1 if plate else 0.4) else 0.0
    worn = rng.uniform(0.02, 0.35) if rng.bernoulli(0.18) else 0.0
    return Finish(ink, ground, plate, enamel, outline, relief, worn)


def _shifted(mask: np.ndarray, x: float, y: float, sigma: float = 0.0) -> np.ndarray:
    moved = cv2.warpAffine(mask, np.array([[1, 0, x], [0, 1, y]]), mask.shape[::-1])
    return blurred(moved, sigma) if sigma > 0.3 else moved


def paint_ink(layer: Layer, line: TextLine, finish: Finish, height: float, rng: Rng) -> None:
    """Paint digits with shadow, relief, outline and wear on a layer of the mask's size."""
    mask = line.mask
    angle = rng.uniform(0, 2 * np.pi)
    cos, sin = math.cos(angle), abs(math.sin(angle))  # the light comes from above
    if finish.outline is not None:
        size = max(3, round(height * rng.uniform(0.04, 0.14)) | 1)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        layer.paint(cv2.dilate(mask, kernel), finish.outline)
    if finish.relief:
        depth = finish.relief * height
        shadow = _shifted(mask, depth * cos, depth * sin, depth * rng.uniform(0.1, 0.6))
        layer.paint(shadow, mix(finish.ground, BLACK, 0.8), rng.uniform(0.3, 0.9))
    if finish.worn:
        name = rng.choice(("rough", "stucco", "leaves"))
        texture = crop_texture(name, mask.shape[::-1], rng)
        threshold = TEXTURE_MEAN - TEXTURE_STD * (2.2 - 3.2 * finish.worn)
        paint = cv2.convertScaleAbs(cv2.subtract(texture, (threshold,)), alpha=170 / TEXTURE_STD)
        mask = cv2.min(mask, paint)
    layer.paint(mask, finish.ink)
    if finish.relief and rng.bernoulli(0.6):
        # The edges that face the light are brighter, the opposite ones darker.
        step = max(0.6, 0.35 * finish.relief * height)
        lit = cv2.subtract(mask, _shifted(mask, step * cos, step * sin))
        layer.paint(lit, mix(finish.ink, WHITE, 0.7), rng.uniform(0.2, 0.8))
        if rng.bernoulli(0.5):
            shaded = cv2.subtract(mask, _shifted(mask, -step * cos, -step * sin))
            layer.paint(shaded, mix(finish.ink, BLACK, 0.7), rng.uniform(0.2, 0.7))


_PLATE_SHAPES = ((4.0, "rectangle"), (3.0, "rounded"), (1.2, "notched"), (1.1, "oval"),
                 (0.5, "arch"), (0.2, "lozenge"))  # fmt: skip


def _plate_outline(shape: str, box: Box, radius: float) -> np.ndarray:
    """Return the corner points of a plate: float64 (n, 2)."""
    left, top, right, bottom = box
    middle, half = np.array(centre(box)), np.array([(right - left) / 2, (bottom - top) / 2])
    if shape == "oval":
        angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        return middle + half * np.column_stack([np.cos(angles), np.sin(angles)])
    if shape == "arch":
        angles = np.linspace(np.pi, 2 * np.pi, 14)
        rise = min(half[1] * 0.8, half[0])
        arc = np.column_stack([half[0] * np.cos(angles), rise * np.sin(angles)])
        arc = arc + np.array([middle[0], top + rise])
        return np.concatenate([arc, [[right, bottom], [left, bottom]]])
    if shape == "lozenge":
        tip, x, y = half[0] + half[1] * 0.6, half[0] * 0.8, half[1]
        return middle + np.array([[-tip, 0], [-x, -y], [x, -y], [tip, 0], [x, y], [-x, y]])
    corners = box_corners(box)
    if shape == "rectangle" or radius < 1:
        return corners
    if shape == "rounded":
        corners = corners + np.sign(middle - corners) * radius
    # A quarter circle at each corner, convex or concave.
    starts, angles = np.arange(4)[:, None] * np.pi / 2, np.linspace(0, np.pi / 2, 5)
    angles = starts + np.pi + angles if shape == "rounded" else starts + np.pi / 2 - angles
    arcs = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return (corners[:, None] + radius * arcs).reshape(-1, 2)


def paint_plate(layer: Layer, box: Box, finish: Finish, height: float, rng: Rng) -> None:
    """Paint a plate with its border and screws around the box of its digits."""
    pad_x = height * (0.08 + 0.5 * rng.random() ** 1.6)
    pad_y = height * (0.07 + 0.38 * rng.random() ** 1.6)
    shape = rng.weighted_choice(_PLATE_SHAPES)
    left, top, right, bottom = box
    if shape in ("oval", "lozenge"):
        pad_x, pad_y = pad_x + 0.12 * (right - left), pad_y + 0.2 * height
        if rng.bernoulli(0.3):  # as wide as high
            pad_x = max(pad_x, (bottom - top + 2 * pad_y - (right - left)) / 2)
    elif shape == "arch":
        pad_y += 0.15 * height
    elif rng.bernoulli(0.15):  # much taller or wider than the number
        if rng.bernoulli(0.5):
            pad_x += height * rng.uniform(0.2, 1.0)
        else:
            pad_y += height * rng.uniform(0.2, 0.8)
    rows, columns = layer.shape
    frame = (max(left - pad_x, 1), max(top - pad_y, 1),
             min(right + pad_x, columns - 1), min(bottom + pad_y, rows - 1))  # fmt: skip
    radius = height * rng.uniform(0.05, 0.3)
    outline = _plate_outline(shape, frame, radius)
    if rng.bernoulli(0.5):  # the plate's shadow, or the dark gap behind it
        reach = height * rng.uniform(0.02, 0.1)
        shift = np.array([reach * rng.uniform(-1, 1), reach])
        shadow = polygon_mask(layer.shape, outline + shift)
        if reach > 0.6:
            shadow = blurred(shadow, reach * 0.5)
        layer.paint(shadow, (10.0, 10.0, 12.0), rng.uniform(0.2, 0.7))
    border_kind = rng.random()  # below 0.25 a rim, below 0.65 an inset line, else none
    border = finish.ink if rng.bernoulli(0.75) else light_colour(rng)
    mask = polygon_mask(layer.shape, outline)
    layer.paint(mask, border if border_kind < 0.25 else finish.ground)
    thickness = max(1.0, height * rng.uniform(0.02, 0.09))
    if border_kind < 0.25:
        inner = expand(frame, -thickness, -thickness)
        points = _plate_outline(shape, inner, max(radius, 1.0))
        layer.paint(polygon_mask(layer.shape, points), finish.ground)
    elif border_kind < 0.65:
        inset = height * rng.uniform(0.03, 0.12)
        inner = expand(frame, -inset - thickness, -inset - thickness)
        points = _plate_outline(shape, inner, max(radius - inset, 1.0))
        mask = line_mask(layer.shape, points - 0.5, thickness, closed=True)
        layer.paint(mask, border, rng.uniform(0.6, 1.0))
    if rng.bernoulli(0.25):
        _paint_screws(layer, frame, height, rng)


def _paint_screws(layer: Layer, frame: Box, height: float, rng: Rng) -> None:
    inset = height * rng.uniform(0.07, 0.14)
    left, top, right, bottom = expand(frame, -inset, -inset)
    x, y = centre(frame)
    positions = rng.choice((
        ((left, top), (right, top), (left, bottom), (right, bottom)),
        ((left, y), (right, y)),
        ((x, top), (x, bottom)),
    ))  # fmt: skip
    mask = np.zeros(layer.shape, np.uint8)
    radius = max(0.5, height * rng.uniform(0.02, 0.05))
    for position in positions:
        fill_circle(mask, *position, radius)
    colour = rng.choice(((30.0, 25.0, 25.0), (110.0, 60.0, 30.0), (190.0, 190.0, 190.0)))
    layer.paint(mask, colour, rng.uniform(0.5, 1.0))


def paint_tiles(layer: Layer, line: TextLine, finish: Finish, height: float, rng: Rng) -> None:
    """Paint a separate tile behind each digit."""
    pad = height * rng.uniform(0.08, 0.25)
    tiles = [box_corners(expand(points_box(hull), 0.4 * pad, pad)) for hull in line.hulls]
    layer.paint(polygon_mask(layer.shape, *tiles), finish.ground)
