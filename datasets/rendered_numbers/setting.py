"""Sets characters side by side, as a mask of ink."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from datasets.rendered_numbers.blur import blurred
from datasets.rendered_numbers.fonts import HEIGHT, PAD, Glyph, glyph, hull
from datasets.rendered_numbers.lettering import Lettering
from datasets.rendered_numbers.made_faces import made_glyph
from datasets.rendered_numbers.marks import marked
from datasets.rendered_numbers.planes import Box, extent
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.strokes import stroke_glyph

_FIELDS = 12


@dataclass(frozen=True)
class Line:
    """A line of characters as ink.

    Attributes:
        mask: uint8 (h, w), the ink of all characters.
        hulls: for each character float32 (n, 2), its convex hull in pixels of the mask.
        box: left, top, right, bottom of the ink of the characters that count.
    """

    mask: np.ndarray
    hulls: list[np.ndarray]
    box: Box


@functools.cache
def _fields(step: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Smooth displacements of at most one pixel, by which outlines are made uneven.

    Args:
        step: 1, or 2 for masks of half their size.
    """
    if step > 1:
        side = 2 * HEIGHT // step
        small = (slice(0, side), slice(0, side))
        return tuple(
            tuple(
                (grid[small], cv2.resize(move, (side, side), interpolation=cv2.INTER_AREA) / step)
                for grid, move in field
            )
            for field in _fields(1)
        )
    rng = np.random.Generator(np.random.Philox(key=20))
    side = 2 * HEIGHT
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    found = []
    for number in range(_FIELDS):
        sigma = (4, 7, 12)[number % 3]
        pair = []
        for grid in (x, y):
            noise = cv2.GaussianBlur(
                rng.normal(size=(side, side)).astype(np.float32), (0, 0), sigma
            )
            pair.append((grid, noise / np.abs(noise).max()))
        found.append((pair[0], pair[1]))
    return tuple(found)


# Half a data set meets some 9,500 of them, 50 MB: were the oldest dropped, they would come again.
@functools.lru_cache(maxsize=16384)
def _grown(face: str, character: str, growth: int) -> Glyph:
    """A character of a font whose strokes are thicker, or thinner where `growth` is negative."""
    drawn = glyph(face, character)
    if not growth:
        return drawn
    size = 2 * abs(growth) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    if growth > 0:
        mask = cv2.dilate(drawn.mask, kernel)
    else:
        mask = _unless_lost(cv2.erode(drawn.mask, kernel), drawn.mask)
    mask.setflags(write=False)
    return Glyph(mask, drawn.rise)


def _vary(mask: np.ndarray, step: int, style: Lettering, chance: Rng, digit: bool) -> np.ndarray:
    """Apply what makes one character differ from the next: wobble, rounding, stencil.

    Args:
        mask: the character.
        step: pixels of `HEIGHT` that one of the mask's stands for, 1 or 2.
        style: what to apply.
        chance: source of chance.
        digit: whether it is a digit.
    """
    if style.wobble:
        (grid_x, move_x), (grid_y, move_y) = chance.choice(_fields(step))
        height, width = mask.shape
        if height <= grid_x.shape[0] and width <= grid_x.shape[1]:
            part = (slice(0, height), slice(0, width))
            mask = cv2.remap(
                mask,
                cv2.scaleAdd(move_x[part], style.wobble, grid_x[part]),
                cv2.scaleAdd(move_y[part], style.wobble, grid_y[part]),
                cv2.INTER_LINEAR,
            )
    if style.rounding:
        smooth = blurred(mask, style.rounding / step)
        # Steeper about the middle: by 3, and by 2 where a pixel is as wide as two.
        steep = 4 - step
        rounded = cv2.addWeighted(smooth, steep, smooth, 0, 127.5 * (1 - steep))
        mask = _unless_lost(rounded, mask)
    if style.stencil and digit:
        mask = mask.copy()
        pad, half = PAD // step, 2 // step
        at = pad + round((mask.shape[1] - 2 * pad) * chance.uniform(0.42, 0.58))
        mask[:, at - half : at + half] = 0
    return mask


def _unless_lost(changed: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The changed mask, or the one before where fine strokes would be lost."""
    return changed if cv2.mean(changed)[0] > 0.6 * cv2.mean(mask)[0] else mask


def set_line(text: str, style: Lettering, height: float, chance: Rng, margin: float = 0.5) -> Line:
    """Set characters side by side.

    Args:
        text: digits and letters; a space is a gap.
        style: the look of the characters.
        height: height of a digit, in pixels.
        chance: source of what differs from digit to digit.
        margin: empty space around the ink, in units of the height.

    Returns:
        The line as a mask with the hulls of its characters (none for spaces).

    Raises:
        ValueError: if there is nothing but spaces.
    """
    if not text.strip():
        raise ValueError(f"A line needs a character that is not a space. Received: {text!r}")
    placed: list[_Placed] = []
    pen = 0.0
    # Bilinear look-up in the large masks would skip pixels.
    step = 2 if (height / HEIGHT) ** 2 * style.stretch < 0.36 else 1
    for place, character in enumerate(text):
        if character == " ":
            pen += height * 0.35
            continue
        digit = character.isdigit()
        if digit and style.brush is not None:
            drawn = stroke_glyph(style.brush, character, chance, step == 1)
        elif digit and style.made:
            drawn = made_glyph(style.made, character)
        else:
            drawn = _grown(style.face, character, style.growth)
            if style.marks:
                drawn = marked(drawn, character, style.marks)
        plain = drawn.half if step > 1 else drawn.mask
        mask = _vary(plain, step, style, chance, digit)
        if mask is plain and (step == 1 or not digit or style.brush is None):
            corners = drawn.hull
        else:
            corners = hull(mask) * np.float32(step)
        scale = height / HEIGHT * (1 + chance.normal(0, style.size) if style.size else 1.0)
        angle = chance.normal(0, style.turn) if style.turn else 0.0
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        # Stretch and slant about the baseline, then turn; the pen fixes x once the ink is known.
        shape = (cos * style.stretch, -cos * style.slant - sin,
                 sin * style.stretch, cos - sin * style.slant)  # fmt: skip
        a, b, c, d = shape
        points = corners @ np.array([[a, c], [b, d]], np.float32)
        across, down = points.T.tolist()
        left, top, right, bottom = extent(across, down)
        y = -shape[3] * drawn.rise - style.slope * pen
        if style.shift:
            y += chance.normal(0, style.shift) * height
        if style.bow and len(text) > 2:
            y -= style.bow * height * (2 * place / (len(text) - 1) - 1) ** 2
        if style.pitch and digit:
            rows, columns = drawn.mask.shape
            middle = (shape[0] * columns + shape[1] * rows) / 2
            x, pen = pen - middle, pen + style.pitch * height
        else:
            x = pen - left
            pen = x + right + style.spacing * height
        box = left + x, top + y, right + x, bottom + y
        placed.append(_Placed(mask, [step * part for part in shape], x, y, points, box))
    return _assemble(placed, margin * height)


class _Placed(NamedTuple):
    """A character's mask and where it goes: [a, b, c, d] and x, y of an affine map.

    The corners of its hull are not moved to x, y yet, the box around them is.
    """

    mask: np.ndarray
    shape: list[float]
    x: float
    y: float
    points: np.ndarray
    box: Box


def _assemble(placed: list[_Placed], margin: float) -> Line:
    """Warp every character into one mask."""
    lows_x, lows_y, highs_x, highs_y = zip(*(one.box for one in placed), strict=True)
    low_x, low_y = min(lows_x) - margin, min(lows_y) - margin
    width = math.ceil(max(highs_x) + margin - low_x)
    height = math.ceil(max(highs_y) + margin - low_y)
    canvas = np.zeros((height, width), np.uint8)
    hulls = []
    for one in placed:
        x0, y0, x1, y1 = one.box
        left, top = max(int(x0 - low_x) - 2, 0), max(int(y0 - low_y) - 2, 0)
        right, bottom = min(int(x1 - low_x) + 3, width), min(int(y1 - low_y) + 3, height)
        a, b, c, d = one.shape
        # The map counts from pixels' corners, warpAffine from their centres.
        x = one.x - low_x - left + (a + b) / 2 - 0.5
        y = one.y - low_y - top + (c + d) / 2 - 0.5
        placing = np.array([[a, b, x], [c, d, y]])
        part = cv2.warpAffine(one.mask, placing, (right - left, bottom - top))
        area = canvas[top:bottom, left:right]
        np.maximum(area, part, out=area)
        hulls.append(one.points + np.array([one.x - low_x, one.y - low_y], np.float32))
    box = (margin, margin, max(highs_x) - low_x, max(highs_y) - low_y)
    return Line(canvas, hulls, box)
