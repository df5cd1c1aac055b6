"""The look of a number's characters, and setting them side by side as a mask of ink."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.rendered_numbers.chance import Chance
from datasets.rendered_numbers.fonts import HEIGHT, PAD, Glyph, families, glyph, hull
from datasets.rendered_numbers.strokes import Brush, draw_brush, stroke_glyph

_FIELDS = 12


@dataclass(frozen=True)
class Lettering:
    """The look that the characters of one picture share.

    Attributes:
        face: font file; also used for letters when the digits are drawn with a brush.
        brush: how digits are drawn as strokes, or None to take them from `face`.
        stretch: factor on the width.
        slant: pixels to the right for each pixel up.
        growth: pixels by which strokes are thicker (thinner where negative).
        wobble: largest displacement of an uneven outline, in pixels.
        rounding: sigma in pixels of the smoothing that rounds corners off; 0 leaves them.
        stencil: whether a narrow upright bridge cuts through each digit.
        spacing: gap between the ink of neighbouring digits, in units of their height.
        turn: deviation of each digit's own rotation, in radians.
        shift: deviation of each digit's own height above the line, in units of its height.
        size: deviation of each digit's own size, relative.
        slope: rise of the line on which upright digits stand, height over width.
        bow: further rise of the ends over the middle, in units of a digit's height.
    """

    face: str
    brush: Brush | None
    stretch: float
    slant: float
    growth: int
    wobble: float
    rounding: float
    stencil: bool
    spacing: float
    turn: float
    shift: float
    size: float
    slope: float
    bow: float


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
    box: tuple[float, float, float, float]


def _draw_face(chance: Chance) -> str:
    faces = chance.choice(families())
    face = chance.choice(faces)
    # House numbers are seldom thin; a second draw halves the share of the thinnest cuts.
    if any(word in face for word in ("Thin", "Light")) and chance.happens(0.6):
        face = chance.choice(faces)
    return face


def draw_lettering(chance: Chance) -> Lettering:
    """Draw the look of one picture's characters."""
    painted = chance.happens(0.38)
    face = _draw_face(chance)
    loose = chance.happens(0.35)  # digits put up one by one, not printed as one line
    heavy = any(word in face for word in ("Black", "Bold", "Extra", "Fredoka"))
    growth = chance.choice((-2, -1, 0, 0, 0, 0) if heavy else (0, 0, 0, 1, 2, 3, 4))
    stretch = chance.clipped(0.92, 0.2, 0.5, 1.5)
    if painted:
        growth, stretch = 0, chance.uniform(0.8, 1.15)
    return Lettering(
        face=face,
        brush=draw_brush(chance) if painted else None,
        stretch=stretch,
        slant=0.0 if chance.happens(0.6) else chance.clipped(0.08, 0.14, -0.25, 0.45),
        growth=growth,
        wobble=chance.uniform(0.5, 3.0) if chance.happens(0.4) else 0.0,
        rounding=chance.uniform(1.0, 3.0) if chance.happens(0.3) else 0.0,
        stencil=chance.happens(0.035),
        spacing=chance.uniform(0.05, 0.5) if loose else chance.clipped(0.1, 0.06, -0.03, 0.3),
        turn=chance.uniform(0.0, 0.1) if loose else 0.0,
        shift=chance.uniform(0.0, 0.07) if loose else 0.0,
        size=0.04 if loose and chance.happens(0.4) else 0.0,
        slope=chance.clipped(0.0, 0.3, -0.8, 0.8) if chance.happens(0.22) else 0.0,
        bow=chance.uniform(-0.25, 0.25) if chance.happens(0.06) else 0.0,
    )


@functools.cache
def _fields() -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Smooth displacements of at most one pixel, by which outlines are made uneven."""
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


def _vary(drawn: Glyph, style: Lettering, chance: Chance, digit: bool) -> np.ndarray:
    """Apply what makes one character differ from its font: growth, wobble, rounding, stencil."""
    mask = drawn.mask
    if style.growth:
        size = 2 * abs(style.growth) + 1
        kernel = _ellipse(size)
        mask = cv2.dilate(mask, kernel) if style.growth > 0 else _thin(mask, kernel)
    if style.wobble:
        (grid_x, move_x), (grid_y, move_y) = chance.choice(_fields())
        height, width = mask.shape
        if height <= grid_x.shape[0] and width <= grid_x.shape[1]:
            part = (slice(0, height), slice(0, width))
            mask = cv2.remap(
                mask,
                grid_x[part] + style.wobble * move_x[part],
                grid_y[part] + style.wobble * move_y[part],
                cv2.INTER_LINEAR,
            )
    if style.rounding:
        smooth = cv2.GaussianBlur(mask, (0, 0), style.rounding)
        mask = cv2.convertScaleAbs(cv2.addWeighted(smooth, 3.0, smooth, 0.0, -255.0))
    if style.stencil and digit:
        mask = mask.copy()
        at = PAD + round((mask.shape[1] - 2 * PAD) * chance.uniform(0.42, 0.58))
        mask[:, at - 2 : at + 2] = 0
    return mask


@functools.cache
def _ellipse(size: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def _thin(mask: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Erode, unless that would break thin strokes apart."""
    thinner = cv2.erode(mask, kernel)
    return thinner if cv2.countNonZero(thinner) * 2 > cv2.countNonZero(mask) else mask


def set_line(
    text: str, style: Lettering, height: float, chance: Chance, margin: float = 0.5
) -> Line:
    """Set characters side by side.

    Args:
        text: digits and letters; a space is a gap.
        style: the look of the characters.
        height: height of a digit, in pixels.
        chance: source of what differs from digit to digit.
        margin: empty space around the ink, in units of the height.

    Returns:
        The line as a mask with the hulls of its characters (none for spaces).
    """
    unit = height / HEIGHT
    masks, moves, corners = [], [], []
    pen = 0.0
    for character in text:
        if character == " ":
            pen += height * 0.35
            continue
        digit = character.isdigit()
        if digit and style.brush is not None:
            drawn = stroke_glyph(style.brush, character, chance)
        else:
            drawn = glyph(style.face, character)
        mask = _vary(drawn, style, chance, digit)
        scale = unit * (1 + chance.normal(0, style.size) if style.size else 1.0)
        angle = chance.normal(0, style.turn) if style.turn else 0.0
        cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
        # Stretch and slant about the baseline, then turn; the pen fixes x once the ink is known.
        shape = np.array([[cos, -sin], [sin, cos]]) @ [[style.stretch, -style.slant], [0, 1]]
        points = (hull(mask) - (0.0, drawn.rise)) @ shape.T
        line = chance.normal(0, style.shift) * height if style.shift else 0.0
        line -= style.slope * pen
        move = np.array([pen - points[:, 0].min(), line])
        points += move
        pen = points[:, 0].max() + style.spacing * height
        masks.append(mask)
        moves.append((shape, move - shape @ (0.0, drawn.rise)))
        corners.append(points)
    if not corners:
        raise ValueError(f"A line needs a character that is not a space. Received: {text!r}")
    if style.bow and len(corners) > 2:
        for place, points in enumerate(corners):
            rise = style.bow * height * (2 * place / (len(corners) - 1) - 1) ** 2
            points[:, 1] -= rise
            moves[place][1][1] -= rise
    return _assemble(masks, moves, corners, margin * height)


def _assemble(masks, moves, corners, margin: float) -> Line:
    """Warp every character into one mask."""
    everything = np.concatenate(corners)
    low = everything.min(axis=0) - margin
    width, height = (int(value) for value in np.ceil(everything.max(axis=0) + margin - low))
    canvas = np.zeros((height, width), np.uint8)
    hulls = []
    for mask, (shape, move), points in zip(masks, moves, corners, strict=True):
        points = points - low
        left, top = (int(value) - 2 for value in points.min(axis=0))
        right, bottom = (int(value) + 3 for value in points.max(axis=0))
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, width), min(bottom, height)
        offset = move - low - (left, top)
        # Pixel centres: the hull counts from pixel corners, warpAffine from pixel centres.
        offset = offset + shape @ (0.5, 0.5) - 0.5
        placing = np.column_stack([shape, offset])
        scale = np.sqrt(abs(np.linalg.det(shape)))
        flags = cv2.INTER_LINEAR
        if scale < 0.6:  # a bilinear look-up would skip pixels: shrink by averaging first
            half = (mask.shape[1] // 2, mask.shape[0] // 2)
            factor = np.array([mask.shape[1] / half[0], mask.shape[0] / half[1]])
            mask = cv2.resize(mask, half, interpolation=cv2.INTER_AREA)
            placing = np.column_stack([shape * factor, move - low - (left, top)])
            placing[:, 2] += placing[:, :2] @ (0.5, 0.5) - 0.5
        part = cv2.warpAffine(mask, placing, (right - left, bottom - top), flags=flags)
        area = canvas[top:bottom, left:right]
        np.maximum(area, part, out=area)
        hulls.append(points.astype(np.float32))
    inside = everything - low
    box = (*inside.min(axis=0), *inside.max(axis=0))
    return Line(canvas, hulls, tuple(float(value) for value in box))
