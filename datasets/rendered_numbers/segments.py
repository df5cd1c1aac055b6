"""Displays of seven segments: liquid crystals and lamps, of any thickness, slant and gap."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from datasets.rendered_numbers.blur import blurred
from datasets.rendered_numbers.layer import Layer
from datasets.rendered_numbers.panel import (
    Panel,
    can_be_turned,
    draw_digits,
    faces,
    grown,
    put_box,
    put_grain,
    put_words,
)
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.surfaces import Colour, dark_colour, mix, wall_colour

LENGTHS = ((14.0, 1), (10.0, 2), (16.0, 3), (18.0, 4), (14.0, 5), (12.0, 6), (8.0, 7), (8.0, 8))
"""(weight, digits)."""

_LIT = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc",
    "5": "afgcd", "6": "afgedc", "7": "abc", "8": "abcdefg", "9": "abcdfg",
}  # fmt: skip
# Ends of each segment in a box one wide and two high.
_ENDS = {"a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2),
         "e": (0, 1, 0, 2), "f": (0, 0, 0, 1), "g": (0, 1, 1, 1)}  # fmt: skip
_LAMPS = ((5.0, (255.0, 35.0, 25.0)), (2.5, (70.0, 255.0, 90.0)), (1.2, (80.0, 160.0, 255.0)),
          (1.2, (255.0, 160.0, 40.0)), (1.2, (225.0, 240.0, 255.0)), (0.8, (90.0, 255.0, 230.0)),
          )  # fmt: skip
_UNITS = ("kWh", "L", "kg", "LITRES", "EUR", "TOTAL", "g", "V", "mA", "°C", "AUTO", "HOLD",
          "SUM", "PRICE", "m/s", "bar", "km", "W")  # fmt: skip


@dataclass(frozen=True)
class Segments:
    """The form of a display's digits; lengths are in units of a digit's height.

    Attributes:
        width: between the middles of the upright segments.
        thickness: of a segment.
        gap: cut off each end of a segment, in units of its thickness.
        ends: "pointed", "straight" or "mitred" (as wide outside as an image frame's sides).
        slant: to the right for each unit up.
        pitch: from one digit to the next.
        tails: whether 6, 7 and 9 have their optional segments.
    """

    width: float
    thickness: float
    gap: float
    ends: str
    slant: float
    pitch: float
    tails: tuple[bool, bool, bool]


def draw_segments(chance: Rng, height: float) -> Segments:
    """Draw the form of digits that are `height` pixels high: small ones are not thin."""
    thickness = chance.log_uniform(min(max(0.035, 2.0 / height), 0.1), 0.19)
    width = chance.uniform(0.38, 0.6) - 0.4 * thickness
    ends = chance.weighted(((4.0, "pointed"), (2.0, "straight"), (4.0, "mitred")))
    slant = 0.0 if chance.happens(0.35) else chance.uniform(0.04, 0.22)
    pitch = width + thickness + chance.uniform(0.12, 0.45)
    gap = chance.uniform(-0.15, 0.4) if ends == "pointed" else chance.uniform(0.0, 0.35)
    tails = chance.happens(0.85), chance.happens(0.12), chance.happens(0.9)
    return Segments(width, thickness, gap, ends, slant, pitch, tails)


def _lit(digit: str, form: Segments) -> str:
    six, seven, nine = form.tails
    if digit == "6" and not six:
        return "fgedc"
    if digit == "7" and seven:
        return "abcf"
    if digit == "9" and not nine:
        return "abcfg"
    return _LIT[digit]


def _polygon(name: str, form: Segments, height: float) -> np.ndarray:
    """Corners of a segment in a digit's box: float64 (n, 2), in pixels."""
    half = form.thickness / 2
    x0, y0, x1, y1 = _ENDS[name]
    wide, high = form.width, 0.5 - half
    start = np.array([half + x0 * wide, half + y0 * high])
    end = np.array([half + x1 * wide, half + y1 * high])
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length
    across = np.array([-along[1], along[0]])
    cut = min(form.gap * form.thickness, 0.13 * length)
    start, end, length = start + cut * along, end - cut * along, length - 2 * cut
    if form.ends == "straight" and name != "g":
        points = [start + half * across, end + half * across,
                  end - half * across, start - half * across]  # fmt: skip
    elif form.ends == "mitred" and name != "g":
        # The side on the outside of the digit is the longer one.
        middle = np.array([half + wide / 2, 0.5])
        outward = across if (start + end - 2 * middle) @ across > 0 else -across
        # Towards a corner it runs on to the corner's outside, towards the middle bar to its middle.
        inner = min(half, 0.4 * length)
        first, last = (0.0 if name in "ce" else half), (0.0 if name in "bf" else half)
        side, lift = half * outward, inner * along
        points = [start - first * along + side, end + last * along + side, end - lift - side,
                  start + lift - side]  # fmt: skip
    else:
        half = min(half, 0.5 * length)
        points = [start, start + half * (along + across), end + half * (across - along), end,
                  end - half * (along + across), start + half * (along - across)]  # fmt: skip
    points = np.array(points) * height
    points[:, 0] += form.slant * (height - points[:, 1])
    return points


def _put_digits(
    masks: tuple[np.ndarray, np.ndarray],
    text: str,
    point: int,
    corner: tuple[float, float],
    form: Segments,
    height: float,
    radius: float,
) -> list[np.ndarray]:
    """Draw digits into the masks of lit and of unlit segments.

    Args:
        masks: uint8 (h, w) each, changed in place.
        text: digits, and spaces for places that are dark.
        point: how many digits stand before the decimal point; 0 for none.
        corner: x and y of the upper left corner of the first place, in pixels.
        form: the digits' form.
        height: of a digit, in pixels.
        radius: of the point, in units of the height.

    Returns:
        The convex hull of each digit: float32 (n, 2).
    """
    lit, unlit = masks
    hulls: list[np.ndarray] = []
    room = (form.pitch - form.width - form.thickness) * height
    for place, digit in enumerate(text):
        left_top = np.array([corner[0] + place * form.pitch * height, corner[1]])
        shown = _lit(digit, form) if digit != " " else ""
        parts = []
        for name in "abcdefg":
            points = _polygon(name, form, height) + left_top
            _fill(lit if name in shown else unlit, points)
            if name in shown:
                parts.append(points)
        if parts:
            hulls.append(cv2.convexHull(np.concatenate(parts).astype(np.float32))[:, 0])
        if place < len(text) - 1:
            # The point stands at the digit's lower right, in the gap to the next one.
            right = height * (form.width + form.thickness) + room / 2
            middle = left_top + np.array([right, height * (1 - radius)]) - 0.5
            size = max(round(min(radius * height, 0.42 * room) * 16), 12)
            mask = lit if parts and point and len(hulls) == point else unlit
            cv2.circle(mask, np.rint(middle * 16).astype(int).tolist(), size, 255, -1,
                       cv2.LINE_AA, 4)  # fmt: skip
    return hulls


def _fill(mask: np.ndarray, points: np.ndarray) -> None:
    cv2.fillPoly(mask, [np.rint((points - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)


def _colours(lamp: bool, chance: Rng) -> tuple[Colour, Colour]:
    """Ground and ink."""
    if lamp:
        colour = chance.weighted(_LAMPS)
        ground = mix((8.0, 8.0, 9.0), colour, chance.uniform(0.0, 0.09))
        if chance.happens(0.2):
            ground = mix(ground, (70.0, 72.0, 75.0), chance.uniform(0.2, 1.0))
        return ground, mix(ground, colour, chance.uniform(0.55, 1.0))
    kind = chance.weighted(((6.0, "grey"), (2.0, "green"), (1.5, "blue"), (1.0, "amber"),
                            (1.5, "negative")))  # fmt: skip
    if kind == "negative":
        ground = chance.choice(((20.0, 40.0, 140.0), (15.0, 15.0, 20.0), (60.0, 70.0, 75.0)))
        return ground, mix(ground, (200.0, 235.0, 240.0), chance.uniform(0.6, 1.0))
    grey = chance.uniform(80, 205)
    ground = (grey - chance.uniform(0, 25), grey, grey - chance.uniform(0, 50))
    if kind == "green":
        ground = (grey * chance.uniform(0.4, 0.8), grey, grey * chance.uniform(0.3, 0.6))
    elif kind == "blue":
        ground = (grey * chance.uniform(0.3, 0.7), grey * 0.95, grey)
    elif kind == "amber":
        ground = (grey, grey * chance.uniform(0.7, 0.9), grey * chance.uniform(0.2, 0.5))
    return ground, mix(ground, (18.0, 24.0, 32.0), chance.uniform(0.45, 0.97))


def draw_display(chance: Rng, height: float, lamp: bool | None = None) -> Panel:
    """Draw a display of seven segments.

    Args:
        chance: source of chance.
        height: height of a digit, in pixels.
        lamp: whether its segments shine on dark ground, as against liquid crystal; None draws it.
    """
    lamp = chance.happens(0.45) if lamp is None else lamp
    form = draw_segments(chance, height)
    number = draw_digits(chance.weighted(LENGTHS), chance, zeros=0.15)
    if len(number) == 1 and chance.happens(0.3):
        number = chance.choice("01")
    point = 1 + chance.below(len(number) - 1) if len(number) > 1 and chance.happens(0.45) else 0
    blanks = chance.below(4) if chance.happens(0.35) else 0
    margin = 1.4 * height
    columns = round(2 * margin + (len(number) + blanks) * form.pitch * height + form.slant * height)
    rows = round(2 * margin + height)
    lit, unlit = np.zeros((rows, columns), np.uint8), np.zeros((rows, columns), np.uint8)
    radius = max(0.5 * form.thickness * chance.uniform(1.0, 1.6), 0.03)
    masks = lit, unlit
    hulls = _put_digits(masks, " " * blanks + number, point, (margin, margin), form, height, radius)
    second = chance.happens(0.12)
    if second:  # the price beside the amount, the time below the speed: smaller, below or above
        small, other = height * chance.uniform(0.35, 0.5), draw_digits(1 + chance.below(5), chance)
        x = max(columns - margin - len(other) * form.pitch * small, margin)
        y = margin + 1.25 * height if chance.happens(0.6) else margin - 0.25 * height - small
        _put_digits(masks, other, chance.below(len(other)), (x, y), form, small, radius)
    layer = Layer(rows, columns)
    inside = (margin, margin, columns - margin, rows - margin)
    low = 0.9 if second else chance.uniform(0.12, 0.6)
    window = grown(inside, height * chance.uniform(0.15, 0.9), height * low)
    case = wall_colour(chance) if chance.happens(0.5) else dark_colour(chance)
    outer = grown(window, height * chance.uniform(0.05, 0.4), height * chance.uniform(0.05, 0.4))
    put_box(layer, outer, case, 1.0, height * chance.uniform(0, 0.3))
    ground, ink = _colours(lamp, chance)
    put_box(layer, window, ground, 1.0, height * chance.uniform(0, 0.12))
    if not lamp and chance.happens(0.4):
        put_grain(layer, chance.choice(("plain", "stains")), chance.uniform(0.02, 0.08), chance)
    ghost = chance.uniform(0.02, 0.17) if chance.happens(0.55 if not lamp else 0.35) else 0.0
    if ghost:
        layer.put(unlit, ink, ghost)
    if lamp:
        glow = blurred(lit, height * chance.uniform(0.03, 0.16))
        layer.put(glow, ink, chance.uniform(0.05, 0.6))
    elif chance.happens(0.4):  # the shadow that a crystal casts on the mirror behind it
        shift = np.array([[1, 0, 0.04 * height], [0, 1, 0.05 * height]])
        layer.put(cv2.warpAffine(lit, shift, (columns, rows)), ink, chance.uniform(0.05, 0.25))
    layer.put(lit, ink)
    if lamp and chance.happens(0.4):  # the middle of a bright lamp is overexposed
        core = cv2.erode(lit, np.ones((3, 3), np.uint8))
        layer.put(core, (255.0, 250.0, 240.0), chance.uniform(0.2, 0.8))
    if not second and chance.happens(0.4):
        unit, size = chance.choice(_UNITS), height * chance.uniform(0.14, 0.36)
        above = chance.happens(0.5)
        y = (margin - 0.85 * size) if above else (rows - margin + 0.95 * size)
        x = chance.uniform(margin, columns - margin)
        colour = ink if chance.happens(0.5) else mix(case, (255.0, 255.0, 255.0), 0.8)
        put_words(layer, unit, chance.choice(faces("Roboto", "Lato", "DejaVuSans")), (x, y), size,
                  colour, chance, keep=grown(inside, 0, 0.08 * height))  # fmt: skip
    return Panel(layer, number, hulls, height, inside, turnable=can_be_turned(number))
