"""Marks that distinguish digits from letters: slashed and dotted zeros, barred sevens."""

from __future__ import annotations

import cv2
import numpy as np

from .fonts import GLYPH_HEIGHT, Glyph


def add_marks(glyph: Glyph, character: str, marks: tuple[str, ...]) -> Glyph:
    """Add marks to a digit of a font.

    Args:
        glyph: the glyph.
        character: its character.
        marks: any of "slash" and "dot" (for a 0) and "bar" (for a 7).

    Returns:
        The glyph with its mark, or the same glyph if no mark applies to it.
    """
    if character == "0" and ("slash" in marks or "dot" in marks):
        left, top, width, height = cv2.boundingRect(glyph.mask)
        thickness = _stroke_width(glyph.mask)
        if "slash" in marks:
            inset = 0.5 * thickness
            start = left + inset + 0.12 * width, top + height - inset - 0.16 * height
            end = left + width - inset - 0.12 * width, top + inset + 0.16 * height
            thickness *= 0.75
        else:
            half_length = max(0.07 * height, 0.5)
            x, y = left + width / 2, top + height / 2
            start, end = (x, y - half_length), (x, y + half_length)
            thickness = min(max(thickness, 0.12 * width), 0.4 * (width - 2 * thickness))
    elif character == "7" and "bar" in marks:
        left, top, width, height = cv2.boundingRect(glyph.mask)
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
    ends = (tuple(round(value * 16) for value in point) for point in (start, end))
    cv2.line(mask, *ends, 255, max(2, round(thickness)), cv2.LINE_AA, 4)
    return Glyph(mask, glyph.ascent)


def _stroke_width(mask: np.ndarray) -> float:
    """Return the width of the leftmost stroke at half the mask's height, in pixels."""
    row = mask[mask.shape[0] // 2].astype(np.float32)
    edges = np.flatnonzero(np.diff((row > 100).astype(np.int8)))
    width = edges[1] - edges[0] if len(edges) > 1 else 0.1 * GLYPH_HEIGHT
    return float(min(max(width, 2), 0.25 * GLYPH_HEIGHT))
