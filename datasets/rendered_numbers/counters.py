"""Mechanical counters: wheels behind windows, some between two digits, the last ones often red."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.rendered_numbers.fonts import HEIGHT, Glyph, glyph
from datasets.rendered_numbers.layer import Layer
from datasets.rendered_numbers.panel import (
    Panel,
    can_be_turned,
    draw_digits,
    faces,
    grown,
    put_box,
    put_words,
    rectangle,
)
from datasets.rendered_numbers.planes import Box
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.surfaces import (
    Colour,
    dark_colour,
    light_colour,
    mix,
    wall_colour,
)

LENGTHS = ((7.0, 1), (3.0, 2), (4.0, 3), (10.0, 4), (32.0, 5), (13.0, 6), (11.0, 7), (24.0, 8),
           (4.0, 9), (1.0, 10))  # fmt: skip
"""(weight, wheels); 5 and 8 are the usual ones."""

_UNITS = ("kWh", "m³", "kWh", "m³", "GAL", "km", "ft³", "MWh", "kvarh")
_WORDS = ("WATER METER", "TYPE", "ELSTER", "Made in EU", "GAS", "Nr.", "CLASS B", "imp/kWh",
          "No.", "TOTAL", "METER")  # fmt: skip
_RED = (175.0, 30.0, 28.0)


def _face(chance: Rng) -> str:
    narrow = chance.happens(0.35)
    named = ("Fjalla", "DejaVuSansMono", "Roboto-Medium", "Roboto-Regular", "HankenGrotesk-Med")
    plain = ("Roboto-", "DejaVuSans", "Lato-", "Manrope", "SourceSans", "cmss10", "HankenGrotesk")
    face = chance.choice(faces(*(named if narrow else plain)))
    if any(word in face for word in ("Thin", "ExtraLight", "Black", "It", "Oblique")):
        face = chance.choice(faces("Roboto-Medium", "Roboto-Bold", "SourceSansPro-Sem",
                                   "DejaVuSans.ttf", "Lato-Bold", "Lato-Regular"))  # fmt: skip
    return face


class _Cell:
    """Where a wheel is seen, and how its digits are placed on it."""

    def __init__(self, box: Box, height: float, stretch: float) -> None:
        self.box = box
        self.scale = height / HEIGHT, stretch * height / HEIGHT
        self.low = np.array([round(box[0]), round(box[1])])
        self.high = np.array([round(box[2]), round(box[3])])

    def put(self, mask: np.ndarray, drawn: Glyph, y: float) -> np.ndarray:
        """Draw a digit whose middle is at y; returns its hull, cut to the cell."""
        down, across = self.scale
        columns = drawn.mask.shape[1]
        x = (self.box[0] + self.box[2] - columns * across) / 2
        # A digit is HEIGHT high above its baseline; its mask may have more room at the bottom.
        top = y - (drawn.rise - HEIGHT / 2) * down
        low, size = self.low, self.high - self.low
        move = np.array([[across, 0, x - low[0] + across / 2 - 0.5],
                         [0, down, top - low[1] + down / 2 - 0.5]])  # fmt: skip
        part = cv2.warpAffine(drawn.mask, move, tuple(size.tolist()), flags=cv2.INTER_AREA)
        area = mask[low[1] : self.high[1], low[0] : self.high[0]]
        np.maximum(area, part, out=area)
        hull = drawn.hull * np.array([across, down], np.float32) + np.array([x, top], np.float32)
        return np.clip(hull, low, self.high).astype(np.float32)


def draw_counter(chance: Rng, height: float) -> Panel:
    """Draw a mechanical counter.

    A wheel between two digits shows at least 80 % of the one that counts.

    Args:
        chance: source of chance.
        height: height of a digit, in pixels.
    """
    number = draw_digits(chance.weighted(LENGTHS), chance, zeros=0.55)
    face, stretch = _face(chance), chance.uniform(0.7, 1.1)
    wide = height * chance.uniform(0.62, 0.95)  # a wheel's window
    pitch = wide + height * (0.0 if chance.happens(0.2) else chance.log_uniform(0.03, 0.5))
    high = height * chance.uniform(1.12, 1.7)
    apart = height * chance.uniform(1.3, 1.9)  # from a digit to the next one on its wheel
    margin = 1.5 * height
    rows = round(2 * margin + high)
    columns = round(2 * margin + (len(number) - 1) * pitch + wide)
    middle = rows / 2
    rolling = chance.happens(0.45)
    loose = height * chance.uniform(0.0, 0.04)

    decimals = 0
    if len(number) > 2 and chance.happens(0.5):
        decimals = 1 + chance.below(min(3, len(number) - 2))
    ink, red = np.zeros((rows, columns), np.uint8), np.zeros((rows, columns), np.uint8)
    hulls, cells = [], []
    most = min(0.27 * apart, 0.15 * height + (high - height) / 2)
    for place, digit in enumerate(number):
        left = margin + place * pitch
        cell = _Cell((left, middle - high / 2, left + wide, middle + high / 2), height, stretch)
        last = place == len(number) - 1
        offset = chance.normal(0, loose)
        if rolling and (last or (place == len(number) - 2 and number[-1] == "9")):
            offset = chance.uniform(-most, most)
        offset = min(max(offset, -most), most)
        target = red if place >= len(number) - decimals else ink
        for step in (-1, 1):
            other = str((int(digit) + step) % 10)
            cell.put(target, glyph(face, other), middle + offset + step * apart)
        hulls.append(cell.put(target, glyph(face, digit), middle + offset))
        cells.append(cell.box)

    layer = Layer(rows, columns)
    inside = (margin, middle - high / 2, columns - margin, middle + high / 2)
    window = grown(inside, height * chance.uniform(0.0, 0.3), height * chance.uniform(0.0, 0.2))
    light = chance.happens(0.22)
    ground = light_colour(chance) if light else dark_colour(chance)
    colour = dark_colour(chance) if light else light_colour(chance)
    if not light:
        ground = mix(ground, (18.0, 18.0, 20.0), chance.uniform(0.3, 1.0))
    case = wall_colour(chance) if chance.happens(0.6) else light_colour(chance)
    outer = grown(window, height * chance.uniform(0.1, 1.1), height * chance.uniform(0.1, 1.0))
    put_box(layer, outer, case, 1.0, height * chance.uniform(0, 0.3))
    own = pitch > 1.03 * wide and chance.happens(0.6)  # a window for each wheel
    if not own:
        put_box(layer, window, mix(ground, (0.0, 0.0, 0.0), chance.uniform(0.0, 0.7)))
    red_wheels = _put_wheels(layer, cells, ground, decimals, own, chance)
    red_ink = light_colour(chance) if red_wheels else colour
    if light and not red_wheels and chance.happens(0.7):
        red_ink = mix(_RED, colour, chance.uniform(0.0, 0.2))
    layer.put(ink, colour)
    layer.put(red, red_ink)
    _shade(layer, cells, middle, high, chance)
    if own and chance.happens(0.6):
        _put_frames(layer, cells, mix(case, (0.0, 0.0, 0.0), chance.uniform(0.3, 0.9)), height)
    if decimals and chance.happens(0.4):
        _put_comma(layer, cells, decimals, inside, red_ink, height, chance)
    _put_print(layer, inside, window, case, height, chance)
    return Panel(layer, number, hulls, height, inside, turnable=can_be_turned(number))


def _put_wheels(layer, cells, ground: Colour, decimals: int, own: bool, chance: Rng) -> bool:
    """Lay the wheels' grounds; returns whether those of decimals are red, not in a red frame."""
    red = decimals > 0 and chance.happens(0.55)
    for place, box in enumerate(cells):
        colour = mix(ground, (255.0, 255.0, 255.0), max(chance.normal(0.02, 0.03), 0.0))
        if red and place >= len(cells) - decimals:
            colour = mix(_RED, ground, chance.uniform(0.0, 0.25))
        if own or chance.happens(0.9):
            put_box(layer, box, colour)
    if decimals and not red:
        left, top, right, bottom = cells[-decimals]
        frame = grown(
            (left, top, cells[-1][2], bottom), 0.1 * (right - left), 0.08 * (bottom - top)
        )
        whole = rectangle(layer.paint.shape[:2], frame)
        hole = rectangle(layer.paint.shape[:2], (left, top, cells[-1][2], bottom))
        layer.put(cv2.subtract(whole, hole), _RED, chance.uniform(0.6, 1.0))
    return red


def _shade(layer: Layer, cells: list[Box], middle: float, high: float, chance: Rng) -> None:
    """Darken the wheels to their tops and bottoms, as they turn away from the light."""
    top, bottom = round(middle - high / 2), round(middle + high / 2)
    left, right = round(cells[0][0]), round(cells[-1][2])
    away = (np.arange(top, bottom, dtype=np.float32) + 0.5 - middle) / (high / 2)
    depth, tilt = chance.uniform(0.1, 0.9), chance.normal(0, 0.15)
    factor = 1 - np.float32(depth) * np.abs(away) ** np.float32(chance.uniform(1.5, 4.0))
    factor = np.clip(factor + np.float32(tilt) * away, 0.05, 1.3)
    layer.paint[top:bottom, left:right, :3] *= factor[:, None, None]
    if chance.happens(0.25):  # a bright reflection on the glass
        at = round(middle + chance.uniform(-0.45, 0.45) * high)
        mask = rectangle(layer.paint.shape[:2], (left, at, right, at + max(1.0, 0.06 * high)))
        layer.put(mask, (250.0, 250.0, 250.0), chance.uniform(0.1, 0.45))


def _put_frames(layer: Layer, cells: list[Box], colour: Colour, height: float) -> None:
    mask = np.zeros(layer.paint.shape[:2], np.uint8)
    for box in cells:
        left, top, right, bottom = (round(value * 16) for value in grown(box, 1.0, 1.0))
        cv2.rectangle(mask, (left, top), (right, bottom), 255, max(1, round(0.04 * height)),
                      cv2.LINE_AA, 4)  # fmt: skip
    layer.put(mask, colour)


def _put_comma(layer, cells, decimals, inside, colour, height: float, chance: Rng) -> None:
    """Lay a decimal comma or point in the gap before the decimals."""
    x = (cells[-decimals - 1][2] + cells[-decimals][0]) / 2
    y = inside[3] - chance.uniform(0.0, 0.1) * height
    gap = cells[-decimals][0] - cells[-decimals - 1][2]
    if gap > 0.08 * height:
        size = min(0.5 * gap, 0.07 * height)
        put_box(layer, (x - size, y - 2 * size, x + size, y + size), colour, 1.0, size)


def _put_print(layer: Layer, inside: Box, window: Box, case: Colour, height: float, chance: Rng):
    """Lay the unit beside the wheels and words above or below."""
    face = chance.choice(faces("Roboto-Reg", "Lato-Bold", "DejaVuSans", "SourceSansPro-Sem"))
    dark = sum(case) < 330
    colour = (235.0, 235.0, 235.0) if dark else (25.0, 25.0, 28.0)
    keep = grown(inside, 0.06 * height, 0.0)
    if chance.happens(0.5):
        size = height * chance.uniform(0.25, 0.6)
        place = (
            window[2] + 0.15 * height,
            (inside[1] + inside[3]) / 2 + chance.normal(0, 0.15) * height,
        )
        put_box(layer, (window[2], inside[1], window[2] + 1.2 * height, inside[3]), case)
        put_words(layer, chance.choice(_UNITS), face, place, size, colour, chance, anchor=0.0,
                  keep=keep)  # fmt: skip
    for side in (-1, 1):
        if chance.happens(0.35):
            size = height * chance.uniform(0.14, 0.35)
            y = window[1] - 0.9 * size if side < 0 else window[3] + 0.9 * size
            x = chance.uniform(inside[0], inside[2])
            put_words(layer, chance.choice(_WORDS), face, (x, y), size, colour, chance, keep=keep)
