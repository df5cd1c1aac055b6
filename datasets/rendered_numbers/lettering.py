"""The look of a number's characters, and setting them side by side as a mask of ink."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from datasets.rendered_numbers.chance import Chance
from datasets.rendered_numbers.fonts import HEIGHT, PAD, Glyph, families, glyph, hull
from datasets.rendered_numbers.made_faces import made_glyph
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
        made: face of `made_faces` that digits are taken from, or "".
        pitch: distance from one character's middle to the next, in units of their height; 0 sets
            them by their ink and `spacing`.
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
    made: str = ""
    pitch: float = 0.0


def extent(across: list[float], down: list[float]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of points given as lists of x and y.

    Python's `min` over the few corners of a hull takes a quarter of the time of NumPy's.
    """
    return min(across), min(down), max(across), max(down)


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


def draw_lettering(chance: Chance, enamel: bool = False) -> Lettering:
    """Draw the look of one picture's characters.

    Args:
        chance: source of chance.
        enamel: whether they are on an enamel plate: mostly heavy, narrow and evenly set.
    """
    painted = chance.happens(0.38)
    face = _draw_face(chance)
    if enamel and chance.happens(0.6):
        return _enamel_lettering(face, chance)
    loose = chance.happens(0.35)  # digits put up one by one, not printed as one line
    heavy = any(word in face for word in ("Black", "Bold", "Extra", "Fredoka"))
    growth = chance.choice((-2, -1, 0, 0, 0, 0) if heavy else (0, 0, 1, 1, 2, 3, 4))
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


def _enamel_lettering(face: str, chance: Chance) -> Lettering:
    """The heavy narrow digits of enamel plates: condensed serifs or a plate maker's own."""
    own = chance.happens(0.45)
    if not own:
        face = chance.choice(_heavy_serifs()) if chance.happens(0.6) else face
    return Lettering(
        face=face,
        brush=draw_brush(chance, "plate" if chance.happens(0.7) else "painted") if own else None,
        stretch=chance.uniform(0.85, 1.15) if own else chance.uniform(0.5, 0.95),
        slant=0.0 if chance.happens(0.9) else chance.uniform(0.0, 0.3),
        growth=0 if own else chance.choice((0, 0, 1, 2, 3)),
        wobble=chance.uniform(0.3, 1.5) if chance.happens(0.2) else 0.0,
        rounding=chance.uniform(1.0, 3.0) if chance.happens(0.4) else 0.0,
        stencil=False,
        spacing=chance.clipped(0.09, 0.05, -0.02, 0.25),
        turn=0.0,
        shift=0.0,
        size=0.0,
        slope=0.0,
        bow=0.0,
    )


@functools.cache
def _heavy_serifs() -> tuple[str, ...]:
    return tuple(face for faces in families() for face in faces if _is_heavy_serif(face))


def _is_heavy_serif(face: str) -> bool:
    name = face.rpartition("/")[2]
    serif = any(word in name for word in ("Serif", "Caladea", "STIX", "cmb10"))
    return serif and any(word in name for word in ("Bol", "Black", "Semibold", "cmb10"))


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


@functools.lru_cache(maxsize=8192)
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


def _vary(mask: np.ndarray, style: Lettering, chance: Chance, digit: bool) -> np.ndarray:
    """Apply what makes one character differ from the next: wobble, rounding, stencil."""
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
        rounded = cv2.addWeighted(smooth, 1.5, smooth, 1.5, -255.0)
        mask = _unless_lost(rounded, mask)
    if style.stencil and digit:
        mask = mask.copy()
        at = PAD + round((mask.shape[1] - 2 * PAD) * chance.uniform(0.42, 0.58))
        mask[:, at - 2 : at + 2] = 0
    return mask


def _unless_lost(changed: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The changed mask, or the one before where fine strokes would be lost."""
    return changed if cv2.mean(changed)[0] > 0.6 * cv2.mean(mask)[0] else mask


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

    Raises:
        ValueError: if there is nothing but spaces.
    """
    if not text.strip():
        raise ValueError(f"A line needs a character that is not a space. Received: {text!r}")
    placed: list[_Placed] = []
    pen = 0.0
    for place, character in enumerate(text):
        if character == " ":
            pen += height * 0.35
            continue
        digit = character.isdigit()
        if digit and style.brush is not None:
            drawn = stroke_glyph(style.brush, character, chance)
        elif digit and style.made:
            drawn = made_glyph(style.made, character)
        else:
            drawn = _grown(style.face, character, style.growth)
        mask = _vary(drawn.mask, style, chance, digit)
        corners = drawn.hull if mask is drawn.mask else hull(mask)
        scale = height / HEIGHT * (1 + chance.normal(0, style.size) if style.size else 1.0)
        angle = chance.normal(0, style.turn) if style.turn else 0.0
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        # Stretch and slant about the baseline, then turn; the pen fixes x once the ink is known.
        shape = (cos * style.stretch, -cos * style.slant - sin,
                 sin * style.stretch, cos - sin * style.slant)  # fmt: skip
        a, b, c, d = shape
        points = corners @ np.array([[a, c], [b, d]], np.float32)
        y = -shape[3] * drawn.rise - style.slope * pen
        if style.shift:
            y += chance.normal(0, style.shift) * height
        if style.bow and len(text) > 2:
            y -= style.bow * height * (2 * place / (len(text) - 1) - 1) ** 2
        if style.pitch and digit:
            middle = (shape[0] * mask.shape[1] + shape[1] * mask.shape[0]) / 2
            x, pen = pen - middle, pen + style.pitch * height
            points += (x, y)
        else:
            x = pen - min(points[:, 0].tolist())
            points += (x, y)
            pen = max(points[:, 0].tolist()) + style.spacing * height
        placed.append(_Placed(mask, shape, x, y, points))
    return _assemble(placed, margin * height)


class _Placed(NamedTuple):
    """A character's mask and where it goes: (a, b, c, d) and x, y of an affine map."""

    mask: np.ndarray
    shape: tuple[float, float, float, float]
    x: float
    y: float
    points: np.ndarray


def _assemble(placed: list[_Placed], margin: float) -> Line:
    """Warp every character into one mask."""
    ends = [extent(*one.points.T.tolist()) for one in placed]
    lows_x, lows_y, highs_x, highs_y = zip(*ends, strict=True)
    low_x, low_y = min(lows_x) - margin, min(lows_y) - margin
    width = math.ceil(max(highs_x) + margin - low_x)
    height = math.ceil(max(highs_y) + margin - low_y)
    canvas = np.zeros((height, width), np.uint8)
    for one, (x0, y0, x1, y1) in zip(placed, ends, strict=True):
        left, top = max(int(x0 - low_x) - 2, 0), max(int(y0 - low_y) - 2, 0)
        right, bottom = min(int(x1 - low_x) + 3, width), min(int(y1 - low_y) + 3, height)
        mask, (a, b, c, d) = one.mask, one.shape
        if abs(a * d - b * c) < 0.36:  # bilinear look-up would skip pixels: average them first
            rows, columns = mask.shape
            mask = cv2.resize(mask, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
            across, down = columns / (columns // 2), rows / (rows // 2)
            a, b, c, d = a * across, b * down, c * across, d * down
        # The map counts from pixels' corners, warpAffine from their centres.
        x = one.x - low_x - left + (a + b) / 2 - 0.5
        y = one.y - low_y - top + (c + d) / 2 - 0.5
        placing = np.array([[a, b, x], [c, d, y]])
        part = cv2.warpAffine(mask, placing, (right - left, bottom - top))
        area = canvas[top:bottom, left:right]
        np.maximum(area, part, out=area)
    shift = np.array([low_x, low_y], np.float32)
    box = (margin, margin, max(highs_x) - low_x, max(highs_y) - low_y)
    return Line(canvas, [one.points - shift for one in placed], box)
