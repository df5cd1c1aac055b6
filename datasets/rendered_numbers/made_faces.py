"""Digits that no font package has: seven-segment displays and dot matrices."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from datasets.rendered_numbers.fonts import HEIGHT, PAD, Glyph, even

SEGMENTS = {"segments-thin": 3.0, "segments": 4.5, "segments-bold": 6.0}
"""Faces of seven segments, and half the thickness of a segment in pixels."""

DOTS = {"dots": 4.4, "dots-dense": 5.4, "dots-square": 0.0}
"""Faces of 5 x 7 dots, and the radius of a dot in pixels; 0 for squares that touch."""

FACES = (*SEGMENTS, *DOTS)

# Which of the segments a (top) to g (middle), clockwise from the top, are lit.
_LIT = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc",
    "5": "afgcd", "6": "afgedc", "7": "abc", "8": "abcdefg", "9": "abcdfg",
}  # fmt: skip
_ENDS = {  # in a box one half wide and one high
    "a": ((0, 0), (0.5, 0)), "b": ((0.5, 0), (0.5, 0.5)), "c": ((0.5, 0.5), (0.5, 1)),
    "d": ((0, 1), (0.5, 1)), "e": ((0, 0.5), (0, 1)), "f": ((0, 0), (0, 0.5)),
    "g": ((0, 0.5), (0.5, 0.5)),
}  # fmt: skip

# Rows from the top; a bit for each dot, the left one the highest.
_ROWS = {
    "0": (14, 17, 19, 21, 25, 17, 14), "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31), "3": (31, 2, 4, 2, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2), "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14), "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14), "9": (14, 17, 17, 15, 1, 2, 12),
}  # fmt: skip


@functools.cache
def made_glyph(face: str, digit: str) -> Glyph:
    """A digit of one of `FACES` as a mask, all of a face equally wide.

    Args:
        face: one of `FACES`.
        digit: one of "0" to "9".
    """
    if face not in FACES:
        raise ValueError(f"A made face is one of {', '.join(FACES)}. Received: {face!r}")
    draw = _segments if face in SEGMENTS else _dots
    mask = draw(face, digit)
    mask.setflags(write=False)
    return Glyph(mask, float(PAD + HEIGHT))


def _segments(face: str, digit: str) -> np.ndarray:
    half = SEGMENTS[face]
    mask = np.zeros((HEIGHT + 2 * PAD, even(round(HEIGHT / 2 + half) + 2 * PAD)), np.uint8)
    length = HEIGHT - 2 * half
    for segment in _LIT[digit]:
        ends = np.array(_ENDS[segment]) * length + PAD + half
        along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
        across = half * np.array([-along[1], along[0]])
        # Pointed at both ends, with a dark gap to the next one.
        tips = ends + np.outer([1.5, -1.5], along)
        inner = ends + np.outer([half + 1.0, -half - 1.0], along)
        corners = [tips[0], inner[0] + across, inner[1] + across, tips[1],
                   inner[1] - across, inner[0] - across]  # fmt: skip
        points = np.round((np.array(corners) - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, 4)
    return mask


def _dots(face: str, digit: str) -> np.ndarray:
    step, radius = HEIGHT / 7, DOTS[face]
    mask = np.zeros((HEIGHT + 2 * PAD, even(round(5 * step) + 2 * PAD)), np.uint8)
    for row, bits in enumerate(_ROWS[digit]):
        for column in range(5):
            if not bits >> (4 - column) & 1:
                continue
            x, y = PAD + (column + 0.5) * step, PAD + (row + 0.5) * step
            if radius:
                centre = (round((x - 0.5) * 16), round((y - 0.5) * 16))
                cv2.circle(mask, centre, round(radius * 16), 255, -1, cv2.LINE_AA, 4)
            else:
                low, high = round(x - step / 2), round(x + step / 2)
                mask[round(y - step / 2) : round(y + step / 2), low:high] = 255
    return mask
