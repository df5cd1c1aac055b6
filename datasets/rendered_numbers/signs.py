"""What carries the number: plates of many kinds, or the bare wall; and how the ink looks."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.rendered_numbers.blur import blurred
from datasets.rendered_numbers.layer import Layer
from datasets.rendered_numbers.planes import Box
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.setting import Line
from datasets.rendered_numbers.surfaces import (
    MIDDLE,
    STEP,
    Colour,
    crop,
    dark_colour,
    enamel_colour,
    ink_colour,
    light_colour,
    luminance,
    mix,
    wall_colour,
)


@dataclass(frozen=True)
class Look:
    """Colours and effects of the number's ink.

    Attributes:
        ink: colour of the digits.
        ground: colour behind them.
        plate: whether there is a plate, as against the bare wall.
        enamel: whether it is an enamel plate, whose digits are heavy and of an old cut.
        outline: colour around each digit, or None.
        relief: depth of digits that stand out from the wall, in units of their height; 0 is flat.
        worn: share of the paint that has come off, 0 to 1.
    """

    ink: Colour
    ground: Colour
    plate: bool
    enamel: bool
    outline: Colour | None
    relief: float
    worn: float


def draw_look(wall: Colour, plate_share: float, chance: Rng) -> Look:
    """Draw what the number is made of.

    Args:
        wall: colour of the wall.
        plate_share: how often there is a plate.
        chance: source of chance.
    """
    plate = chance.happens(plate_share)
    enamel = False
    if not plate:
        ground, ink = wall, ink_colour(wall, chance)
    else:
        kind = chance.unit()
        if kind < 0.58:
            ground, ink, enamel = enamel_colour(chance), light_colour(chance), True
        elif kind < 0.84:
            ground, ink = light_colour(chance), dark_colour(chance)
        else:
            ground = wall_colour(chance)
            ink = ink_colour(ground, chance)
    outline = None
    if chance.happens(0.08):
        outline = light_colour(chance) if luminance(ink) < 110 else dark_colour(chance)
    relief = chance.uniform(0.02, 0.11) if chance.happens(0.1 if plate else 0.4) else 0.0
    worn = chance.uniform(0.02, 0.35) if chance.happens(0.18) else 0.0
    return Look(ink, ground, plate, enamel, outline, relief, worn)


def _shifted(mask: np.ndarray, x: float, y: float, sigma: float) -> np.ndarray:
    moved = cv2.warpAffine(mask, np.array([[1, 0, x], [0, 1, y]]), mask.shape[::-1])
    return blurred(moved, sigma) if sigma > 0.3 else moved


def put_ink(layer: Layer, line: Line, look: Look, height: float, chance: Rng) -> None:
    """Lay the digits on a layer, with shadow, relief, outline and wear.

    Args:
        layer: where to; of the size of the line's mask.
        line: the digits.
        look: their colours and effects.
        height: height of a digit, in pixels.
        chance: source of chance.
    """
    mask = line.mask
    angle = chance.uniform(0, 2 * np.pi)
    cos, sin = math.cos(angle), abs(math.sin(angle))  # the light comes from above
    if look.outline is not None:
        size = max(3, round(height * chance.uniform(0.04, 0.14)) | 1)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        layer.put(cv2.dilate(mask, kernel), look.outline)
    if look.relief:
        depth = look.relief * height
        shadow = _shifted(mask, depth * cos, depth * sin, depth * chance.uniform(0.1, 0.6))
        layer.put(shadow, mix(look.ground, (0.0, 0.0, 0.0), 0.8), chance.uniform(0.3, 0.9))
    if look.worn:
        grain = crop(chance.choice(("rough", "stucco", "leaves")), mask.shape[::-1], chance)
        least = MIDDLE - STEP * (2.2 - 3.2 * look.worn)
        mask = cv2.min(mask, cv2.convertScaleAbs(cv2.subtract(grain, (least,)), alpha=170 / STEP))
    layer.put(mask, look.ink)
    if look.relief and chance.happens(0.6):
        # The edge towards the light shines, the other one is in its own shade.
        step = max(0.6, 0.35 * look.relief * height)
        lit = cv2.subtract(mask, _shifted(mask, step * cos, step * sin, 0))
        bright = mix(look.ink, (255.0, 255.0, 255.0), 0.7)
        layer.put(lit, bright, chance.uniform(0.2, 0.8))
        if chance.happens(0.5):
            dull = cv2.subtract(mask, _shifted(mask, -step * cos, -step * sin, 0))
            layer.put(dull, mix(look.ink, (0.0, 0.0, 0.0), 0.7), chance.uniform(0.2, 0.7))


def _outline(kind: str, box: Box, corner: float) -> np.ndarray:
    """Corner points of a plate's shape: float32 (n, 2)."""
    left, top, right, bottom = box
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    half = np.array([(right - left) / 2, (bottom - top) / 2])
    if kind == "oval":
        angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        return middle + half * np.column_stack([np.cos(angles), np.sin(angles)])
    if kind == "arch":
        angles = np.linspace(np.pi, 2 * np.pi, 14)
        rise = min(half[1] * 0.8, half[0])
        rise_up = np.column_stack([half[0] * np.cos(angles), rise * np.sin(angles)])
        top_arc = rise_up + np.array([middle[0], top + rise])
        return np.concatenate([top_arc, [[right, bottom], [left, bottom]]])
    if kind == "lozenge":
        reach, flat, high = half[0] + half[1] * 0.6, half[0] * 0.8, half[1]
        ends = [[-reach, 0], [-flat, -high], [flat, -high], [reach, 0], [flat, high], [-flat, high]]
        return middle + np.array(ends)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    if kind == "square" or corner < 1:
        return corners
    arcs = _arcs(kind)
    centres = corners + np.sign(middle - corners) * corner if kind == "rounded" else corners
    return (centres[:, None] + corner * arcs).reshape(-1, 2)


@functools.cache
def _arcs(kind: str) -> np.ndarray:
    """Quarters of a circle about the corners of a plate: float64 (4, 5, 2)."""
    arcs = []
    for place in range(4):
        start = place * np.pi / 2 + (np.pi if kind == "rounded" else np.pi / 2)
        angles = np.linspace(0, np.pi / 2, 5)
        angles = start + angles if kind == "rounded" else start - angles
        arcs.append(np.column_stack([np.cos(angles), np.sin(angles)]))
    return np.array(arcs)


def _fixed(points: np.ndarray) -> list[np.ndarray]:
    """OpenCV's fixed-point form: four fractional bits, counted from pixel centres."""
    return [np.rint((points - 0.5) * 16).astype(np.int32)]


_SHAPES = ((4.0, "square"), (3.0, "rounded"), (1.2, "notched"), (1.1, "oval"), (0.5, "arch"),
           (0.2, "lozenge"))  # fmt: skip


def put_plate(layer: Layer, box: Box, look: Look, height: float, chance: Rng) -> None:
    """Lay a plate with its border and screws on a layer.

    Args:
        layer: where to.
        box: left, top, right, bottom of the digits.
        look: colours; the plate has the colour of `look.ground`.
        height: height of a digit, in pixels.
        chance: source of the plate's shape and size.
    """
    rows, columns = layer.paint.shape[:2]
    pad_x = height * (0.08 + 0.5 * chance.unit() ** 1.6)
    pad_y = height * (0.07 + 0.38 * chance.unit() ** 1.6)
    left, top, right, bottom = box
    kind = chance.weighted(_SHAPES)
    if kind in ("oval", "lozenge"):
        pad_x, pad_y = pad_x + 0.12 * (right - left), pad_y + 0.2 * height
        if chance.happens(0.3):  # a round plate
            pad_x = max(pad_x, (bottom - top + 2 * pad_y - (right - left)) / 2)
    elif kind == "arch":
        pad_y += 0.15 * height
    elif chance.happens(0.15):  # a plate much taller or wider than its number
        if chance.happens(0.5):
            pad_x += height * chance.uniform(0.2, 1.0)
        else:
            pad_y += height * chance.uniform(0.2, 0.8)
    frame = (max(left - pad_x, 1), max(top - pad_y, 1),
             min(right + pad_x, columns - 1), min(bottom + pad_y, rows - 1))  # fmt: skip
    corner = height * chance.uniform(0.05, 0.3)
    shape = np.zeros((rows, columns), np.uint8)
    outline = _outline(kind, frame, corner)
    cv2.fillPoly(shape, _fixed(outline), 255, cv2.LINE_AA, 4)
    if chance.happens(0.5):  # the plate's own shadow, or the dark gap behind it
        reach = height * chance.uniform(0.02, 0.1)
        shade = np.zeros_like(shape)
        moved = outline + np.array([reach * chance.uniform(-1, 1), reach])
        cv2.fillPoly(shade, _fixed(moved), 255, cv2.LINE_AA, 4)
        if reach > 0.6:
            shade = blurred(shade, reach * 0.5)
        layer.put(shade, (10.0, 10.0, 12.0), chance.uniform(0.2, 0.7))
    rim = chance.unit()
    border = look.ink if chance.happens(0.75) else light_colour(chance)
    layer.put(shape, border if rim < 0.25 else look.ground)
    thickness = max(1.0, height * chance.uniform(0.02, 0.09))
    if rim < 0.65:
        inset = 0.0 if rim < 0.25 else height * chance.uniform(0.03, 0.12)
        inner = (frame[0] + inset + thickness, frame[1] + inset + thickness,
                 frame[2] - inset - thickness, frame[3] - inset - thickness)  # fmt: skip
        inside = np.zeros_like(shape)
        points = _fixed(_outline(kind, inner, max(corner - inset, 1.0)))
        if rim < 0.25:  # a rim of another colour
            cv2.fillPoly(inside, points, 255, cv2.LINE_AA, 4)
            layer.put(inside, look.ground)
        else:  # a line a little inside
            cv2.polylines(inside, points, True, 255, max(1, round(thickness)), cv2.LINE_AA, 4)
            layer.put(inside, border, chance.uniform(0.6, 1.0))
    if chance.happens(0.25):
        _put_screws(layer, frame, height, chance)


def _put_screws(layer: Layer, frame: Box, height: float, chance: Rng) -> None:
    left, top, right, bottom = frame
    inset = height * chance.uniform(0.07, 0.14)
    middle = (top + bottom) / 2
    places = chance.choice((
        ((left + inset, top + inset), (right - inset, top + inset),
         (left + inset, bottom - inset), (right - inset, bottom - inset)),
        ((left + inset, middle), (right - inset, middle)),
        (((left + right) / 2, top + inset), ((left + right) / 2, bottom - inset)),
    ))  # fmt: skip
    mask = np.zeros(layer.paint.shape[:2], np.uint8)
    radius = max(8, round(16 * height * chance.uniform(0.02, 0.05)))
    for x, y in places:
        cv2.circle(mask, (round(x * 16), round(y * 16)), radius, 255, -1, cv2.LINE_AA, 4)
    shade = chance.choice(((30.0, 25.0, 25.0), (110.0, 60.0, 30.0), (190.0, 190.0, 190.0)))
    layer.put(mask, shade, chance.uniform(0.5, 1.0))


def put_tiles(layer: Layer, line: Line, look: Look, height: float, chance: Rng) -> None:
    """Lay a tile of its own behind each digit, as where numbers are put together from tiles."""
    mask = np.zeros(layer.paint.shape[:2], np.uint8)
    pad = height * chance.uniform(0.08, 0.25) * np.array([0.4, 1.0])
    for points in line.hulls:
        left, top = points.min(axis=0) - pad
        right, bottom = points.max(axis=0) + pad
        cv2.fillPoly(mask, _fixed(_outline("square", (left, top, right, bottom), 0)), 255,
                     cv2.LINE_AA, 4)  # fmt: skip
    layer.put(mask, look.ground)
