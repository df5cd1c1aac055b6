"""Layout of characters in a line or a column, as a mask of ink."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from .drawing import Box, blurred, paint_warped, points_box
from .glyphs import GLYPH_HEIGHT, GLYPH_PAD, Glyph, add_mark, convex_hull, display_glyph, glyph
from .rng import Rng
from .strokes import stroke_glyph
from .text_style import TextStyle


@dataclass(frozen=True)
class TextLine:
    """A line of characters as ink.

    Attributes:
        mask: uint8 (h, w), the ink of all characters.
        hulls: convex hull of each character that is not a space: float32 (n, 2), in pixels.
        box: bounding box of the ink.
    """

    mask: np.ndarray
    hulls: list[np.ndarray]
    box: Box


@functools.cache
def _displacement_fields(step: int) -> tuple[tuple[tuple[np.ndarray, np.ndarray], ...], ...]:
    """Return 12 smooth displacement fields of at most one pixel, which make outlines uneven.

    Each has, for x and for y, the identity map and the displacement, float32 (h, w), for masks of
    half their size if `step` is 2.
    """
    generator = np.random.Generator(np.random.Philox(key=20))
    size = 2 * GLYPH_HEIGHT
    half = size // step
    y, x = np.mgrid[0:half, 0:half].astype(np.float32)

    def field(sigma: float, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        white = generator.normal(size=(size, size)).astype(np.float32)
        move = cv2.GaussianBlur(white, (0, 0), sigma)
        move /= np.abs(move).max()
        return grid, cv2.resize(move, (half, half), interpolation=cv2.INTER_AREA) / step

    return tuple(tuple(field(sigma, grid) for grid in (x, y)) for sigma in (4, 7, 12) * 4)


# Half a data set uses about 9,500 of them, 50 MB: with a smaller cache, many would be recomputed.
@functools.lru_cache(maxsize=16384)
def _dilated_glyph(face: str, character: str, growth: int) -> Glyph:
    """Return a character of a font with its strokes dilated, or eroded if `growth` is negative."""
    source = glyph(face, character)
    if not growth:
        return source
    size = 2 * abs(growth) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    if growth > 0:
        return Glyph(cv2.dilate(source.mask, kernel), source.ascent)
    return Glyph(_unless_erased(cv2.erode(source.mask, kernel), source.mask), source.ascent)


def _unless_erased(changed: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the changed mask, or the original one if 40 % of its ink would be lost."""
    return changed if cv2.mean(changed)[0] > 0.6 * cv2.mean(mask)[0] else mask


def _vary(mask: np.ndarray, step: int, style: TextStyle, rng: Rng, is_digit: bool) -> np.ndarray:
    """Apply a style's wobble, rounding and stencil gap to a mask, halved if `step` is 2."""
    if style.wobble:
        (grid_x, move_x), (grid_y, move_y) = rng.choice(_displacement_fields(step))
        height, width = mask.shape
        if height <= grid_x.shape[0] and width <= grid_x.shape[1]:
            area = (slice(0, height), slice(0, width))
            mask = cv2.remap(
                mask,
                cv2.scaleAdd(move_x[area], style.wobble, grid_x[area]),
                cv2.scaleAdd(move_y[area], style.wobble, grid_y[area]),
                cv2.INTER_LINEAR,
            )
    if style.rounding:
        smooth = blurred(mask, style.rounding / step)
        # Increase the contrast about the middle level: by 3, and by 2 for halved masks.
        contrast = 4 - step
        rounded = cv2.addWeighted(smooth, contrast, smooth, 0, 127.5 * (1 - contrast))
        mask = _unless_erased(rounded, mask)
    if style.stencil and is_digit:
        mask = mask.copy()
        pad, half = GLYPH_PAD // step, 2 // step
        x = pad + round((mask.shape[1] - 2 * pad) * rng.uniform(0.42, 0.58))
        mask[:, x - half : x + half] = 0
    return mask


def _character_mask(
    character: str, step: int, style: TextStyle, rng: Rng
) -> tuple[Glyph, np.ndarray, np.ndarray]:
    """Return a character's glyph, its varied mask (halved if `step` is 2) and its hull."""
    is_digit = character.isdigit()
    if is_digit and style.brush is not None:
        source = stroke_glyph(style.brush, character, rng, step == 1)
    elif is_digit and style.display_face:
        source = display_glyph(style.display_face, character)
    else:
        source = _dilated_glyph(style.face, character, style.growth)
        if style.marks:
            source = add_mark(source, character, style.marks)
    unvaried = source.half if step > 1 else source.mask
    mask = _vary(unvaried, step, style, rng, is_digit)
    if mask is unvaried and (step == 1 or not is_digit or style.brush is None):
        return source, mask, source.hull
    return source, mask, convex_hull(mask) * np.float32(step)


class _PlacedGlyph(NamedTuple):
    """A character's mask, and the map (x, y) -> (a x + b y + x0, c x + d y + y0) into the line.

    `hull` is the hull after the linear part of the map, `box` the bounding box of the ink.
    """

    mask: np.ndarray
    linear: list[float]  # a, b, c, d
    offset: tuple[float, float]
    hull: np.ndarray
    box: Box


def layout_line(
    text: str, style: TextStyle, height: float, rng: Rng, margin: float = 0.5
) -> TextLine:
    """Lay out characters, at least one, from left to right; a space is a gap.

    `margin` is the empty space around the ink, in units of `height`.
    """
    glyphs: list[_PlacedGlyph] = []
    pen = 0.0
    # Bilinear sampling of masks that are much larger than the line would skip pixels: halve them.
    step = 2 if (height / GLYPH_HEIGHT) ** 2 * style.stretch < 0.36 else 1
    for index, character in enumerate(text):
        if character == " ":
            pen += height * (style.pitch if style.monospaced else 0.35)
            continue
        source, mask, hull = _character_mask(character, step, style, rng)
        scale = height / GLYPH_HEIGHT
        scale *= 1 + rng.normal(0, style.size_jitter) if style.size_jitter else 1.0
        angle = rng.normal(0, style.rotation_jitter) if style.rotation_jitter else 0.0
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        # Stretch and slant about the baseline, then rotate.
        linear = (cos * style.stretch, -cos * style.slant - sin,
                  sin * style.stretch, cos - sin * style.slant)  # fmt: skip
        a, b, c, d = linear
        hull = hull @ np.array([[a, c], [b, d]], np.float32)
        xs, ys = hull.T.tolist()  # Python's `min` of a few points takes a quarter of NumPy's time
        y = -d * source.ascent - style.slope * pen
        if style.baseline_jitter:
            y += rng.normal(0, style.baseline_jitter) * height
        if style.bow and len(text) > 2:
            y -= style.bow * height * (2 * index / (len(text) - 1) - 1) ** 2
        if style.pitch and (character.isdigit() or style.monospaced):
            rows, columns = source.mask.shape
            x = pen - (a * columns + b * rows) / 2
            pen += style.pitch * height
        else:
            x = pen - min(xs)
            pen = x + max(xs) + style.spacing * height
        box = min(xs) + x, min(ys) + y, max(xs) + x, max(ys) + y
        glyphs.append(_PlacedGlyph(mask, [step * value for value in linear], (x, y), hull, box))
    return _assemble(glyphs, margin * height)


def _assemble(glyphs: list[_PlacedGlyph], margin: float) -> TextLine:
    """Warp characters into one mask with a margin in pixels."""
    lefts, tops, rights, bottoms = zip(*(placed.box for placed in glyphs), strict=True)
    origin_x, origin_y = min(lefts) - margin, min(tops) - margin
    width = math.ceil(max(rights) + margin - origin_x)
    height = math.ceil(max(bottoms) + margin - origin_y)
    mask = np.zeros((height, width), np.uint8)
    hulls = []
    for placed in glyphs:
        x0, y0, x1, y1 = placed.box
        area = (max(int(x0 - origin_x) - 2, 0), max(int(y0 - origin_y) - 2, 0),
                min(int(x1 - origin_x) + 3, width),
                min(int(y1 - origin_y) + 3, height))  # fmt: skip
        offset = placed.offset[0] - origin_x, placed.offset[1] - origin_y
        hulls.append(placed.hull + np.array(offset, np.float32))
        paint_warped(mask, placed.mask, placed.linear, offset, area)
    box = (margin, margin, max(rights) - origin_x, max(bottoms) - origin_y)
    return TextLine(mask, hulls, box)


def layout_column(text: str, style: TextStyle, height: float, gap: float, rng: Rng) -> TextLine:
    """Lay out upright digits from top to bottom, with a gap in units of `height`."""
    lines = [layout_line(digit, style, height, rng, margin=0.05) for digit in text]
    column_width = max(line.mask.shape[1] for line in lines)
    column_height = sum(line.mask.shape[0] for line in lines) + gap * height * (len(lines) - 1)
    margin = 1.2 * height
    shape = math.ceil(2 * margin + column_height), math.ceil(2 * margin + column_width)
    mask = np.zeros(shape, np.uint8)
    y, hulls = margin, []
    for line in lines:
        rows, columns = line.mask.shape
        left, top = round(margin + (column_width - columns) / 2), round(y)
        mask[top : top + rows, left : left + columns] = line.mask
        hulls.append(line.hulls[0] + np.array([left, top], np.float32))
        y += rows + gap * height
    return TextLine(mask, hulls, points_box(np.concatenate(hulls)))
