"""Mechanical counters: wheels behind windows, some between two digits, decimals often red."""

from __future__ import annotations

import cv2
import numpy as np

from .colours import BLACK, WHITE, dark_colour, light_colour, mix, wall_colour
from .drawing import Box, Colour, Layer, box_corners, expand, line_mask, paint_warped
from .fonts import faces, is_named
from .glyphs import GLYPH_HEIGHT, Glyph, glyph
from .planar_object import PlanarObject, paint_words, sample_digits
from .rng import Rng

_COUNTER_LENGTHS = ((7.0, 1), (3.0, 2), (4.0, 3), (10.0, 4), (32.0, 5), (13.0, 6), (11.0, 7),
                    (24.0, 8), (4.0, 9), (1.0, 10))  # fmt: skip
_METER_UNITS = ("kWh", "m³", "kWh", "m³", "GAL", "km", "ft³", "MWh", "kvarh")
_METER_WORDS = ("WATER METER", "TYPE", "ELSTER", "Made in EU", "GAS", "Nr.", "CLASS B", "imp/kWh",
                "No.", "TOTAL", "METER")  # fmt: skip
_NARROW = ("Fjalla", "DejaVuSansMono", "Roboto-Medium", "Roboto-Regular", "HankenGrotesk-Med")
_WIDE = ("Roboto-", "DejaVuSans", "Lato-", "Manrope", "SourceSans", "cmss10", "HankenGrotesk")
_PLAIN = ("Roboto-Medium", "Roboto-Bold", "SourceSansPro-Sem", "DejaVuSans.ttf", "Lato-Bold",
          "Lato-Regular")  # fmt: skip
_RED = (175.0, 30.0, 28.0)


def render_counter(rng: Rng, height: float) -> PlanarObject:
    """Render a mechanical counter.

    If a wheel is between two digits, at least 80 % of the digit in the label is visible.
    """
    label = sample_digits(rng.weighted_choice(_COUNTER_LENGTHS), rng, leading_zeros=0.55)
    count = len(label)
    face = rng.choice(faces(*(_NARROW if rng.bernoulli(0.35) else _WIDE)))
    if is_named(face, "Thin", "ExtraLight", "Black", "It", "Oblique"):
        face = rng.choice(faces(*_PLAIN))
    scale = rng.uniform(0.7, 1.1) * height / GLYPH_HEIGHT, height / GLYPH_HEIGHT
    wheel_width = height * rng.uniform(0.62, 0.95)
    pitch = wheel_width + height * (0.0 if rng.bernoulli(0.2) else rng.log_uniform(0.03, 0.5))
    wheel_height = height * rng.uniform(1.12, 1.7)
    digit_distance = height * rng.uniform(1.3, 1.9)  # between consecutive digits of a wheel
    margin = 1.5 * height
    rows = round(2 * margin + wheel_height)
    columns = round(2 * margin + (count - 1) * pitch + wheel_width)
    middle = rows / 2
    rolling = rng.bernoulli(0.45)
    offset_std = height * rng.uniform(0.0, 0.04)
    decimals = 1 + rng.randrange(min(3, count - 2)) if count > 2 and rng.bernoulli(0.5) else 0
    max_offset = min(0.27 * digit_distance, 0.15 * height + (wheel_height - height) / 2)
    top, bottom = middle - wheel_height / 2, middle + wheel_height / 2
    windows, hulls = [], []
    inks = np.zeros((2, rows, columns), np.uint8)  # before and after the decimal point
    for index, digit in enumerate(label):
        offset = rng.normal(0, offset_std)
        # The last wheels of a rolling counter are in between two digits.
        if rolling and (index == count - 1 or (index == count - 2 and label[-1] == "9")):
            offset = rng.uniform(-max_offset, max_offset)
        left, y = margin + index * pitch, middle + min(max(offset, -max_offset), max_offset)
        window = left, top, left + wheel_width, bottom
        mask = inks[int(index >= count - decimals)]
        for step in (-1, 1):  # the previous and the next digit of the wheel
            source = glyph(face, str((int(digit) + step) % 10))
            _paint_wheel_digit(mask, source, window, y + step * digit_distance, scale)
        hulls.append(_paint_wheel_digit(mask, glyph(face, digit), window, y, scale))
        windows.append(window)
    wheels = (margin, top, columns - margin, bottom)
    separable = pitch > 1.03 * wheel_width  # the gaps allow a separate window for each wheel
    layer = _render_case(wheels, windows, inks, decimals, separable, height, rng)
    return PlanarObject(layer, label, hulls, wheels)


def _paint_wheel_digit(
    mask: np.ndarray, source: Glyph, window: Box, y: float, scale: tuple[float, float]
) -> np.ndarray:
    """Paint a digit, centred at height y, on a wheel behind a window; returns its visible hull."""
    scale_x, scale_y = scale
    x = (window[0] + window[2] - source.mask.shape[1] * scale_x) / 2
    # A digit is GLYPH_HEIGHT high above its baseline; its mask may have more room at the bottom.
    top = y - (source.ascent - GLYPH_HEIGHT / 2) * scale_y
    area = tuple(round(value) for value in window)
    paint_warped(mask, source.mask, (scale_x, 0, 0, scale_y), (x, top), area, cv2.INTER_AREA)
    hull = source.hull * np.array(scale, np.float32) + np.array([x, top], np.float32)
    return np.clip(hull, area[:2], area[2:]).astype(np.float32)


def _render_case(
    wheels: Box,
    windows: list[Box],
    inks: np.ndarray,
    decimals: int,
    separable: bool,
    height: float,
    rng: Rng,
) -> Layer:
    """Render a counter's case with its wheels and the ink before and after the decimal point."""
    layer = Layer(*inks[0].shape)
    frame = expand(wheels, height * rng.uniform(0.0, 0.3), height * rng.uniform(0.0, 0.2))
    light = rng.bernoulli(0.22)
    if light:
        ground, ink = light_colour(rng), dark_colour(rng)
    else:
        ground, ink = dark_colour(rng), light_colour(rng)
        ground = mix(ground, (18.0, 18.0, 20.0), rng.uniform(0.3, 1.0))
    case = wall_colour(rng) if rng.bernoulli(0.6) else light_colour(rng)
    outer = expand(frame, height * rng.uniform(0.1, 1.1), height * rng.uniform(0.1, 1.0))
    layer.paint_box(outer, case, 1.0, height * rng.uniform(0, 0.3))
    separate = separable and rng.bernoulli(0.6)
    if not separate:
        layer.paint_box(frame, mix(ground, BLACK, rng.uniform(0.0, 0.7)))
    red_wheels = _paint_wheels(layer, windows, ground, decimals, separate, rng)
    decimal_colour = light_colour(rng) if red_wheels else ink
    if light and not red_wheels and rng.bernoulli(0.7):
        decimal_colour = mix(_RED, ink, rng.uniform(0.0, 0.2))
    layer.paint(inks[0], ink)
    layer.paint(inks[1], decimal_colour)
    _shade_wheels(layer, windows, rng)
    if separate and rng.bernoulli(0.6):
        frames = [box_corners(expand(window, 1.0, 1.0)) for window in windows]
        colour = mix(case, BLACK, rng.uniform(0.3, 0.9))
        layer.paint(line_mask(layer.shape, frames, 0.04 * height, closed=True), colour)
    if decimals and rng.bernoulli(0.4):
        left, right = windows[-decimals - 1][2], windows[-decimals][0]
        x, y = (left + right) / 2, wheels[3] - rng.uniform(0.0, 0.1) * height
        if right - left > 0.08 * height:  # room for a decimal point
            radius = min(0.5 * (right - left), 0.07 * height)
            point = (x - radius, y - 2 * radius, x + radius, y + radius)
            layer.paint_box(point, decimal_colour, 1.0, radius)
    _paint_case_print(layer, wheels, frame, case, height, rng)
    return layer


def _paint_wheels(
    layer: Layer, windows: list[Box], ground: Colour, decimals: int, separate: bool, rng: Rng
) -> bool:
    """Paint the wheels without digits; returns whether the wheels of decimals are red."""
    red_wheels = decimals > 0 and rng.bernoulli(0.55)
    for index, window in enumerate(windows):
        colour = mix(ground, WHITE, max(rng.normal(0.02, 0.03), 0.0))
        if red_wheels and index >= len(windows) - decimals:
            colour = mix(_RED, ground, rng.uniform(0.0, 0.25))
        if separate or rng.bernoulli(0.9):
            layer.paint_box(window, colour)
    if decimals and not red_wheels:  # a red frame around them instead
        left, top, right, bottom = windows[-decimals]
        inner = (left, top, windows[-1][2], bottom)
        outer = expand(inner, 0.1 * (right - left), 0.08 * (bottom - top))
        layer.paint_frame(outer, inner, _RED, rng.uniform(0.6, 1.0))
    return red_wheels


def _shade_wheels(layer: Layer, windows: list[Box], rng: Rng) -> None:
    """Darken the tops and bottoms of the wheels, which face away from the light."""
    _, top, right, bottom = windows[-1]
    middle, wheel_height = (top + bottom) / 2, bottom - top
    left, top, right, bottom = (round(value) for value in (windows[0][0], top, right, bottom))
    position = (np.arange(top, bottom, dtype=np.float32) + 0.5 - middle) / (wheel_height / 2)
    depth, tilt = rng.uniform(0.1, 0.9), rng.normal(0, 0.15)
    factor = 1 - np.float32(depth) * np.abs(position) ** np.float32(rng.uniform(1.5, 4.0))
    factor = np.clip(factor + np.float32(tilt) * position, 0.05, 1.3)
    layer.rgba[top:bottom, left:right, :3] *= factor[:, None, None]
    if rng.bernoulli(0.25):  # a reflection on the glass
        y = round(middle + rng.uniform(-0.45, 0.45) * wheel_height)
        reflection = (left, y, right, y + max(1.0, 0.06 * wheel_height))
        layer.paint_box(reflection, (250.0, 250.0, 250.0), rng.uniform(0.1, 0.45))


def _paint_case_print(
    layer: Layer, wheels: Box, frame: Box, case: Colour, height: float, rng: Rng
) -> None:
    """Paint the unit at the right of the wheels, and words above and below."""
    face = rng.choice(faces("Roboto-Reg", "Lato-Bold", "DejaVuSans", "SourceSansPro-Sem"))
    colour = (235.0, 235.0, 235.0) if sum(case) < 330 else (25.0, 25.0, 28.0)
    keep_free = expand(wheels, 0.06 * height, 0.0)
    left, top, right, bottom = wheels
    if rng.bernoulli(0.5):
        size = height * rng.uniform(0.25, 0.6)
        x, y = frame[2] + 0.15 * height, (top + bottom) / 2 + rng.normal(0, 0.15) * height
        layer.paint_box((frame[2], top, frame[2] + 1.2 * height, bottom), case)
        unit = rng.choice(_METER_UNITS)
        paint_words(layer, unit, face, (x, y), size, colour, rng, anchor=0.0, keep_free=keep_free)
    for above in (True, False):
        if rng.bernoulli(0.35):
            size = height * rng.uniform(0.14, 0.35)
            y = frame[1] - 0.9 * size if above else frame[3] + 0.9 * size
            x, word = rng.uniform(left, right), rng.choice(_METER_WORDS)
            paint_words(layer, word, face, (x, y), size, colour, rng, keep_free=keep_free)
