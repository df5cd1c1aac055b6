"""Digits drawn as strokes: painted by hand, wrought, stencilled, or of a plate maker's cut.

Fonts are too regular for the numbers that people paint on their walls. Here a digit is a
skeleton of a few curves whose control points are moved at random, once for all digits of a
image and once more for each digit, then drawn with a round brush or a broad nib.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from datasets.rendered_numbers.fonts import HEIGHT, PAD, Glyph, even
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.written_forms import WRITTEN

# Control points (x, y) in a box one unit high, y downwards. "c" passes smoothly through its
# points, "l" joins them with straight lines. A curve's first point is where a pen starts.
_O = ((0.3, 0.0), (0.085, 0.14), (0.0, 0.5), (0.085, 0.86), (0.3, 1.0))
_O += ((0.515, 0.86), (0.6, 0.5), (0.515, 0.14), (0.3, 0.0))
_O_CORNERED = ((0.12, 0.0), (0.48, 0.0), (0.6, 0.12), (0.6, 0.88), (0.48, 1.0))
_O_CORNERED += ((0.12, 1.0), (0.0, 0.88), (0.0, 0.12), (0.12, 0.0))
_TOP_LOOP = ((0.3, 0.0), (0.08, 0.08), (0.05, 0.25), (0.15, 0.4), (0.3, 0.47))
_TOP_LOOP += ((0.45, 0.4), (0.55, 0.25), (0.52, 0.08), (0.3, 0.0))
_LOW_LOOP = ((0.3, 0.47), (0.09, 0.56), (0.0, 0.73), (0.08, 0.92), (0.3, 1.0))
_LOW_LOOP += ((0.52, 0.92), (0.6, 0.73), (0.51, 0.56), (0.3, 0.47))
_S = ((0.5, 0.1), (0.3, 0.0), (0.08, 0.1), (0.08, 0.32), (0.3, 0.47), (0.53, 0.6), (0.56, 0.85))
_S += ((0.3, 1.0), (0.05, 0.87), (0.08, 0.62), (0.3, 0.47), (0.5, 0.33), (0.52, 0.13), (0.48, 0.08))
_SIX = ((0.52, 0.06), (0.3, 0.08), (0.08, 0.38), (0.0, 0.68), (0.08, 0.92), (0.3, 1.0))
_SIX += ((0.53, 0.9), (0.58, 0.68), (0.48, 0.48), (0.28, 0.46), (0.06, 0.6), (0.0, 0.7))
_SIX_STRAIGHT = ((0.45, 0.0), (0.22, 0.3), (0.03, 0.62), (0.08, 0.92), (0.3, 1.0), (0.54, 0.9))
_SIX_STRAIGHT += ((0.58, 0.67), (0.42, 0.48), (0.2, 0.52), (0.04, 0.68))
_SIX_HOOK = ((0.52, 0.16), (0.42, 0.02), (0.24, 0.02), (0.06, 0.22), (0.0, 0.55), (0.05, 0.88))
_SIX_HOOK += ((0.3, 1.0), (0.55, 0.87), (0.58, 0.65), (0.42, 0.46), (0.2, 0.48), (0.03, 0.62))
_TWO = ((0.04, 0.22), (0.12, 0.04), (0.32, 0.0), (0.54, 0.1), (0.55, 0.32), (0.38, 0.6))
_THREE_TOP = ((0.04, 0.14), (0.2, 0.0), (0.46, 0.05), (0.53, 0.24), (0.42, 0.41), (0.22, 0.46))
_THREE_LOW = ((0.22, 0.46), (0.48, 0.53), (0.58, 0.74), (0.48, 0.94), (0.24, 1.0), (0.0, 0.86))
_FIVE_BOW = ((0.1, 0.46), (0.32, 0.38), (0.54, 0.5), (0.58, 0.7), (0.48, 0.92), (0.24, 1.0))
_FIVE_BOW += ((0.0, 0.88),)

Skeleton = tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
_SKELETONS: dict[str, tuple[Skeleton, ...]] = {
    "0": (*((("c", _O),),) * 4, (("l", _O_CORNERED),)),
    "1": (
        (("l", ((0.25, 0.0), (0.25, 1.0))),),
        (("l", ((0.0, 0.2), (0.25, 0.0), (0.25, 1.0))),),
        (("c", ((0.0, 0.24), (0.16, 0.14), (0.25, 0.0))), ("l", ((0.25, 0.0), (0.25, 1.0)))),
        (("l", ((0.05, 0.17), (0.27, 0.0), (0.27, 1.0))), ("l", ((0.03, 1.0), (0.52, 1.0)))),
        (("l", ((0.0, 0.34), (0.34, 0.0), (0.34, 1.0))),),
    ),
    "2": (
        (("c", (*_TWO, (0.0, 1.0))), ("l", ((0.0, 1.0), (0.58, 1.0)))),
        (("c", (*_TWO, (0.16, 0.8), (0.0, 1.0), (0.2, 0.93), (0.4, 0.99), (0.6, 0.94))),),
        (("c", (*_TWO, (0.12, 0.95), (0.02, 0.9), (0.14, 0.82), (0.36, 0.96), (0.62, 0.92))),),
        (("l", ((0.0, 0.05), (0.55, 0.0), (0.55, 0.4), (0.0, 1.0), (0.58, 1.0))),),
    ),
    "3": (
        (("c", _THREE_TOP), ("c", _THREE_LOW)),
        (("c", _THREE_TOP), ("c", _THREE_LOW)),
        (
            ("l", ((0.03, 0.0), (0.54, 0.0), (0.24, 0.4))),
            ("c", ((0.24, 0.4), (0.5, 0.48), (0.58, 0.7), (0.48, 0.92), (0.24, 1.0), (0.0, 0.88))),
        ),
    ),
    "4": (
        (("l", ((0.44, 1.0), (0.44, 0.0), (0.0, 0.68), (0.62, 0.68))),),
        (("l", ((0.1, 0.0), (0.02, 0.55), (0.6, 0.55))), ("l", ((0.45, 0.1), (0.42, 1.0)))),
        (("l", ((0.32, 0.0), (0.0, 0.7), (0.62, 0.7))), ("l", ((0.44, 0.4), (0.44, 1.0)))),
        (
            ("l", ((0.44, 1.0), (0.44, 0.0), (0.0, 0.72), (0.62, 0.72))),
            ("l", ((0.28, 1.0), (0.6, 1.0))),
        ),
    ),
    "5": (
        (("l", ((0.52, 0.0), (0.12, 0.0), (0.06, 0.46))), ("c", ((0.06, 0.46), *_FIVE_BOW[1:]))),
        (("l", ((0.1, 0.03), (0.1, 0.46))), ("c", _FIVE_BOW), ("l", ((0.1, 0.02), (0.55, 0.0)))),
        (
            ("c", ((0.12, 0.02), (0.3, 0.06), (0.54, 0.0))),
            ("l", ((0.12, 0.02), (0.08, 0.46))),
            ("c", ((0.08, 0.46), *_FIVE_BOW[1:])),
        ),
    ),
    "6": ((("c", _SIX),), (("c", _SIX_STRAIGHT),), (("c", _SIX_HOOK),)),
    "7": (
        (("l", ((0.0, 0.0), (0.57, 0.0), (0.2, 1.0))),),
        (("l", ((0.0, 0.0), (0.56, 0.0))), ("c", ((0.56, 0.0), (0.34, 0.45), (0.22, 1.0)))),
        (("l", ((0.0, 0.0), (0.57, 0.0), (0.17, 1.0))), ("l", ((0.14, 0.5), (0.52, 0.48)))),
        (
            ("c", ((0.0, 0.14), (0.04, 0.0), (0.28, 0.04), (0.57, 0.0))),
            ("c", ((0.57, 0.0), (0.32, 0.48), (0.2, 1.0))),
        ),
        (
            ("l", ((0.02, 0.16), (0.02, 0.0), (0.57, 0.0))),
            ("c", ((0.57, 0.0), (0.36, 0.5), (0.28, 1.0))),
        ),
    ),
    "8": ((("c", _TOP_LOOP), ("c", _LOW_LOOP)), (("c", _S),), (("c", _TOP_LOOP), ("c", _LOW_LOOP))),
}


# A nine is a six turned round.
def _turned(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    return tuple((0.6 - x, 1.0 - y) for x, y in points)


_SKELETONS["9"] = (
    *(tuple((kind, _turned(points)) for kind, points in six) for six in _SKELETONS["6"]),
    (("c", _turned(_SIX[3:])), ("l", ((0.58, 0.3), (0.57, 1.0)))),
)
_SERIFS = {"1": ((0.0, 1.0), (0.5, 1.0)), "4": ((0.26, 1.0), (0.62, 1.0)), "7": None}
_BALLS = {"2": ((0.1, 0.22),), "3": ((0.08, 0.17), (0.05, 0.84)), "5": ((0.06, 0.84),),
          "6": ((0.5, 0.13),), "9": ((0.1, 0.87),)}  # fmt: skip
_SEGMENTS = {"0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd",
             "6": "afgedc", "7": "abc", "8": "abcdefg", "9": "abcdfg"}  # fmt: skip
_SEGMENT_ENDS = {"a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2),
                 "e": (0, 1, 0, 2), "f": (0, 0, 0, 1), "g": (0, 1, 1, 1)}  # fmt: skip


_KINDS = ((4.0, "painted"), (2.6, "plate"), (2.0, "nib"), (1.6, "thin"), (0.35, "segments"))


@dataclass(frozen=True)
class Brush:
    """How all digits of one image are drawn.

    Attributes:
        forms: for each digit, which of its skeletons.
        width: width of a digit over its height, for a digit that is not narrow by itself.
        thickness: width of the brush in units of the digit's height.
        nib: further width of a broad nib, in the same unit; 0 is a round brush.
        nib_angle: direction of the nib in radians; 0 thickens upright strokes.
        jitter: how far a digit's control points move, in units of its height.
        balls: whether strokes end in balls and feet, as on old enamel plates.
        segments: whether digits are made of straight segments.
        written: whether the forms of `written_forms` are drawn as well.
    """

    forms: tuple[float, ...]
    width: float
    thickness: float
    nib: float
    nib_angle: float
    jitter: float
    balls: bool
    segments: bool
    written: bool = False


def draw_brush(chance: Rng, kind: str | None = None) -> Brush:
    """Draw how the strokes of one image look.

    Args:
        chance: source of chance.
        kind: "painted", "plate", "nib", "thin" or "segments"; drawn too where it is None.
    """
    forms = tuple(chance.unit() for _ in range(10))
    kind = kind or chance.weighted(_KINDS)
    width, thickness, nib, angle, jitter = chance.uniform(0.38, 0.72), 0.1, 0.0, 0.0, 0.03
    if kind == "painted":
        thickness, jitter = chance.uniform(0.07, 0.19), chance.uniform(0.015, 0.055)
    elif kind == "plate":
        width, thickness = chance.uniform(0.34, 0.6), chance.uniform(0.05, 0.09)
        nib, jitter = chance.uniform(0.05, 0.16), chance.uniform(0.0, 0.02)
    elif kind == "nib":
        thickness, nib = chance.uniform(0.035, 0.07), chance.uniform(0.04, 0.12)
        angle, jitter = chance.uniform(-0.9, 0.9), chance.uniform(0.01, 0.045)
    else:
        thickness, jitter = chance.uniform(0.04, 0.1), chance.uniform(0.0, 0.03)
    balls = kind == "plate" and chance.happens(0.75)
    return Brush(forms, width, thickness, nib, angle, jitter, balls, kind == "segments")


@functools.cache
def _smoothing(count: int, closed: bool, steps: int = 4) -> np.ndarray:
    """Matrix that takes `count` points to a Catmull-Rom curve through them.

    A closed curve's last point is its first one once more.
    """
    padded = np.arange(-1, count + 1)
    padded = padded % (count - 1) if closed else np.clip(padded, 0, count - 1)
    basis = 0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]], float)
    powers = np.vander(np.linspace(0, 1, steps, endpoint=False), 4, increasing=True) @ basis
    rows = np.zeros(((count - 1) * steps + 1, count))
    for piece in range(count - 1):
        for step in range(steps):
            for place in range(4):
                rows[piece * steps + step, padded[piece + place]] += powers[step, place]
    rows[-1, -1] = 1.0
    return rows


class _Curve(NamedTuple):
    """A curve of a skeleton.

    Attributes:
        points: its control points: float64 (n, 2).
        sways: how far each moves across if the digit leans, and if it bows: float64 (2, n).
        closed: whether it ends where it starts.
        smoothing: what `_smoothing` returns, or None if straight lines join the points.
    """

    points: np.ndarray
    sways: np.ndarray
    closed: bool
    smoothing: np.ndarray | None


@functools.cache
def _form(digit: str, form: int) -> tuple[_Curve, ...]:
    curves = []
    for kind, points in (*_SKELETONS[digit], *WRITTEN[digit])[form]:
        closed = len(points) > 3 and points[0] == points[-1]
        smoothing = _smoothing(len(points), closed) if kind == "c" else None
        points = np.array(points)
        sways = np.array([0.5 - points[:, 1], np.sin(np.pi * points[:, 1])])
        curves.append(_Curve(points, sways, closed, smoothing))
    return tuple(curves)


@functools.lru_cache(maxsize=64)
def _nib(length: int, angle: float) -> np.ndarray:
    kernel = np.zeros((length | 1, length | 1), np.uint8)
    middle, reach = length // 2, length / 2
    offset = (round(reach * np.cos(angle)), round(reach * np.sin(angle)))
    cv2.line(kernel, (middle - offset[0], middle - offset[1]),
             (middle + offset[0], middle + offset[1]), 1, 1)  # fmt: skip
    return kernel


def _curves(brush: Brush, digit: str, chance: Rng) -> list[np.ndarray]:
    """The digit's strokes as points in units of its height."""
    if brush.segments:
        ends = [_SEGMENT_ENDS[name] for name in _SEGMENTS[digit]]
        return [np.array([[a * 0.6, b / 2], [c * 0.6, d / 2]]) for a, b, c, d in ends]
    forms = len(_SKELETONS[digit]) + (len(WRITTEN[digit]) if brush.written else 0)
    form = int(brush.forms[int(digit)] * forms)
    # One slight bend for the whole digit, and a move of each point.
    lean, bow = chance.normal(0, brush.jitter), chance.normal(0, brush.jitter)
    curves = []
    for points, sways, closed, smoothing in _form(digit, form):
        moved = np.array(chance.normals(points.size, brush.jitter * 0.7)).reshape(-1, 2)
        if closed:
            moved[-1] = moved[0]
        moved += points
        moved[:, 0] += np.array((lean, bow)) @ sways
        curves.append(moved if smoothing is None else smoothing @ moved)
    if brush.balls and _SERIFS.get(digit):
        curves.append(np.array(_SERIFS[digit]))
    return curves


def stroke_glyph(brush: Brush, digit: str, chance: Rng, smooth: bool = True) -> Glyph:
    """Draw one digit.

    Args:
        brush: the look shared by the image's digits.
        digit: one of "0" to "9".
        chance: source of what differs from digit to digit.
        smooth: whether its edges are; takes several times as long, and is lost on a mask that is
            halved anyway.

    Returns:
        The digit as a mask, `HEIGHT` pixels high up to the brush's thickness.
    """
    scale = np.array([HEIGHT * brush.width / 0.6, HEIGHT])
    curves = _curves(brush, digit, chance)
    points = (curves[0] if len(curves) == 1 else np.concatenate(curves)) * scale
    margin = PAD + round(HEIGHT * (brush.thickness + brush.nib) / 2) + 1
    low = np.minimum.reduce(points) - margin
    across, down = (np.maximum.reduce(points) + margin - low).tolist()
    width, height = math.ceil(across), math.ceil(down)
    mask = np.zeros((even(height), even(width)), np.uint8)
    # Lines without smooth edges come out thinner, by 0.4 pixels in the mean.
    edge, thinner = (cv2.LINE_AA, 0.0) if smooth else (cv2.LINE_8, 0.4)
    thickness = max(2, round(HEIGHT * brush.thickness + thinner))
    # Four fractional bits: points fall between pixels.
    fixed = np.rint((points - low) * 16).astype(np.int32)
    ends = itertools.accumulate(map(len, curves), initial=0)
    lines = [fixed[start:end] for start, end in itertools.pairwise(ends)]
    cv2.polylines(mask, lines, False, 255, thickness, edge, 4)
    if brush.balls:
        radius = round(16 * HEIGHT * (0.045 + brush.nib / 2.6))
        for ball in _BALLS.get(digit, ()):
            centre = np.rint((np.array(ball) * scale - low) * 16).astype(int).tolist()
            cv2.circle(mask, centre, radius, 255, -1, edge, 4)
    if brush.nib:
        length = max(2, round(HEIGHT * brush.nib))
        mask = cv2.dilate(mask, _nib(length, brush.nib_angle))
    return Glyph(mask, float(HEIGHT - low[1]))
