"""Handwritten numbers, as on cheques: digits that touch and overlap, on lined or printed paper.

The digits are those of MNIST's training set where a file of them is given (`glyph_file` writes
one), mixed with digits drawn as strokes; without such a file all are strokes.
"""

from __future__ import annotations

import cv2
import numpy as np

from datasets.rendered_numbers.blur import blurred
from datasets.rendered_numbers.fonts import HEIGHT, hull
from datasets.rendered_numbers.glyph_file import read_glyphs
from datasets.rendered_numbers.layer import Layer
from datasets.rendered_numbers.panel import (
    Panel,
    can_be_turned,
    draw_digits,
    faces,
    put_words,
)
from datasets.rendered_numbers.paper import put_paper
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.strokes import Brush, stroke_glyph
from datasets.rendered_numbers.surfaces import MIDDLE, STEP, crop, mix

LENGTHS = ((5.0, 1), (9.0, 2), (15.0, 3), (22.0, 4), (24.0, 5), (14.0, 6), (7.0, 7), (4.0, 8))
"""(weight, digits)."""

_CROPS = ((24.0, "tight"), (62.0, "close"), (12.0, "loose"), (2.0, "far"))
_INKS = ((4.0, (25.0, 25.0, 30.0)), (3.0, (25.0, 40.0, 130.0)), (1.5, (50.0, 50.0, 60.0)),
         (1.0, (40.0, 70.0, 170.0)), (0.4, (150.0, 30.0, 40.0)))  # fmt: skip


class _Pen:
    """How one writer writes: what the digits of a number share.

    Attributes:
        share: share of digits that are from the file.
        slant: to the right for each unit up.
        thickness: of the pen, in pixels of a digit `HEIGHT` high.
        brush: form of the digits that are drawn as strokes.
    """

    def __init__(self, scanned: bool, chance: Rng) -> None:
        self.share = chance.weighted(((0.45, 1.0), (0.25, 0.7), (0.3, 0.0))) if scanned else 0.0
        self.slant = chance.clipped(0.12, 0.2, -0.25, 0.7)
        self.thickness = chance.log_uniform(2.6, 9.5)
        self.even = chance.uniform(0.4, 1.0)
        self.brush = Brush(
            forms=tuple(chance.unit() for _ in range(10)),
            width=chance.uniform(0.42, 0.75),
            thickness=self.thickness / HEIGHT,
            nib=0.0,
            nib_angle=0.0,
            jitter=chance.uniform(0.02, 0.055),
            balls=False,
            segments=False,
            written=True,
        )


def _scanned(image: np.ndarray, pen: _Pen) -> np.ndarray:
    """A digit of 28 x 28 as smooth ink about `HEIGHT` high, upright, of the pen's thickness."""
    left, top, width, height = cv2.boundingRect(cv2.threshold(image, 60, 255, cv2.THRESH_BINARY)[1])
    # Upright by its second moments, so that all digits can be given one slant.
    moments = cv2.moments(image)
    skew = moments["mu11"] / moments["mu02"] if moments["mu02"] > 1 else 0.0
    skew = min(max(skew, -0.6), 0.6)
    scale = HEIGHT / max(height, 8)
    room = 16
    columns = round((width + abs(skew) * height) * scale) + 2 * room
    rows = round(height * scale) + 2 * room
    x, y = left + width / 2, top + height / 2
    shape = np.array([[scale, -skew * scale, 0.0], [0.0, scale, 0.0]])
    shape[:, 2] = np.array([columns / 2, rows / 2]) - shape[:, :2] @ np.array([x, y])
    large = cv2.warpAffine(image, shape, (columns, rows), flags=cv2.INTER_CUBIC)
    large = blurred(large, 1.6)
    _, ink = cv2.threshold(large, 110, 255, cv2.THRESH_BINARY)
    outlines, _ = cv2.findContours(ink, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    length = sum(cv2.arcLength(outline, True) for outline in outlines) / 2
    now = cv2.countNonZero(ink) / max(length, 1.0)
    # The pen's thickness by moving the threshold of the distance from the outline.
    growth = (pen.thickness - now) / 2 * pen.even
    growth = min(max(growth, -0.38 * now), 3.0)
    if growth > 0:
        inverse = cv2.distanceTransform(255 - ink, cv2.DIST_L2, 3)
        return cv2.convertScaleAbs(np.clip(growth + 0.5 - inverse, 0, 1), alpha=255)
    inside = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    return cv2.convertScaleAbs(np.clip(inside + growth, 0, 1), alpha=255)


def draw_handwriting(chance: Rng, height: float, glyphs: str = "") -> Panel:
    """Draw a handwritten number on paper.

    Args:
        chance: source of chance.
        height: height of a digit, in pixels.
        glyphs: path of a file that `read_glyphs` reads, or "" for strokes alone.
    """
    number = draw_digits(chance.weighted(LENGTHS), chance, zeros=0.03)
    if chance.happens(0.25) and len(number) > 2:  # round amounts
        zeros = 1 + chance.below(min(3, len(number) - 1))
        number = number[:-zeros] + "0" * zeros
    scanned = read_glyphs(glyphs) if glyphs else ()
    margin = 1.3 * height
    base = margin + 1.05 * height
    ink, hulls = _write(number, scanned, (margin, base), height, chance)
    end = float(hulls[-1][:, 0].max())
    layer = Layer(*ink.shape)
    colour = put_paper(layer, base, height, chance)
    if chance.happens(0.2):
        face = chance.choice(faces("Serif", "Roboto-Reg", "Lato-Reg"))
        sign = chance.choice(("$", "€", "£", "#", "EUR", "No.", "CHF", "Bs."))
        place = margin - chance.uniform(0.25, 0.6) * height, base - 0.5 * height
        put_words(layer, sign, face, place, height * chance.uniform(0.4, 0.8), mix(colour,
                  (0.0, 0.0, 0.0), 0.7), chance, chance.uniform(0.4, 0.9), 1.0)  # fmt: skip
    _put_written(layer, ink, height, chance)
    inside = (margin, margin, end, base)
    return Panel(layer, number, hulls, height, inside, crops=_CROPS, fine=0.65, wall=colour,
                 masonry=False, turnable=can_be_turned(number))  # fmt: skip


def _room(before: np.ndarray, after: np.ndarray, height: float) -> float:
    """Least distance across between two hulls (float (n, 2)), the second to the right."""
    low = max(before[:, 1].min(), after[:, 1].min())
    high = min(before[:, 1].max(), after[:, 1].max())
    if high - low < 0.1 * height:  # hardly side by side
        return float(after[:, 0].min() - before[:, 0].max())
    levels = np.linspace(low, high, 9)[1:-1]
    rights, lefts = _edge(before, levels, np.max), _edge(after, levels, np.min)
    # A low zero under the arm of a 7 would otherwise slip far below it.
    most = 0.35 * height + float(after[:, 0].min() - before[:, 0].max())
    return min(float((lefts - rights).min()), most)


def _edge(hull_points: np.ndarray, levels: np.ndarray, end) -> np.ndarray:
    """The leftmost (`np.min`) or rightmost (`np.max`) x of a convex hull at each height."""
    x, y = hull_points.T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    low, high = np.minimum(y, next_y), np.maximum(y, next_y)
    rise = np.where(next_y == y, 1.0, next_y - y)
    at = x + (next_x - x) * (levels[:, None] - y) / rise
    inside = (levels[:, None] >= low) & (levels[:, None] <= high)
    fill = np.inf if end is np.min else -np.inf
    return end(np.where(inside, at, fill), axis=1)


def _write(
    number: str,
    scanned: tuple[np.ndarray, ...],
    start: tuple[float, float],
    height: float,
    chance: Rng,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Write a number with its separators and what follows it.

    Args:
        number: the digits.
        scanned: images of each digit as `read_glyphs` returns them, or none.
        start: x where the first digit begins and y of the line, in pixels; the canvas has as
            much room on the right as on the left.
        height: height of a digit, in pixels.
        chance: source of chance.

    Returns:
        The ink, uint8 (h, w), and the convex hull of each digit.
    """
    left, base = start
    pen = _Pen(bool(scanned), chance)
    columns = round(2 * left + (1.15 * len(number) + 1.0) * height)
    ink = np.zeros((round(base + 1.5 * height), columns), np.uint8)
    slope = chance.clipped(0.0, 0.035, -0.1, 0.1)
    gap = chance.clipped(0.05, 0.1, -0.12, 0.3)
    small_zero = chance.uniform(0.6, 1.0) if chance.happens(0.5) else 1.0
    marks = _separators(number, chance)
    x, hulls = left, []
    for place, digit in enumerate(number):
        if scanned and chance.happens(pen.share):
            mask = _scanned(chance.choice(scanned[int(digit)]), pen)
        else:
            mask = stroke_glyph(pen.brush, digit, chance).mask
        shape = _shape(digit, pen, height * (small_zero if digit == "0" else 1.0), chance)
        corners = hull(mask) @ shape.T.astype(np.float32)
        drop = chance.normal(0, 0.04) * height
        if digit in "79" and chance.happens(0.15):
            drop += 0.15 * height
        level = base - slope * (x - left)
        move = np.array([x - corners[:, 0].min(), level + drop - corners[:, 1].max()])
        if hulls:
            # As far as the ink allows: a leaning digit may reach over its neighbour.
            step = max(gap + chance.normal(0, 0.04), -0.08) * height
            if "1" in number[place - 1 : place + 1]:
                step = max(step, 0.02 * height)  # else a stroke is lost in its neighbour
            if not marks.get(place):
                move[0] += step - _room(hulls[-1], corners + move, height)
        _stamp(ink, mask, shape, move)
        hulls.append((corners + move).astype(np.float32))
        x = float(hulls[-1][:, 0].max())
        if marks.get(place + 1):
            level = base - slope * (x - left)
            x = _put_mark(ink, marks[place + 1], x, level, height, pen, chance)
    if chance.happens(0.35):
        _put_tail(ink, x, base - slope * (x - left), height, pen, chance)
    return ink, hulls


def _shape(digit: str, pen: _Pen, height: float, chance: Rng) -> np.ndarray:
    """Size, width and slant of a digit: float64 (2, 2), from a mask's pixels to the paper's."""
    scale = height * chance.clipped(1.0, 0.08, 0.75, 1.25) / HEIGHT
    slant = pen.slant + chance.normal(0, 0.05)
    wide = 1.0 if digit == "1" else chance.clipped(1.0, 0.1, 0.8, 1.25)
    return np.array([[scale * wide, -scale * slant], [0.0, scale]])


def _separators(number: str, chance: Rng) -> dict[int, str]:
    """Points or commas before the digits at these places: thousands, sometimes cents."""
    marks: dict[int, str] = {}
    if len(number) > 3 and chance.happens(0.45):
        mark = chance.choice("..,")
        for place in range(len(number) - 3, 0, -3):
            marks[place] = mark
    elif len(number) > 2 and chance.happens(0.15):
        marks[len(number) - 2] = chance.choice(".,")
    return marks


def _stamp(canvas: np.ndarray, mask: np.ndarray, shape: np.ndarray, move: np.ndarray) -> None:
    """Draw a mask at an affine place, in pixels counted from corners."""
    rows, columns = mask.shape
    corners = np.array([[0, 0], [columns, 0], [0, rows], [columns, rows]]) @ shape.T + move
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int), canvas.shape[::-1])
    if (high <= low).any():
        return
    offset = move - low + shape @ np.array([0.5, 0.5]) - 0.5
    matrix = np.column_stack([shape, offset])
    part = cv2.warpAffine(mask, matrix, tuple((high - low).tolist()), flags=cv2.INTER_AREA)
    area = canvas[low[1] : high[1], low[0] : high[0]]
    np.maximum(area, part, out=area)


def _line(ink: np.ndarray, points: list[tuple[float, float]], thickness: float) -> None:
    fixed = np.rint(np.array(points) * 16).astype(np.int32)
    cv2.polylines(ink, [fixed], False, 255, max(1, round(thickness)), cv2.LINE_AA, 4)


def _put_mark(ink, mark: str, x: float, base: float, height: float, pen, chance: Rng) -> float:
    """Draw a point or comma after a digit; returns where the next digit begins."""
    thick = pen.thickness * height / HEIGHT
    x += height * chance.uniform(0.06, 0.2)
    y = base - thick / 2 - height * chance.uniform(-0.03, 0.06)
    if mark == ".":
        _line(ink, [(x, y), (x + 0.3, y)], thick * chance.uniform(1.0, 1.5))
    else:
        tail = height * chance.uniform(0.08, 0.18)
        _line(ink, [(x, y), (x - 0.4 * tail, y + tail)], thick)
    return x + height * chance.uniform(0.06, 0.22)


def _put_tail(ink, x: float, base: float, height: float, pen, chance: Rng) -> None:
    """Draw what follows an amount: a dash, two dashes, a point, a cross, a stroke under it."""
    thick = pen.thickness * height / HEIGHT
    kind = chance.choice(("dash", "dash", "equal", "point", "hash", "dash point"))
    x += height * chance.uniform(0.22, 0.4)
    y = base - height * chance.uniform(0.3, 0.55)
    reach = height * chance.uniform(0.3, 0.8)
    rise = chance.normal(0, 0.05) * height
    if kind == "point" or kind == "dash point":
        _line(
            ink, [(x - 0.1 * height, base - thick), (x - 0.1 * height + 0.3, base - thick)], thick
        )
    if "dash" in kind:
        _line(ink, [(x, y), (x + reach, y + rise)], thick)
    elif kind == "equal":
        for step in (0.0, 0.16 * height):
            _line(ink, [(x, y + step), (x + 0.6 * reach, y + step + rise)], thick)
    elif kind == "hash":
        side = 0.5 * height
        for share in (0.33, 0.67):
            _line(ink, [(x, y + (share - 0.5) * side), (x + side, y + (share - 0.5) * side)], thick)
            _line(ink, [(x + (share + 0.1) * side, y - 0.5 * side),
                        (x + (share - 0.1) * side, y + 0.5 * side)], thick)  # fmt: skip


def _put_written(layer: Layer, ink: np.ndarray, height: float, chance: Rng) -> None:
    """Lay the ink, of uneven strength as a pen leaves it."""
    colour = chance.weighted(_INKS)
    if chance.happens(0.25):  # a blotting or felt pen
        ink = blurred(ink, 0.03 * height)
    strength = chance.uniform(0.6, 1.0)
    if chance.happens(0.4):
        grain = crop(chance.choice(("rough", "stains", "stucco")), ink.shape[::-1], chance)
        fade = cv2.convertScaleAbs(grain, alpha=30 / STEP, beta=225 - 30 * MIDDLE / STEP)
        ink = cv2.multiply(ink, fade, scale=1 / 255)
    layer.put(ink, colour, strength)
