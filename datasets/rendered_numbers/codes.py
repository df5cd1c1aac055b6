"""Codes on packages and machines: ink-jet dots, dot-matrix displays, labels with bars."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import cv2
import numpy as np

from datasets.rendered_numbers.blur import blurred
from datasets.rendered_numbers.fonts import PAD, glyph
from datasets.rendered_numbers.layer import Layer
from datasets.rendered_numbers.panel import (
    PLAIN,
    Panel,
    can_be_turned,
    draw_digits,
    faces,
    grown,
    put_box,
    put_grain,
    put_words,
    scale_brightness,
)
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.rule import number_in
from datasets.rendered_numbers.setting import set_line
from datasets.rendered_numbers.surfaces import Colour, light_colour, mix, wall_colour

LENGTHS = ((4.0, 2), (8.0, 3), (14.0, 4), (14.0, 5), (22.0, 6), (8.0, 7), (20.0, 8), (5.0, 9),
           (8.0, 10))  # fmt: skip
"""(weight, digits)."""

# Rows from the top; a bit for each dot, the left one the highest.
_ROWS = {
    "0": (14, 17, 17, 17, 17, 17, 14), "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31), "3": (14, 17, 1, 6, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2), "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14), "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14), "9": (14, 17, 17, 15, 1, 2, 12),
    "L": (16, 16, 16, 16, 16, 16, 31), "E": (31, 16, 16, 30, 16, 16, 31),
    "X": (17, 17, 10, 4, 10, 17, 17), "P": (30, 17, 17, 30, 16, 16, 16),
    "A": (14, 17, 17, 31, 17, 17, 17), "T": (31, 4, 4, 4, 4, 4, 4),
    "K": (17, 18, 20, 24, 20, 18, 17), "H": (17, 17, 17, 31, 17, 17, 17),
    ".": (0, 0, 0, 0, 0, 12, 12), ":": (0, 12, 12, 0, 12, 12, 0), "-": (0, 0, 0, 31, 0, 0, 0),
    "R": (30, 17, 17, 30, 20, 18, 17), "N": (17, 25, 21, 19, 17, 17, 17),
}  # fmt: skip
_ZEROS = ((14, 17, 17, 17, 17, 17, 14), (14, 17, 19, 21, 25, 17, 14), (6, 9, 9, 9, 9, 9, 6))
_SEVENS = ((31, 1, 2, 4, 8, 8, 8), (31, 1, 1, 2, 4, 4, 4), (31, 1, 2, 2, 4, 4, 4))
_ONES = ((4, 12, 4, 4, 4, 4, 14), (4, 12, 20, 4, 4, 4, 31), (4, 12, 4, 4, 4, 4, 4))


@dataclass(frozen=True)
class Matrix:
    """The form of digits made of dots.

    Attributes:
        zero, one, seven: which form of these digits.
        face: font whose characters are broken into dots, or "" for the usual 5 x 7.
        rows: dots from the top to the bottom of a digit.
    """

    zero: int
    one: int
    seven: int
    face: str = ""
    rows: int = 7


@functools.lru_cache(maxsize=1024)
def _dots(character: str, form: Matrix) -> np.ndarray:
    """Where a character has dots: bool (rows, columns)."""
    if form.face and character.isdigit():
        mask = glyph(form.face, character).mask[PAD:-PAD, PAD:-PAD]
        rows = form.rows
        columns = max(round(mask.shape[1] * rows / mask.shape[0]), 3 if character == "1" else 5)
        return cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA) > 105
    bits = {"0": _ZEROS[form.zero], "1": _ONES[form.one], "7": _SEVENS[form.seven]}.get(
        character, _ROWS[character]
    )
    return np.array([[bool(row >> (4 - column) & 1) for column in range(5)] for row in bits])


def _set_dots(text: str, height: float, lamp: bool, chance: Rng):
    """Set characters of dots; returns the mask, hulls of all but spaces, and the ink's box."""
    face, rows = "", 7
    if chance.happens(0.25):
        face, rows = chance.choice(faces("DejaVuSansMono-Bold.ttf", "DejaVuSansMono.ttf",
                                         "Roboto-Medium.ttf")), 10 + chance.below(5)  # fmt: skip
    form = Matrix(chance.below(3), chance.below(3), chance.below(3), face, rows)
    step_y = height / rows
    step_x = step_y * chance.uniform(0.75, 1.35)
    radius = step_y * chance.uniform(0.34, 0.62)
    square = lamp and chance.happens(0.3)
    jitter = 0.0 if lamp else step_y * chance.uniform(0.0, 0.13)
    lost = 0.0 if lamp else chance.uniform(0.0, 0.04)
    slant = 0.0 if chance.happens(0.6) else chance.uniform(-0.05, 0.2)
    gap = chance.uniform(1.0, 2.2) * step_x
    margin = 1.3 * height
    pen, placed = margin, []
    for character in text:
        if character == " ":
            pen += 4.5 * step_x
            continue
        lit = _dots(character, form)
        placed.append((pen, np.argwhere(lit)))
        wide = lit.shape[1] if character not in ".:" else 3
        pen += (wide - (1 if character in ".:" else 0)) * step_x + gap
    columns = round(pen - gap + margin + abs(slant) * height)
    mask = np.zeros((round(2 * margin + height), columns), np.uint8)
    hulls = []
    for x, dots in placed:
        centres = np.column_stack([
            x + (dots[:, 1] + 0.5) * step_x, margin + (dots[:, 0] + 0.5) * step_y
        ])  # fmt: skip
        centres[:, 0] += slant * (margin + height - centres[:, 1])
        if jitter:
            centres += np.array(chance.normals(centres.size, jitter)).reshape(-1, 2)
        for centre in centres:
            if lost and chance.happens(lost):
                continue
            if square:
                low, high = centre - radius, centre + radius
                corners = [tuple(np.rint(point * 16).astype(int).tolist()) for point in (low, high)]
                cv2.rectangle(mask, *corners, 255, -1, cv2.LINE_AA, 4)
            else:
                middle = np.rint((centre - 0.5) * 16).astype(int).tolist()
                cv2.circle(mask, middle, max(round(radius * 16), 10), 255, -1, cv2.LINE_AA, 4)
        reach = np.array(
            [[-radius, -radius], [radius, -radius], [radius, radius], [-radius, radius]]
        )
        hulls.append((centres[:, None] + reach).reshape(-1, 2).astype(np.float32))
    points = np.concatenate(hulls)
    return mask, hulls, (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())


def _label(text: str, hulls: list[np.ndarray]) -> tuple[str, list[np.ndarray]]:
    """The number in a text, and its digits' hulls."""
    number, places = number_in(text)
    inked = [place for place, character in enumerate(text) if character != " "]
    return number, [hulls[inked.index(place)] for place in places]


def _code(chance: Rng) -> str:
    """A lot or date code without separators, at times after letters."""
    length = chance.weighted(LENGTHS)
    number = draw_digits(length, chance, zeros=0.3)
    if length in (6, 8) and chance.happens(0.5):  # a date
        day, month, year = 1 + chance.below(28), 1 + chance.below(12), 2018 + chance.below(14)
        short = str(year)[2:] if length == 6 else str(year)
        number = chance.choice((f"{day:02}{month:02}{short}", f"{short}{month:02}{day:02}"))
        if length == 6 and chance.happens(0.2):
            number = f"{number[:2]}.{number[2:4]}.{number[4:]}"
    kind = chance.unit()
    if kind < 0.14 and len(number) < 9:
        return chance.choice(("L", "L ", "EXP ", "P ", "LX", "A", "EXP: ")) + number
    if kind < 0.2:
        return number + chance.choice(("L", "AX", " P", "K"))
    return number


def draw_ink_jet(chance: Rng, height: float) -> Panel:
    """Draw a code of ink-jet dots on foil, cardboard or plastic."""
    text = _code(chance)
    mask, inked, box = _set_dots(text, height, False, chance)
    number, hulls = _label(text, inked)
    layer = Layer(*mask.shape)
    ground, ink = _package(layer, chance)
    if chance.happens(0.35):
        mask = blurred(mask, height * chance.uniform(0.01, 0.035))
    layer.put(mask, ink, chance.uniform(0.65, 1.0))
    if chance.happens(0.25):
        word = chance.choice(("BEST BEFORE", "EXP", "LOT", "MHD", "PRODUCED", "A CONSOMMER"))
        size = height * chance.uniform(0.25, 0.5)
        y = box[1] - 1.1 * size if chance.happens(0.6) else box[3] + 1.1 * size
        face = chance.choice(faces("Roboto", "Lato", "DejaVuSansMono"))
        put_words(layer, word, face, (chance.uniform(box[0], box[2]), y), size, ink, chance, 0.8,
                  keep=grown(box, 0, 0.08 * height))  # fmt: skip
    return Panel(layer, number, hulls, height, box, tuple(inked), fine=0.8, wall=ground,
                 masonry=False, turnable=can_be_turned(number))  # fmt: skip


def _package(layer: Layer, chance: Rng) -> tuple[Colour, Colour]:
    """Cover a layer with a package's surface; returns its colour and one of an ink for it."""
    rows, columns = layer.paint.shape[:2]
    kind = chance.weighted(((3.0, "foil"), (3.0, "cardboard"), (3.0, "plastic"), (1.5, "paper"),
                            (1.0, "print")))  # fmt: skip
    dark = (22.0, 22.0, 28.0) if chance.happens(0.75) else (30.0, 40.0, 110.0)
    if kind == "foil":
        grey = chance.uniform(140, 215)
        ground, ink = (grey, grey, grey + 6), dark
    elif kind == "cardboard":
        ground = mix((165.0, 125.0, 80.0), (205.0, 175.0, 130.0), chance.unit())
        ink = dark
    elif kind == "plastic":
        ground = wall_colour(chance)
        bright = sum(ground) / 3
        light = bright < 90 or (bright < 140 and chance.happens(0.5))
        ink = chance.choice(((240.0, 240.0, 240.0), (250.0, 225.0, 90.0))) if light else dark
    else:
        ground, ink = light_colour(chance), dark
    put_box(layer, (0, 0, columns, rows), ground)
    if kind == "foil":  # creases that shine
        x = np.linspace(0, 1, columns, dtype=np.float32)[None]
        y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        factor = np.ones((rows, columns), np.float32)
        for _ in range(2 + chance.below(3)):
            wave = x * np.float32(chance.uniform(-14, 14)) + y * np.float32(chance.uniform(-5, 5))
            factor += np.float32(chance.uniform(0.03, 0.13)) * np.sin(
                wave + np.float32(chance.uniform(0, 6))
            )
        scale_brightness(layer, factor)
    elif kind == "cardboard":
        put_grain(layer, chance.choice(("wood", "stucco", "grooves")), 0.05, chance)
    elif chance.happens(0.3):
        put_grain(layer, "plain", 0.03, chance)
    if kind == "print":  # bands of another colour
        for _ in range(1 + chance.below(2)):
            y = chance.uniform(0, rows)
            band = (0, y, columns, y + chance.uniform(0.1, 0.3) * rows)
            put_box(layer, band, mix(ground, wall_colour(chance), 0.3))
    return ground, ink


def draw_dot_display(chance: Rng, height: float) -> Panel:
    """Draw a display of lamps or crystals in rows and columns."""
    number = draw_digits(1 + chance.below(6), chance, zeros=0.1)
    mask, hulls, box = _set_dots(number, height, True, chance)
    layer = Layer(*mask.shape)
    window = grown(box, height * chance.uniform(0.15, 0.9), height * chance.uniform(0.12, 0.6))
    put_box(layer, grown(window, 0.2 * height, 0.2 * height), wall_colour(chance))
    if chance.happens(0.65):
        lamp = chance.choice(((255.0, 60.0, 30.0), (255.0, 165.0, 40.0), (80.0, 255.0, 90.0),
                              (240.0, 245.0, 255.0), (90.0, 150.0, 255.0)))  # fmt: skip
        ground, ink = mix((10.0, 10.0, 12.0), lamp, chance.uniform(0, 0.06)), lamp
        put_box(layer, window, ground)
        layer.put(blurred(mask, 0.06 * height), ink, chance.uniform(0.1, 0.6))
    else:
        grey = chance.uniform(120, 200)
        ground = (0.85 * grey, grey, grey * chance.uniform(0.6, 1.0))
        ink = mix(ground, (20.0, 30.0, 40.0), chance.uniform(0.6, 0.95))
        put_box(layer, window, ground)
    layer.put(mask, ink)
    return Panel(layer, number, hulls, height, box, turnable=can_be_turned(number))


def draw_code_label(chance: Rng, height: float) -> Panel:
    """Draw a printed label: a code in plain type, often below bars."""
    text = _code(chance)
    face = chance.choice(faces("Mono", "cmtt", "Roboto-Reg", "Roboto-Med", "Lato-Reg",
                               "DejaVuSans.ttf", "SourceSansPro-Reg"))  # fmt: skip
    marks = (chance.choice(("slash", "dot")),) if chance.happens(0.25) else ()
    spacing = chance.uniform(0.06, 0.45)
    lettering = replace(PLAIN, face=face, spacing=spacing, marks=marks,
                        growth=chance.choice((0, 0, 1)))  # fmt: skip
    line = set_line(text, lettering, height, chance, margin=1.5)
    number, hulls = _label(text, line.hulls)
    layer = Layer(*line.mask.shape)
    ground = mix(light_colour(chance), (255.0, 255.0, 255.0), chance.uniform(0.2, 1.0))
    ink = (20.0, 20.0, 24.0) if chance.happens(0.85) else (30.0, 40.0, 130.0)
    sheet = grown(line.box, height * chance.uniform(0.3, 1.2), height * chance.uniform(0.25, 1.2))
    put_box(layer, sheet, ground, 1.0, height * chance.uniform(0, 0.3))
    if chance.happens(0.5):
        _put_bars(layer, line.box, height, ink, chance)
    elif chance.happens(0.5):
        size = height * chance.uniform(0.3, 0.6)
        word = chance.choice(("SERIAL No", "REF", "ITEM", "ORDER", "S/N", "ART", "BATCH"))
        place = line.box[0], line.box[1] - 1.1 * size
        put_words(layer, word, face, place, size, ink, chance, anchor=0.0)
    layer.put(line.mask, ink, chance.uniform(0.7, 1.0))
    return Panel(layer, number, hulls, height, line.box, tuple(line.hulls),
                 turnable=can_be_turned(number))  # fmt: skip


def _put_bars(layer: Layer, box, height: float, ink: Colour, chance: Rng) -> None:
    """Lay the bars of a bar code above or below the digits."""
    mask = np.zeros(layer.paint.shape[:2], np.uint8)
    above = chance.happens(0.75)
    gap, reach = height * chance.uniform(0.12, 0.3), height * chance.uniform(0.6, 1.1)
    top = box[1] - gap - reach if above else box[3] + gap
    unit = max(height * chance.uniform(0.05, 0.09), 1.0)
    x = box[0]
    while x < box[2]:
        wide = unit * (1 + chance.below(3))
        mask[round(max(top, 0)) : round(top + reach), round(x) : round(min(x + wide, box[2]))] = 255
        x += wide + unit * (1 + chance.below(3))
    layer.put(mask, ink)
