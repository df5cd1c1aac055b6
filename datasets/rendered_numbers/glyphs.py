"""Digits and letters as masks: of font files, and of displays."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .drawing import fill_circle, fill_polygon, paint_line

GLYPH_HEIGHT = 64
"""Height of a lining digit in every mask, in pixels."""

GLYPH_PAD = 12
"""Empty pixels around the ink of a mask: room for dilation and shear."""

SEGMENT_FACES = {"segments-thin": 3.0, "segments": 4.5, "segments-bold": 6.0}
"""Seven-segment faces, and half the thickness of a segment in pixels."""

DOT_FACES = {"dots": 4.4, "dots-dense": 5.4, "dots-square": 0.0}
"""Faces of 5 x 7 dots, and the radius of a dot in pixels; 0 for adjoining squares."""

LIT_SEGMENTS = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc",
    "5": "afgcd", "6": "afgedc", "7": "abc", "8": "abcdefg", "9": "abcdfg",
}  # fmt: skip
"""Lit segments of each digit: a (top) to f clockwise, and g (middle)."""

SEGMENT_ENDS = {
    "a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2),
    "e": (0, 1, 0, 2), "f": (0, 0, 0, 1), "g": (0, 1, 1, 1),
}  # fmt: skip
"""x and y of both ends of each segment, in a box of width 1 and height 2."""

DOT_ROWS = {
    "0": (14, 17, 17, 17, 17, 17, 14), "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31), "3": (14, 17, 1, 6, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2), "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14), "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14), "9": (14, 17, 17, 15, 1, 2, 12),
}  # fmt: skip
"""Rows of each 5 x 7 dot-matrix digit, from the top; one bit for each dot, the left one highest."""

SLASHED_ZERO = (14, 17, 19, 21, 25, 17, 14)


@dataclass(frozen=True)
class Glyph:
    """A character as a mask.

    Attributes:
        mask: uint8 (h, w), 0 to 255, with `GLYPH_PAD` empty pixels on every side of the ink, and
            one more at the right or the bottom if h or w would be odd.
        ascent: from the baseline up to the top of the mask, in pixels.
        hull: what `convex_hull` returns for the mask.
        half: the mask at half its size.
    """

    mask: np.ndarray
    ascent: float

    @functools.cached_property
    def hull(self) -> np.ndarray:
        return convex_hull(self.mask)

    @functools.cached_property
    def half(self) -> np.ndarray:
        rows, columns = self.mask.shape
        return cv2.resize(self.mask, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)


def blank_mask(height: float, width: float) -> np.ndarray:
    """Return an empty mask of an even height and width: masks are halved."""
    return np.zeros((height + height % 2, width + width % 2), np.uint8)


def convex_hull(mask: np.ndarray) -> np.ndarray:
    """Return the convex hull of a mask's ink (levels above 100), or of the whole mask if none.

    Points are the outer corners of pixels: float32 (n, 2).
    """
    _, ink = cv2.threshold(mask, 100, 255, cv2.THRESH_BINARY)
    outlines, _ = cv2.findContours(ink, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        height, width = mask.shape
        return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    outline = outlines[0] if len(outlines) == 1 else np.concatenate(outlines)
    points = cv2.convexHull(outline)[:, 0]
    # A pixel covers [x, x + 1) by [y, y + 1): right of and below the centre its far corner counts.
    left, top, width, height = cv2.boundingRect(points)
    centre = np.array([left + (width - 1) // 2, top + (height - 1) // 2], np.int32)
    return (points + (points > centre)).astype(np.float32)


@functools.lru_cache(maxsize=512)
def _font(path: str) -> ImageFont.FreeTypeFont:
    # Every Pillow has the basic layout engine; raqm is optional and may place ink elsewhere.
    basic = ImageFont.Layout.BASIC
    _, top, _, bottom = ImageFont.truetype(path, 100, layout_engine=basic).getbbox("8")
    return ImageFont.truetype(path, 100 * GLYPH_HEIGHT / (bottom - top), layout_engine=basic)


@functools.lru_cache(maxsize=8192)
def glyph(path: str, character: str) -> Glyph:
    """Render a character of a font file such that an 8 is `GLYPH_HEIGHT` pixels high.

    Raises:
        ValueError: if the font draws nothing for the character.
    """
    # Large enough for any letter: asking the font for the ink's box takes as long as rendering.
    image = Image.new("L", (4 * GLYPH_HEIGHT, 3 * GLYPH_HEIGHT))
    baseline = 2 * GLYPH_HEIGHT
    position = (GLYPH_HEIGHT, baseline)
    ImageDraw.Draw(image).text(position, character, fill=255, font=_font(path), anchor="ls")
    box = image.getbbox()
    if box is None:
        raise ValueError(f"The font {path} has no {character!r}")
    ink = np.asarray(image.crop(box))
    height, width = ink.shape
    mask = blank_mask(height + 2 * GLYPH_PAD, width + 2 * GLYPH_PAD)
    mask[GLYPH_PAD : GLYPH_PAD + height, GLYPH_PAD : GLYPH_PAD + width] = ink
    return Glyph(mask, float(GLYPH_PAD + baseline - box[1]))


def add_mark(glyph: Glyph, character: str, marks: tuple[str, ...]) -> Glyph:
    """Add the mark that applies to a digit of a font: "slash" or "dot" to a 0, "bar" to a 7."""
    left, top, width, height = cv2.boundingRect(glyph.mask)
    if character == "0" and "slash" in marks:
        inset = 0.5 * _stroke_width(glyph.mask)
        start = left + inset + 0.12 * width, top + height - inset - 0.16 * height
        end = left + width - inset - 0.12 * width, top + inset + 0.16 * height
        thickness = 0.75 * _stroke_width(glyph.mask)
    elif character == "0" and "dot" in marks:
        half_length = max(0.07 * height, 0.5)
        x, y = left + width / 2, top + height / 2
        start, end = (x, y - half_length), (x, y + half_length)
        thickness = _stroke_width(glyph.mask)
        thickness = min(max(thickness, 0.12 * width), 0.4 * (width - 2 * thickness))
    elif character == "7" and "bar" in marks:
        y = top + 0.52 * height
        inked = np.flatnonzero(glyph.mask[round(y)] > 100)
        if not len(inked):
            return glyph
        x = float(inked.mean())
        start, end = (x - 0.26 * width, y), (x + 0.26 * width, y)
        thickness = 0.8 * _stroke_width(glyph.mask)
    else:
        return glyph
    mask = glyph.mask.copy()
    paint_line(mask, (start, end), max(2, thickness))
    return Glyph(mask, glyph.ascent)


def _stroke_width(mask: np.ndarray) -> float:
    """Return the width of the leftmost stroke at half the mask's height, in pixels."""
    row = mask[mask.shape[0] // 2].astype(np.float32)
    edges = np.flatnonzero(np.diff((row > 100).astype(np.int8)))
    width = edges[1] - edges[0] if len(edges) > 1 else 0.1 * GLYPH_HEIGHT
    return float(min(max(width, 2), 0.25 * GLYPH_HEIGHT))


def dot_grid(rows: tuple[int, ...]) -> np.ndarray:
    """Return the dots of a 5 x 7 digit: bool (7, 5)."""
    return np.array([[bool(row >> (4 - column) & 1) for column in range(5)] for row in rows])


@functools.cache
def display_glyph(face: str, digit: str) -> Glyph:
    """Return a digit of `SEGMENT_FACES` or `DOT_FACES`; all digits of a face have one width."""
    half, pitch = SEGMENT_FACES.get(face, 0.0), GLYPH_HEIGHT / 7
    width = GLYPH_HEIGHT / 2 + half if half else 5 * pitch
    mask = blank_mask(GLYPH_HEIGHT + 2 * GLYPH_PAD, round(width) + 2 * GLYPH_PAD)
    if half:
        _paint_segments(mask, digit, half)
        return Glyph(mask, float(GLYPH_PAD + GLYPH_HEIGHT))
    rows = {"0": SLASHED_ZERO, "3": (31, 2, 4, 2, 1, 17, 14)}.get(digit, DOT_ROWS[digit])
    for row, column in np.argwhere(dot_grid(rows)).tolist():
        x, y = GLYPH_PAD + (column + 0.5) * pitch, GLYPH_PAD + (row + 0.5) * pitch
        if DOT_FACES[face]:
            fill_circle(mask, x - 0.5, y - 0.5, DOT_FACES[face])
        else:
            left, right = round(x - pitch / 2), round(x + pitch / 2)
            mask[round(y - pitch / 2) : round(y + pitch / 2), left:right] = 255
    return Glyph(mask, float(GLYPH_PAD + GLYPH_HEIGHT))


def _paint_segments(mask: np.ndarray, digit: str, half: float) -> None:
    """Paint segments pointed at both ends, with gaps between them."""
    length = GLYPH_HEIGHT - 2 * half
    for segment in LIT_SEGMENTS[digit]:
        ends = np.array(SEGMENT_ENDS[segment]).reshape(2, 2) / 2 * length + GLYPH_PAD + half
        along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
        across = half * np.array([-along[1], along[0]])
        tips = ends + np.outer([1.5, -1.5], along)
        inner = ends + np.outer([half + 1.0, -half - 1.0], along)
        corners = [tips[0], inner[0] + across, inner[1] + across, tips[1],
                   inner[1] - across, inner[0] - across]  # fmt: skip
        fill_polygon(mask, np.array(corners))
