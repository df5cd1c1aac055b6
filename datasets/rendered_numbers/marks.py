"""Marks by which typefaces and people tell digits from letters: slashed zeros, barred sevens."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.rendered_numbers.fonts import HEIGHT, Glyph

MARKS = ("slash", "dot", "bar")


def marked(glyph: Glyph, character: str, marks: tuple[str, ...]) -> Glyph:
    """Add marks to a digit of a font.

    Args:
        glyph: the digit.
        character: which it is.
        marks: any of "slash" and "dot" (for a 0) and "bar" (for a 7).

    Returns:
        The digit with its mark, or the same glyph where none concerns it.
    """
    if character == "0" and ("slash" in marks or "dot" in marks):
        mask = glyph.mask.copy()
        left, top, width, height = cv2.boundingRect(mask)
        thick = _stroke(mask)
        if "slash" in marks:
            inset = 0.5 * thick
            start = left + inset + 0.12 * width, top + height - inset - 0.16 * height
            end = left + width - inset - 0.12 * width, top + inset + 0.16 * height
        else:
            reach = max(0.07 * height, 0.5)
            x, y = left + width / 2, top + height / 2
            start, end = (x, y - reach), (x, y + reach)
            thick = min(max(thick, 0.12 * width), 0.4 * (width - 2 * thick))
        _draw(mask, start, end, thick * (0.75 if "slash" in marks else 1.0))
        return Glyph(mask, glyph.rise)
    if character == "7" and "bar" in marks:
        mask = glyph.mask.copy()
        left, top, width, height = cv2.boundingRect(mask)
        row = mask[round(top + 0.52 * height)]
        inked = np.flatnonzero(row > 100)
        if not len(inked):
            return glyph
        x, y = float(inked.mean()), top + 0.52 * height
        _draw(mask, (x - 0.26 * width, y), (x + 0.26 * width, y), 0.8 * _stroke(mask))
        return Glyph(mask, glyph.rise)
    return glyph


def _stroke(mask: np.ndarray) -> float:
    """Width of an upright stroke at a glyph's middle, in pixels."""
    row = mask[mask.shape[0] // 2].astype(np.float32)
    edges = np.flatnonzero(np.diff((row > 100).astype(np.int8)))
    wide = edges[1] - edges[0] if len(edges) > 1 else 0.1 * HEIGHT
    return float(min(max(wide, 2), 0.25 * HEIGHT))


def _draw(mask: np.ndarray, start, end, thickness: float) -> None:
    first, last = (tuple(round(value * 16) for value in point) for point in (start, end))
    cv2.line(mask, first, last, 255, max(2, round(thickness)), cv2.LINE_AA, 4)
