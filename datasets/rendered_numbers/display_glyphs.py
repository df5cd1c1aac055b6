"""Digits that fonts lack: seven-segment displays and dot matrices."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from .fonts import GLYPH_HEIGHT, GLYPH_PAD, Glyph, round_up_to_even
from .layer import fill_polygon

SEGMENT_FACES = {"segments-thin": 3.0, "segments": 4.5, "segments-bold": 6.0}
"""Seven-segment faces, and half the thickness of a segment in pixels."""

DOT_FACES = {"dots": 4.4, "dots-dense": 5.4, "dots-square": 0.0}
"""Faces of 5 x 7 dots, and the radius of a dot in pixels; 0 for adjoining squares."""

DISPLAY_FACES = (*SEGMENT_FACES, *DOT_FACES)

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
_FLAT_THREE = (31, 2, 4, 2, 1, 17, 14)


def dot_grid(rows: tuple[int, ...]) -> np.ndarray:
    """Return the dots of a 5 x 7 digit: bool (7, 5)."""
    return np.array([[bool(row >> (4 - column) & 1) for column in range(5)] for row in rows])


@functools.cache
def display_glyph(face: str, digit: str) -> Glyph:
    """Return a digit of one of `DISPLAY_FACES`; all digits of a face have the same width."""
    if face not in DISPLAY_FACES:
        raise ValueError(f"A display face is one of {', '.join(DISPLAY_FACES)}. Received: {face!r}")
    mask = (_segment_mask if face in SEGMENT_FACES else _dot_mask)(face, digit)
    mask.setflags(write=False)
    return Glyph(mask, float(GLYPH_PAD + GLYPH_HEIGHT))


def _blank_mask(width: float) -> np.ndarray:
    columns = round_up_to_even(round(width) + 2 * GLYPH_PAD)
    return np.zeros((GLYPH_HEIGHT + 2 * GLYPH_PAD, columns), np.uint8)


def _segment_mask(face: str, digit: str) -> np.ndarray:
    half = SEGMENT_FACES[face]
    mask = _blank_mask(GLYPH_HEIGHT / 2 + half)
    length = GLYPH_HEIGHT - 2 * half
    for segment in LIT_SEGMENTS[digit]:
        ends = np.array(SEGMENT_ENDS[segment]).reshape(2, 2) / 2 * length + GLYPH_PAD + half
        along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
        across = half * np.array([-along[1], along[0]])
        # Pointed at both ends, with a gap to the next segment.
        tips = ends + np.outer([1.5, -1.5], along)
        inner = ends + np.outer([half + 1.0, -half - 1.0], along)
        corners = [tips[0], inner[0] + across, inner[1] + across, tips[1],
                   inner[1] - across, inner[0] - across]  # fmt: skip
        fill_polygon(mask, np.array(corners))
    return mask


def _dot_mask(face: str, digit: str) -> np.ndarray:
    pitch, radius = GLYPH_HEIGHT / 7, DOT_FACES[face]
    mask = _blank_mask(5 * pitch)
    rows = {"0": SLASHED_ZERO, "3": _FLAT_THREE}.get(digit, DOT_ROWS[digit])
    for row, column in np.argwhere(dot_grid(rows)).tolist():
        x, y = GLYPH_PAD + (column + 0.5) * pitch, GLYPH_PAD + (row + 0.5) * pitch
        if radius:
            centre = (round((x - 0.5) * 16), round((y - 0.5) * 16))
            cv2.circle(mask, centre, round(radius * 16), 255, -1, cv2.LINE_AA, 4)
        else:
            left, right = round(x - pitch / 2), round(x + pitch / 2)
            mask[round(y - pitch / 2) : round(y + pitch / 2), left:right] = 255
    return mask
