"""Seven-segment displays, liquid crystal or light-emitting, of any thickness, slant and gap."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .colours import WHITE, dark_colour, mix, wall_colour
from .drawing import Box, Colour, Layer, blurred, expand, fill_circle, fill_polygon
from .fonts import faces
from .glyphs import LIT_SEGMENTS, SEGMENT_ENDS
from .planar_object import PlanarObject, add_grain, paint_words, sample_digits
from .rng import Rng

_DISPLAY_LENGTHS = ((14.0, 1), (10.0, 2), (16.0, 3), (18.0, 4), (14.0, 5), (12.0, 6), (8.0, 7),
                    (8.0, 8))  # fmt: skip
_SEGMENT_LAMPS = (
    (5.0, (255.0, 35.0, 25.0)), (2.5, (70.0, 255.0, 90.0)), (1.2, (80.0, 160.0, 255.0)),
    (1.2, (255.0, 160.0, 40.0)), (1.2, (225.0, 240.0, 255.0)), (0.8, (90.0, 255.0, 230.0)),
)  # fmt: skip
_DISPLAY_UNITS = ("kWh", "L", "kg", "LITRES", "EUR", "TOTAL", "g", "V", "mA", "°C", "AUTO", "HOLD",
                  "SUM", "PRICE", "m/s", "bar", "km", "W")  # fmt: skip

_COLON_WIDTH = 0.45  # of the place of a colon, in units of a digit's


@dataclass(frozen=True)
class SegmentShape:
    """The shape of a display's digits; lengths are in units of a digit's height.

    Attributes:
        width: distance between the centres of the upright segments.
        thickness: thickness of a segment.
        gap: length cut off each end of a segment, in units of its thickness.
        ends: "pointed", "straight" or "mitred".
        slant: horizontal shear: distance to the right for each unit up.
        pitch: distance between adjacent digits.
        lit: names of the lit segments of each digit: 6, 7 and 9 have optional ones.
        point_radius: radius of a decimal point.
    """

    width: float
    thickness: float
    gap: float
    ends: str
    slant: float
    pitch: float
    lit: dict[str, str]
    point_radius: float = 0.0


def _sample_shape(rng: Rng, height: float) -> SegmentShape:
    """Sample the shape of digits of a height in pixels; small ones are not thin."""
    thickness = rng.log_uniform(min(max(0.035, 2.0 / height), 0.1), 0.19)
    width = rng.uniform(0.38, 0.6) - 0.4 * thickness
    ends = rng.weighted_choice(((4.0, "pointed"), (2.0, "straight"), (4.0, "mitred")))
    slant = 0.0 if rng.bernoulli(0.35) else rng.uniform(0.04, 0.22)
    pitch = width + thickness + rng.uniform(0.12, 0.45)
    gap = rng.uniform(-0.15, 0.4) if ends == "pointed" else rng.uniform(0.0, 0.35)
    lit = LIT_SEGMENTS | {
        "6": "afgedc" if rng.bernoulli(0.85) else "fgedc",
        "7": "abcf" if rng.bernoulli(0.3) else "abc",
        "9": "abcdfg" if rng.bernoulli(0.9) else "abcfg",
    }
    return SegmentShape(width, thickness, gap, ends, slant, pitch, lit)


def _segment_polygon(name: str, shape: SegmentShape, height: float) -> np.ndarray:
    """Return the corners of a segment relative to the digit's top left: float64 (n, 2), pixels."""
    half = shape.thickness / 2
    x0, y0, x1, y1 = SEGMENT_ENDS[name]
    start = np.array([half + x0 * shape.width, half + y0 * (0.5 - half)])
    end = np.array([half + x1 * shape.width, half + y1 * (0.5 - half)])
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length
    across = np.array([-along[1], along[0]])
    cut = min(shape.gap * shape.thickness, 0.13 * length)
    start, end, length = start + cut * along, end - cut * along, length - 2 * cut
    if shape.ends == "straight" and name != "g":
        points = [start + half * across, end + half * across,
                  end - half * across, start - half * across]  # fmt: skip
    elif shape.ends == "mitred" and name != "g":
        # The side on the outside of the digit is longer: it extends to the corners, while the
        # sides at the middle segment meet at its centre.
        middle = np.array([half + shape.width / 2, 0.5])
        outward = across if (start + end - 2 * middle) @ across > 0 else -across
        extend_start = (0.0 if name in "ce" else half) * along
        extend_end = (0.0 if name in "bf" else half) * along
        side, inset = half * outward, min(half, 0.4 * length) * along
        points = [start - extend_start + side, end + extend_end + side, end - inset - side,
                  start + inset - side]  # fmt: skip
    else:
        half = min(half, 0.5 * length)
        points = [start, start + half * (along + across), end + half * (across - along), end,
                  end - half * (along + across), start + half * (along - across)]  # fmt: skip
    points = np.array(points) * height
    points[:, 0] += shape.slant * (height - points[:, 1])
    return points


def _places(text: str) -> float:
    """Return the width of characters in units of a digit's place."""
    return len(text) - (1 - _COLON_WIDTH) * text.count(":")


def _paint_colon(mask: np.ndarray, corner: np.ndarray, shape: SegmentShape, height: float) -> None:
    """Paint the two dots of a colon, whose place has an upper left corner in pixels."""
    gap = shape.pitch - shape.width - shape.thickness
    radius = max(min(1.2 * shape.point_radius, 0.45 * (_COLON_WIDTH * shape.pitch + gap)), 0.03)
    for y in (0.3, 0.7):
        x = (_COLON_WIDTH * shape.pitch - gap) / 2 + shape.slant * (1 - y)
        fill_circle(mask, *(corner + height * np.array([x, y]) - 0.5), max(radius * height, 0.75))


def _paint_digits(
    masks: np.ndarray,
    text: str,
    point: int,
    position: tuple[float, float],
    shape: SegmentShape,
    height: float,
) -> list[np.ndarray]:
    """Paint digits and decimal points on masks of unlit and of lit segments, uint8 (2, h, w).

    `text` has spaces for unlit places and colons, `point` is the number of digits before the
    decimal point, 0 for no point, and `position` the first place's upper left corner. Returns the
    digits' hulls.
    """
    hulls: list[np.ndarray] = []
    gap = (shape.pitch - shape.width - shape.thickness) * height
    for index, digit in enumerate(text):
        corner = np.array([position[0] + _places(text[:index]) * shape.pitch * height, position[1]])
        if digit == ":":
            _paint_colon(masks[1], corner, shape, height)
            continue
        lit_names = shape.lit.get(digit, "")
        polygons = []
        for name in "abcdefg":
            polygon = _segment_polygon(name, shape, height) + corner
            fill_polygon(masks[int(name in lit_names)], polygon)
            if name in lit_names:
                polygons.append(polygon)
        if polygons:
            hulls.append(cv2.convexHull(np.concatenate(polygons).astype(np.float32))[:, 0])
        if index < len(text) - 1 and ":" not in text:
            # The point is at the digit's lower right, in the gap to the next one.
            x = height * (shape.width + shape.thickness) + gap / 2
            centre = corner + np.array([x, height * (1 - shape.point_radius)]) - 0.5
            radius = max(min(shape.point_radius * height, 0.42 * gap), 0.75)
            is_lit = bool(polygons and point and len(hulls) == point)
            fill_circle(masks[int(is_lit)], *centre, radius)
    return hulls


def _sample_colours(emits_light: bool, rng: Rng) -> tuple[Colour, Colour]:
    """Sample the colours of ground and lit segments."""
    if emits_light:
        lamp = rng.weighted_choice(_SEGMENT_LAMPS)
        ground = mix((8.0, 8.0, 9.0), lamp, rng.uniform(0.0, 0.09))
        if rng.bernoulli(0.2):
            ground = mix(ground, (70.0, 72.0, 75.0), rng.uniform(0.2, 1.0))
        return ground, mix(ground, lamp, rng.uniform(0.55, 1.0))
    kind = rng.weighted_choice(
        ((6.0, "grey"), (2.0, "green"), (1.5, "blue"), (1.0, "amber"), (1.5, "negative"))
    )
    if kind == "negative":
        ground = rng.choice(((20.0, 40.0, 140.0), (15.0, 15.0, 20.0), (60.0, 70.0, 75.0)))
        return ground, mix(ground, (200.0, 235.0, 240.0), rng.uniform(0.6, 1.0))
    grey = rng.uniform(80, 205)
    ground = (grey - rng.uniform(0, 25), grey, grey - rng.uniform(0, 50))
    if kind == "green":
        ground = (grey * rng.uniform(0.4, 0.8), grey, grey * rng.uniform(0.3, 0.6))
    elif kind == "blue":
        ground = (grey * rng.uniform(0.3, 0.7), grey * 0.95, grey)
    elif kind == "amber":
        ground = (grey, grey * rng.uniform(0.7, 0.9), grey * rng.uniform(0.2, 0.5))
    return ground, mix(ground, (18.0, 24.0, 32.0), rng.uniform(0.45, 0.97))


def _render_case(
    masks: np.ndarray, window: Box, emits_light: bool, height: float, rng: Rng
) -> tuple[Layer, Colour, Colour]:
    """Render a display's case and window with its segments.

    Returns the layer, and the colours of the case and of lit segments.
    """
    unlit, lit = masks
    layer = Layer(*lit.shape)
    case = wall_colour(rng) if rng.bernoulli(0.5) else dark_colour(rng)
    outer = expand(window, height * rng.uniform(0.05, 0.4), height * rng.uniform(0.05, 0.4))
    layer.paint_box(outer, case, 1.0, height * rng.uniform(0, 0.3))
    ground, ink = _sample_colours(emits_light, rng)
    layer.paint_box(window, ground, 1.0, height * rng.uniform(0, 0.12))
    if not emits_light and rng.bernoulli(0.4):
        add_grain(layer, rng.choice(("plain", "stains")), rng.uniform(0.02, 0.08), rng)
    if rng.bernoulli(0.35 if emits_light else 0.55):  # unlit segments are faintly visible
        layer.paint(unlit, ink, rng.uniform(0.02, 0.17))
    if emits_light:
        glow = blurred(lit, height * rng.uniform(0.03, 0.16))
        layer.paint(glow, ink, rng.uniform(0.05, 0.6))
    elif rng.bernoulli(0.4):  # the shadow of the crystals on the reflector behind them
        shift = np.array([[1, 0, 0.04 * height], [0, 1, 0.05 * height]])
        layer.paint(cv2.warpAffine(lit, shift, lit.shape[::-1]), ink, rng.uniform(0.05, 0.25))
    layer.paint(lit, ink)
    if emits_light and rng.bernoulli(0.4):  # overexposed centres of bright segments
        core = cv2.erode(lit, np.ones((3, 3), np.uint8))
        layer.paint(core, (255.0, 250.0, 240.0), rng.uniform(0.2, 0.8))
    return layer, case, ink


def _sample_number(rng: Rng) -> str:
    """Sample digits, with a decimal point by a probability."""
    label = sample_digits(rng.weighted_choice(_DISPLAY_LENGTHS), rng, leading_zeros=0.15)
    if len(label) == 1 and rng.bernoulli(0.3):
        label = rng.choice("01")
    if len(label) == 1 or not rng.bernoulli(0.45):
        return label
    point = 1 + rng.randrange(len(label) - 1)
    return f"{label[:point]}.{label[point:]}"


def render_segment_display(
    rng: Rng, height: float, emits_light: bool, text: str | None = None
) -> PlanarObject:
    """Render a seven-segment display of lamps (`emits_light`) or of liquid crystals.

    It shows `text`: digits, a decimal point or colons; by default a number.
    """
    shape = _sample_shape(rng, height)
    text = _sample_number(rng) if text is None else text
    point, text = max(text.find("."), 0), text.replace(".", "")
    label = text.replace(":", "")
    blanks = rng.randrange(4) if rng.bernoulli(0.35) else 0
    margin = 1.4 * height
    text_width = (_places(text) + blanks) * shape.pitch * height + shape.slant * height
    columns, rows = round(2 * margin + text_width), round(2 * margin + height)
    masks = np.zeros((2, rows, columns), np.uint8)
    radius = max(0.5 * shape.thickness * rng.uniform(1.0, 1.6), 0.03)
    shape = replace(shape, point_radius=radius)
    hulls = _paint_digits(masks, " " * blanks + text, point, (margin, margin), shape, height)
    has_second, others = rng.bernoulli(0.12), []
    if has_second:  # a smaller number above or below
        size, second = height * rng.uniform(0.35, 0.5), sample_digits(1 + rng.randrange(5), rng)
        x = max(columns - margin - len(second) * shape.pitch * size, margin)
        y = margin + 1.25 * height if rng.bernoulli(0.6) else margin - 0.25 * height - size
        point = rng.randrange(len(second))
        others = [(second, _paint_digits(masks, second, point, (x, y), shape, size))]

    inside = (margin, margin, columns - margin, rows - margin)
    pad_y = 0.9 if has_second else rng.uniform(0.12, 0.6)
    window = expand(inside, height * rng.uniform(0.15, 0.9), height * pad_y)
    layer, case, ink = _render_case(masks, window, emits_light, height, rng)
    if not has_second and rng.bernoulli(0.4):
        unit, size = rng.choice(_DISPLAY_UNITS), height * rng.uniform(0.14, 0.36)
        y = margin - 0.85 * size if rng.bernoulli(0.5) else rows - margin + 0.95 * size
        x = rng.uniform(margin, columns - margin)
        colour = ink if rng.bernoulli(0.5) else mix(case, WHITE, 0.8)
        face = rng.choice(faces("Roboto", "Lato", "DejaVuSans"))
        keep_free = expand(inside, 0, 0.08 * height)
        paint_words(layer, unit, face, (x, y), size, colour, rng, keep_free=keep_free)
    return PlanarObject(layer, label, hulls, inside, others=others)
