"""Handwritten numbers, as on cheques: digits that touch and overlap, on ruled or printed paper.

The digits are those of a file (`mnist_digits`), if one is given, mixed with digits rendered as
strokes; without such a file all are strokes.
"""

from __future__ import annotations

import cv2
import numpy as np

from .colours import BLACK, mix
from .drawing import Layer, blurred, box_corners, paint_line, paint_warped
from .fonts import faces
from .glyphs import GLYPH_HEIGHT, convex_hull
from .mnist_digits import read_digits
from .paper import paint_paper
from .planar_object import PlanarObject, paint_words, sample_digits
from .rng import Rng
from .strokes import Brush, stroke_glyph
from .textures import TEXTURE_MEAN, TEXTURE_STD, crop_texture

_AMOUNT_LENGTHS = ((5.0, 1), (9.0, 2), (15.0, 3), (22.0, 4), (24.0, 5), (14.0, 6), (7.0, 7),
                   (4.0, 8))  # fmt: skip
_AMOUNT_CROPS = ((24.0, "tight"), (62.0, "close"), (12.0, "loose"), (2.0, "far"))
_PEN_COLOURS = (
    (4.0, (25.0, 25.0, 30.0)), (3.0, (25.0, 40.0, 130.0)), (1.5, (50.0, 50.0, 60.0)),
    (1.0, (40.0, 70.0, 170.0)), (0.4, (150.0, 30.0, 40.0)),
)  # fmt: skip


class _Writer:
    """What the digits of one writer have in common.

    Attributes:
        scanned: fraction of digits from the file.
        slant: horizontal shear: distance to the right for each unit up.
        thickness: thickness of the pen, in pixels of a digit of `GLYPH_HEIGHT`.
        evenness: how closely scanned digits match that thickness, 0.4 to 1.
        brush: shape of the digits rendered as strokes.
    """

    def __init__(self, has_scans: bool, rng: Rng) -> None:
        fractions = ((0.45, 1.0), (0.25, 0.7), (0.3, 0.0))
        self.scanned = rng.weighted_choice(fractions) if has_scans else 0.0
        self.slant = rng.clipped_normal(0.12, 0.2, -0.25, 0.7)
        self.thickness = rng.log_uniform(2.6, 9.5)
        self.evenness = rng.uniform(0.4, 1.0)
        self.brush = Brush(
            skeletons=tuple(rng.random() for _ in range(10)),
            width=rng.uniform(0.42, 0.75),
            thickness=self.thickness / GLYPH_HEIGHT,
            jitter=rng.uniform(0.02, 0.055),
            handwritten=True,
        )


def _scanned_mask(image: np.ndarray, writer: _Writer) -> np.ndarray:
    """Convert a digit of 28 x 28 to a mask of about `GLYPH_HEIGHT`, deslanted, in a pen's width."""
    _, ink = cv2.threshold(image, 60, 255, cv2.THRESH_BINARY)
    left, top, width, height = cv2.boundingRect(ink)
    # Deslanted by its second moments, so that all digits can be given the same slant.
    moments = cv2.moments(image)
    skew = moments["mu11"] / moments["mu02"] if moments["mu02"] > 1 else 0.0
    skew = min(max(skew, -0.6), 0.6)
    scale = GLYPH_HEIGHT / max(height, 8)
    pad = 16
    columns = round((width + abs(skew) * height) * scale) + 2 * pad
    rows = round(height * scale) + 2 * pad
    x, y = left + width / 2, top + height / 2
    matrix = np.array([[scale, -skew * scale, 0.0], [0.0, scale, 0.0]])
    matrix[:, 2] = np.array([columns / 2, rows / 2]) - matrix[:, :2] @ np.array([x, y])
    large = cv2.warpAffine(image, matrix, (columns, rows), flags=cv2.INTER_CUBIC)
    _, ink = cv2.threshold(blurred(large, 1.6), 110, 255, cv2.THRESH_BINARY)
    outlines, _ = cv2.findContours(ink, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    length = sum(cv2.arcLength(outline, True) for outline in outlines) / 2
    thickness = cv2.countNonZero(ink) / max(length, 1.0)
    # The thickness is changed by thresholding the distance from the outline.
    growth = (writer.thickness - thickness) / 2 * writer.evenness
    growth = min(max(growth, -0.38 * thickness), 3.0)
    if growth > 0:
        outside = cv2.distanceTransform(255 - ink, cv2.DIST_L2, 3)
        return cv2.convertScaleAbs(np.clip(growth + 0.5 - outside, 0, 1), alpha=255)
    inside = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    return cv2.convertScaleAbs(np.clip(inside + growth, 0, 1), alpha=255)


def render_handwriting(rng: Rng, height: float, glyphs: str = "") -> PlanarObject:
    """Render a handwritten number on paper.

    Args:
        glyphs: path of a file that `read_digits` reads, or "" for strokes only.
    """
    label = sample_digits(rng.weighted_choice(_AMOUNT_LENGTHS), rng, leading_zeros=0.03)
    if rng.bernoulli(0.25) and len(label) > 2:  # round amounts
        zeros = 1 + rng.randrange(min(3, len(label) - 1))
        label = label[:-zeros] + "0" * zeros
    scans = read_digits(glyphs) if glyphs else ()
    margin = 1.3 * height
    baseline = margin + 1.05 * height
    ink, hulls = _write(label, scans, (margin, baseline), height, rng)
    right = float(hulls[-1][:, 0].max())
    layer = Layer(*ink.shape)
    colour = paint_paper(layer, baseline, height, rng)
    if rng.bernoulli(0.2):
        face = rng.choice(faces("Serif", "Roboto-Reg", "Lato-Reg"))
        sign = rng.choice(("$", "€", "£", "#", "EUR", "No.", "CHF", "Bs."))
        position = margin - rng.uniform(0.25, 0.6) * height, baseline - 0.5 * height
        size, opacity = height * rng.uniform(0.4, 0.8), rng.uniform(0.4, 0.9)
        print_colour = mix(colour, BLACK, 0.7)
        paint_words(layer, sign, face, position, size, print_colour, rng, opacity, anchor=1.0)
    _paint_pen_ink(layer, ink, height, rng)
    return PlanarObject(
        layer,
        label,
        hulls,
        (margin, margin, right, baseline),
        crops=_AMOUNT_CROPS,
        blur_scale=0.65,
        background=colour,
        textured=False,
    )


def _gap(before: np.ndarray, after: np.ndarray, height: float) -> float:
    """Return the minimum horizontal distance of two hulls (float (n, 2)), the second on the right.

    It is limited to 0.35 digit heights more than the distance of their bounding boxes: otherwise
    a low zero under the arm of a 7 would be moved far below it.
    """
    box_gap = float(after[:, 0].min() - before[:, 0].max())
    top = max(before[:, 1].min(), after[:, 1].min())
    bottom = min(before[:, 1].max(), after[:, 1].max())
    if bottom - top < 0.1 * height:  # hardly next to each other
        return box_gap
    levels = np.linspace(top, bottom, 9)[1:-1]
    gap = _edge(after, levels, np.min) - _edge(before, levels, np.max)
    return min(float(gap.min()), 0.35 * height + box_gap)


def _edge(hull: np.ndarray, levels: np.ndarray, reduce) -> np.ndarray:
    """Return the leftmost (`np.min`) or rightmost (`np.max`) x of a convex hull at each level."""
    x, y = hull.T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    top, bottom = np.minimum(y, next_y), np.maximum(y, next_y)
    rise = np.where(next_y == y, 1.0, next_y - y)
    crossing = x + (next_x - x) * (levels[:, None] - y) / rise
    inside = (levels[:, None] >= top) & (levels[:, None] <= bottom)
    fill = np.inf if reduce is np.min else -np.inf
    return reduce(np.where(inside, crossing, fill), axis=1)


def _write(
    label: str, scans: tuple[np.ndarray, ...], start: tuple[float, float], height: float, rng: Rng
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Write a number with its separators and what follows it; returns its ink and digits' hulls.

    `scans` is what `read_digits` returns, or empty; `start` is x of the first digit and y of the
    baseline. The ink has the same margin at the right as at the left.
    """
    left, baseline = start
    writer = _Writer(bool(scans), rng)
    columns = round(2 * left + (1.15 * len(label) + 1.0) * height)
    ink = np.zeros((round(baseline + 1.5 * height), columns), np.uint8)
    slope = rng.clipped_normal(0.0, 0.035, -0.1, 0.1)
    mean_gap = rng.clipped_normal(0.05, 0.1, -0.12, 0.3)
    zero_height = rng.uniform(0.6, 1.0) if rng.bernoulli(0.5) else 1.0
    separators = _sample_separators(label, rng)
    x, hulls = left, []
    for index, digit in enumerate(label):
        if scans and rng.bernoulli(writer.scanned):
            mask = _scanned_mask(rng.choice(scans[int(digit)]), writer)
        else:
            mask = stroke_glyph(writer.brush, digit, rng).mask
        digit_height = height * (zero_height if digit == "0" else 1.0)
        linear = _sample_linear_map(digit, writer, digit_height, rng)
        hull = convex_hull(mask) @ linear.T.astype(np.float32)
        drop = rng.normal(0, 0.04) * height
        if digit in "79" and rng.bernoulli(0.15):
            drop += 0.15 * height
        level = baseline - slope * (x - left)
        offset = np.array([x - hull[:, 0].min(), level + drop - hull[:, 1].max()])
        if hulls:
            # As close as the ink allows: a slanted digit may extend over its neighbour.
            gap = max(mean_gap + rng.normal(0, 0.04), -0.08) * height
            if "1" in label[index - 1 : index + 1]:
                gap = max(gap, 0.02 * height)  # a stroke must not merge with its neighbour
            if index not in separators:
                offset[0] += gap - _gap(hulls[-1], hull + offset, height)
        _paste(ink, mask, linear, offset)
        hulls.append((hull + offset).astype(np.float32))
        x = float(hulls[-1][:, 0].max())
        if index + 1 in separators:
            level = baseline - slope * (x - left)
            x = _paint_separator(ink, separators[index + 1], x, level, height, writer, rng)
    if rng.bernoulli(0.35):
        _paint_ending(ink, x, baseline - slope * (x - left), height, writer, rng)
    return ink, hulls


def _sample_linear_map(digit: str, writer: _Writer, height: float, rng: Rng) -> np.ndarray:
    """Sample size, width and slant: float64 (2, 2), from a mask's pixels to the paper's."""
    scale = height * rng.clipped_normal(1.0, 0.08, 0.75, 1.25) / GLYPH_HEIGHT
    slant = writer.slant + rng.normal(0, 0.05)
    stretch = 1.0 if digit == "1" else rng.clipped_normal(1.0, 0.1, 0.8, 1.25)
    return np.array([[scale * stretch, -scale * slant], [0.0, scale]])


def _sample_separators(label: str, rng: Rng) -> dict[int, str]:
    """Sample points or commas before the digits at some indices: thousands, sometimes cents."""
    if len(label) > 3 and rng.bernoulli(0.45):
        return dict.fromkeys(range(len(label) - 3, 0, -3), rng.choice("..,"))
    if len(label) > 2 and rng.bernoulli(0.15):
        return {len(label) - 2: rng.choice(".,")}
    return {}


def _paste(canvas: np.ndarray, mask: np.ndarray, linear: np.ndarray, offset: np.ndarray) -> None:
    """Paint a mask after an affine map (relative to pixels' corners), in place."""
    rows, columns = mask.shape
    corners = box_corners((0, 0, columns, rows)) @ linear.T + offset
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int), canvas.shape[::-1])
    if (high > low).all():
        area = (*low.tolist(), *high.tolist())
        paint_warped(canvas, mask, linear, offset, area, cv2.INTER_AREA)


def _paint_separator(
    ink: np.ndarray, sign: str, x: float, level: float, height: float, writer: _Writer, rng: Rng
) -> float:
    """Paint a point or comma after a digit; returns the x at which the next digit begins."""
    thickness = writer.thickness * height / GLYPH_HEIGHT
    x += height * rng.uniform(0.06, 0.2)
    y = level - thickness / 2 - height * rng.uniform(-0.03, 0.06)
    if sign == ".":
        paint_line(ink, [(x, y), (x + 0.3, y)], thickness * rng.uniform(1.0, 1.5))
    else:
        tail = height * rng.uniform(0.08, 0.18)
        paint_line(ink, [(x, y), (x - 0.4 * tail, y + tail)], thickness)
    return x + height * rng.uniform(0.06, 0.22)


def _paint_ending(
    ink: np.ndarray, x: float, level: float, height: float, writer: _Writer, rng: Rng
) -> None:
    """Paint what closes an amount: a dash, an equals sign, a point or a hash."""
    thickness = writer.thickness * height / GLYPH_HEIGHT
    kind = rng.choice(("dash", "dash", "equals", "point", "hash", "dash point"))
    x += height * rng.uniform(0.22, 0.4)
    y = level - height * rng.uniform(0.3, 0.55)
    length = height * rng.uniform(0.3, 0.8)
    rise = rng.normal(0, 0.05) * height
    lines = []
    if "point" in kind:
        point_x, point_y = x - 0.1 * height, level - thickness
        lines += [[(point_x, point_y), (point_x + 0.3, point_y)]]
    if "dash" in kind:
        lines += [[(x, y), (x + length, y + rise)]]
    elif kind == "equals":
        levels = (y, y + 0.16 * height)
        lines += [[(x, low), (x + 0.6 * length, low + rise)] for low in levels]
    elif kind == "hash":
        size = 0.5 * height
        for part in (0.33, 0.67):
            low = y + (part - 0.5) * size
            lines += [[(x, low), (x + size, low)],
                      [(x + (part + 0.1) * size, y - 0.5 * size),
                       (x + (part - 0.1) * size, y + 0.5 * size)]]  # fmt: skip
    paint_line(ink, lines, thickness)


def _paint_pen_ink(layer: Layer, ink: np.ndarray, height: float, rng: Rng) -> None:
    """Paint ink in the colour and the uneven strength of a pen."""
    colour = rng.weighted_choice(_PEN_COLOURS)
    if rng.bernoulli(0.25):  # a felt-tip pen
        ink = blurred(ink, 0.03 * height)
    opacity = rng.uniform(0.6, 1.0)
    if rng.bernoulli(0.4):
        texture = crop_texture(rng.choice(("rough", "stains", "stucco")), ink.shape[::-1], rng)
        mean = 225 - 30 * TEXTURE_MEAN / TEXTURE_STD
        strength = cv2.convertScaleAbs(texture, alpha=30 / TEXTURE_STD, beta=mean)
        ink = cv2.multiply(ink, strength, scale=1 / 255)
    layer.paint(ink, colour, opacity)
