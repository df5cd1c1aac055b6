"""Digits rendered as brush strokes: painted by hand, wrought, stencilled, or as on enamel plates.

Fonts are too regular for hand-painted numbers. Here a digit is a skeleton of a few curves
(`skeletons.txt`) whose control points are displaced at random, then drawn with a round brush or a
broad nib.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .glyphs import GLYPH_HEIGHT, GLYPH_PAD, LIT_SEGMENTS, SEGMENT_ENDS, Glyph, blank_mask
from .rng import Rng

# Feet, and centres of the balls at the ends of strokes, of the digits on old enamel plates.
_FEET = {"1": ((0.0, 1.0), (0.5, 1.0)), "4": ((0.26, 1.0), (0.62, 1.0))}
_BALLS = {"2": ((0.1, 0.22),), "3": ((0.08, 0.17), (0.05, 0.84)), "5": ((0.06, 0.84),),
          "6": ((0.5, 0.13),), "9": ((0.1, 0.87),)}  # fmt: skip

_BRUSH_KINDS = ((4.0, "painted"), (2.6, "plate"), (2.0, "nib"), (1.6, "thin"), (0.35, "segments"))
_THIN = {"thickness": (0.04, 0.1), "jitter": (0.0, 0.03)}
_BRUSH_RANGES = {  # of attributes of `Brush`, in the order in which they are sampled
    "painted": {"thickness": (0.07, 0.19), "jitter": (0.015, 0.055)},
    "plate": {"width": (0.34, 0.6), "thickness": (0.05, 0.09), "nib": (0.05, 0.16),
              "jitter": (0.0, 0.02)},
    "nib": {"thickness": (0.035, 0.07), "nib": (0.04, 0.12), "nib_angle": (-0.9, 0.9),
            "jitter": (0.01, 0.045)},
    "thin": _THIN,
    "segments": _THIN,
}  # fmt: skip


@dataclass(frozen=True)
class Brush:
    """What the stroked digits of one image have in common; lengths in units of a digit's height.

    Attributes:
        skeletons: for each digit from 0 to 9, which of its skeletons, as a fraction from 0 to 1.
        width: width of a digit that is not narrow by itself.
        thickness: diameter of the brush.
        nib: additional width of a broad nib; 0 for a round brush.
        nib_angle: direction of the nib in radians; 0 thickens upright strokes.
        jitter: standard deviation of the displacement of control points.
        balls: whether strokes end in balls and feet, as on old enamel plates.
        segments: whether digits are made of straight segments.
        handwritten: whether the skeletons of handwriting are used as well.
    """

    skeletons: tuple[float, ...]
    width: float
    thickness: float
    nib: float = 0.0
    nib_angle: float = 0.0
    jitter: float = 0.03
    balls: bool = False
    segments: bool = False
    handwritten: bool = False


def sample_brush(rng: Rng, kind: str | None = None) -> Brush:
    """Sample the brush of one image, of a kind of `_BRUSH_KINDS`; None samples the kind."""
    skeletons = tuple(rng.random() for _ in range(10))
    kind = kind or rng.weighted_choice(_BRUSH_KINDS)
    sampled = {"width": rng.uniform(0.38, 0.72)}
    for name, limits in _BRUSH_RANGES[kind].items():
        sampled[name] = rng.uniform(*limits)
    balls = kind == "plate" and rng.bernoulli(0.75)
    return Brush(skeletons, balls=balls, segments=kind == "segments", **sampled)


@functools.cache
def _catmull_rom(count: int, closed: bool, steps: int = 4) -> np.ndarray:
    """Return the matrix from `count` control points to a Catmull-Rom curve through them.

    The last point of a closed curve repeats its first.
    """
    padded = np.arange(-1, count + 1)
    padded = padded % (count - 1) if closed else np.clip(padded, 0, count - 1)
    basis = 0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]], float)
    weights = np.vander(np.linspace(0, 1, steps, endpoint=False), 4, increasing=True) @ basis
    matrix = np.zeros(((count - 1) * steps + 1, count))
    for piece, step, index in itertools.product(range(count - 1), range(steps), range(4)):
        matrix[piece * steps + step, padded[piece + index]] += weights[step, index]
    matrix[-1, -1] = 1.0
    return matrix


@functools.cache
def _skeletons(digit: str, handwritten: bool) -> list[str]:
    """Return a digit's skeletons as lines of `skeletons.txt`, those of handwriting if requested."""
    text = Path(__file__).with_name("skeletons.txt").read_text(encoding="utf-8")
    if not handwritten:
        text = text.partition("[handwritten]")[0]
    return [line[1:] for line in text.splitlines() if line.startswith(digit)]


@functools.cache
def _skeleton_curves(skeleton: str) -> tuple[tuple, ...]:
    """Return of each curve of a skeleton its control points, float64 (n, 2); their horizontal
    displacement if the digit leans and if it bows, (2, n); whether it is closed; and the matrix of
    `_catmull_rom` or None."""
    curves = []
    for curve in skeleton.split("|"):
        kind, *pairs = curve.split()
        points = np.array([pair.split(",") for pair in pairs], np.float64)
        closed = len(points) > 3 and (points[0] == points[-1]).all()
        interpolation = _catmull_rom(len(points), closed) if kind == "c" else None
        deformations = np.array([0.5 - points[:, 1], np.sin(np.pi * points[:, 1])])
        curves.append((points, deformations, closed, interpolation))
    return tuple(curves)


@functools.lru_cache(maxsize=64)
def _nib_kernel(length: int, angle: float) -> np.ndarray:
    kernel = np.zeros((length | 1, length | 1), np.uint8)
    centre, reach = length // 2, length / 2
    x, y = round(reach * np.cos(angle)), round(reach * np.sin(angle))
    cv2.line(kernel, (centre - x, centre - y), (centre + x, centre + y), 1, 1)
    return kernel


def _digit_curves(brush: Brush, digit: str, rng: Rng) -> list[np.ndarray]:
    """Return a digit's curves as points in units of its height: float64 (n, 2) each."""
    if brush.segments:
        ends = [SEGMENT_ENDS[name] for name in LIT_SEGMENTS[digit]]
        return [np.array([[a * 0.6, b / 2], [c * 0.6, d / 2]]) for a, b, c, d in ends]
    skeletons = _skeletons(digit, brush.handwritten)
    skeleton = skeletons[int(brush.skeletons[int(digit)] * len(skeletons))]
    # One slight deformation of the whole digit, and a displacement of each point.
    deformation = np.array((rng.normal(0, brush.jitter), rng.normal(0, brush.jitter)))
    curves = []
    for control, deformations, closed, interpolation in _skeleton_curves(skeleton):
        points = np.array(rng.normals(control.size, brush.jitter * 0.7)).reshape(-1, 2)
        if closed:
            points[-1] = points[0]
        points += control
        points[:, 0] += deformation @ deformations
        curves.append(points if interpolation is None else interpolation @ points)
    if brush.balls and digit in _FEET:
        curves.append(np.array(_FEET[digit]))
    return curves


def stroke_glyph(brush: Brush, digit: str, rng: Rng, antialias: bool = True) -> Glyph:
    """Render a digit as brush strokes, `GLYPH_HEIGHT` high plus or minus the brush's thickness.

    Antialiasing takes several times as long, and has no effect on a mask that is halved afterwards.
    """
    scale = np.array([GLYPH_HEIGHT * brush.width / 0.6, GLYPH_HEIGHT])
    curves = _digit_curves(brush, digit, rng)
    points = (curves[0] if len(curves) == 1 else np.concatenate(curves)) * scale
    margin = GLYPH_PAD + round(GLYPH_HEIGHT * (brush.thickness + brush.nib) / 2) + 1
    origin = np.minimum.reduce(points) - margin
    width, height = map(math.ceil, (np.maximum.reduce(points) + margin - origin).tolist())
    mask = blank_mask(height, width)
    # Lines without antialiasing are thinner, by 0.4 pixels on average.
    line_type, correction = (cv2.LINE_AA, 0.0) if antialias else (cv2.LINE_8, 0.4)
    thickness = max(2, round(GLYPH_HEIGHT * brush.thickness + correction))
    fixed = np.rint((points - origin) * 16).astype(np.int32)  # 4 fractional bits
    ends = itertools.accumulate(map(len, curves), initial=0)
    lines = [fixed[start:end] for start, end in itertools.pairwise(ends)]
    cv2.polylines(mask, lines, False, 255, thickness, line_type, 4)
    if brush.balls:
        radius = round(16 * GLYPH_HEIGHT * (0.045 + brush.nib / 2.6))
        for ball in _BALLS.get(digit, ()):
            centre = np.rint((np.array(ball) * scale - origin) * 16).astype(int).tolist()
            cv2.circle(mask, centre, radius, 255, -1, line_type, 4)
    if brush.nib:
        length = max(2, round(GLYPH_HEIGHT * brush.nib))
        mask = cv2.dilate(mask, _nib_kernel(length, brush.nib_angle))
    return Glyph(mask, float(GLYPH_HEIGHT - origin[1]))
