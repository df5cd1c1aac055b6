"""Printed and painted numbers on any ground: mixed texts, single digits, vertical and diagonal."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from datasets.rendered_numbers.layer import Layer
from datasets.rendered_numbers.lettering import Lettering
from datasets.rendered_numbers.panel import (
    PLAIN,
    Panel,
    can_be_turned,
    draw_digits,
    face_for,
    faces,
    grown,
    put_words,
)
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.rule import number_in
from datasets.rendered_numbers.setting import Line, set_line
from datasets.rendered_numbers.signs import Look, put_ink, put_plate
from datasets.rendered_numbers.strokes import draw_brush
from datasets.rendered_numbers.surfaces import (
    Colour,
    dark_colour,
    ink_colour,
    light_colour,
    luminance,
    mix,
    wall_colour,
)

LENGTHS = ((12.0, 1), (16.0, 2), (20.0, 3), (17.0, 4), (12.0, 5), (9.0, 6), (6.0, 7), (5.0, 8),
           (2.0, 9), (1.5, 10))  # fmt: skip
"""(weight, digits)."""

_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


def draw_print_lettering(chance: Rng, plain: float = 0.35) -> Lettering:
    """Draw the look of printed or painted characters.

    Args:
        chance: source of chance.
        plain: share of plain upright type.
    """
    face = chance.choice(faces())
    if any(word in face for word in ("Thin", "Light")) and chance.happens(0.6):
        face = chance.choice(faces())
    marks = ()
    if chance.happens(0.14):
        marks = (chance.choice(("slash", "dot")),)
    if chance.happens(0.08):
        marks += ("bar",)
    if chance.happens(plain):
        spacing = chance.clipped(0.14, 0.08, 0.03, 0.4)
        return replace(PLAIN, face=face, spacing=spacing, marks=marks)
    painted = chance.happens(0.35)
    brush = replace(draw_brush(chance), written=chance.happens(0.7)) if painted else None
    bold = any(word in face for word in ("Black", "Bold", "Extra"))
    loose = chance.happens(0.2)
    return Lettering(
        face=face,
        brush=brush,
        stretch=chance.clipped(0.95, 0.2, 0.55, 1.5),
        slant=0.0 if chance.happens(0.6) else chance.uniform(-0.15, 0.4),
        growth=0 if painted else chance.choice((-1, 0, 0) if bold else (0, 0, 1, 2, 3)),
        wobble=chance.uniform(0.5, 2.5) if chance.happens(0.25) else 0.0,
        rounding=chance.uniform(1.0, 3.0) if chance.happens(0.2) else 0.0,
        stencil=chance.happens(0.03),
        spacing=chance.clipped(0.12, 0.09, -0.02, 0.5),
        turn=chance.uniform(0.0, 0.09) if loose else 0.0,
        shift=chance.uniform(0.0, 0.06) if loose else 0.0,
        size=0.03 if loose else 0.0,
        slope=chance.clipped(0.0, 0.2, -0.5, 0.5) if chance.happens(0.1) else 0.0,
        bow=0.0,
        marks=marks,
    )


def draw_print_look(chance: Rng, height: float) -> tuple[Look, bool]:
    """Draw colours and effects of ink on its ground.

    Args:
        chance: source of chance.
        height: height of a digit, in pixels: small digits are not faint.

    Returns:
        The look, and whether the ground may be of bricks or boards.
    """
    kind = chance.weighted(((5.0, "paper"), (4.0, "paint"), (2.5, "dark"),
                            (1.5 if height > 28 else 0.0, "faint"), (1.5, "metal on wood"),
                            (1.5, "colour")))  # fmt: skip
    outline, relief, worn = None, 0.0, 0.0
    if kind == "paper":
        ground, ink = light_colour(chance), dark_colour(chance)
    elif kind == "dark":
        ground, ink = dark_colour(chance), light_colour(chance)
    elif kind == "faint":  # few levels apart: worn paint, paint on paint
        ground = wall_colour(chance)
        step = chance.uniform(22, 52) * chance.sign()
        if not 30 < luminance(ground) + step < 235:
            step = -step
        ink = tuple(min(max(part + step, 0.0), 255.0) for part in ground)
        relief = chance.uniform(0.01, 0.05) if chance.happens(0.4) else 0.0
    elif kind == "metal on wood":
        ground = mix((80.0, 42.0, 18.0), (135.0, 88.0, 52.0), chance.unit())
        ink = mix((185.0, 145.0, 65.0), (230.0, 200.0, 125.0), chance.unit())
        relief = chance.uniform(0.02, 0.08)
    elif kind == "colour":
        ground = _bright(chance)
        ink = ink_colour(ground, chance)
        outline = light_colour(chance) if luminance(ink) < 110 and chance.happens(0.5) else None
    else:
        ground = wall_colour(chance)
        ink = ink_colour(ground, chance)
        worn = chance.uniform(0.02, 0.22) if chance.happens(0.35) else 0.0
        relief = chance.uniform(0.02, 0.09) if chance.happens(0.3) else 0.0
    plate = chance.happens(0.4)
    return Look(ink, ground, plate, False, outline, relief, worn), kind == "paint"


def _bright(chance: Rng) -> Colour:
    """A strong colour of paint or plastic."""
    return chance.choice(((205.0, 45.0, 40.0), (245.0, 200.0, 35.0), (35.0, 85.0, 175.0),
                          (40.0, 140.0, 75.0), (235.0, 120.0, 30.0), (120.0, 60.0, 140.0),
                          (90.0, 180.0, 220.0)))  # fmt: skip


def _text(number: str, chance: Rng) -> str:
    """A number with what may stand beside it; the number stays the one that the rule finds."""
    kind = chance.weighted(((6.0, "alone"), (1.3, "letter after"), (1.0, "letter before"),
                            (1.2, "sign before"), (1.0, "sign after"), (1.2, "point"),
                            (0.8, "second"), (0.8, "word")))  # fmt: skip
    if kind == "letter after":
        return number + chance.choice(("", "", " ", "-")) + chance.choice(_LETTERS + "acde")
    if kind == "letter before":
        return chance.choice(_LETTERS) + chance.choice(("", "", " ", "-")) + number
    if kind == "sign before":
        return chance.choice(("#", "€", "$", "£", "No. ", "N° ", "Nr. ", "+", "# ")) + number
    if kind == "sign after":
        return number + chance.choice(("%", "€", " €", "°", " kg", " km", "/", "+", ".", " m"))
    if kind == "point" and len(number) > 1:
        place = 1 + chance.below(len(number) - 1)
        return number[:place] + chance.choice(".,") + number[place:]
    if kind == "second" and len(number) > 1:
        other = draw_digits(1 + chance.below(len(number) - 1), chance)
        return number + chance.choice("/-") + other
    if kind == "word":
        return chance.choice(("Bis ", "Room ", "Bus ", "Gate ", "Lot ", "Hs. ", "Apt ")) + number
    return number


def draw_print(chance: Rng, height: float) -> Panel:
    """Draw a printed or painted number, often with letters or signs beside it."""
    text = _text(draw_digits(chance.weighted(LENGTHS), chance, zeros=0.12), chance)
    lettering = draw_print_lettering(chance)
    lettering = replace(lettering, face=face_for(text, lettering.face))
    line = set_line(text, lettering, height, chance, margin=1.2)
    return _panel(text, line, height, chance)


def draw_diagonal(chance: Rng, height: float) -> Panel:
    """Draw a number on a line that rises or falls by 15 to 50 degrees."""
    # One digit alone, turned so far, could be another.
    text = draw_digits(chance.weighted(LENGTHS[1:6]), chance)
    lettering = replace(draw_print_lettering(chance), slope=0.0)
    line = set_line(text, lettering, height, chance, margin=1.2)
    panel = _panel(text, line, height, chance)
    panel.turn = math.radians(chance.uniform(15, 50)) * chance.sign()
    panel.turnable = False
    return panel


def draw_vertical(chance: Rng, height: float) -> Panel:
    """Draw a number whose upright digits stand below each other."""
    number = draw_digits(
        chance.weighted(((2.0, 2), (4.0, 3), (4.0, 4), (2.0, 5), (0.6, 6))), chance
    )
    lettering = replace(draw_print_lettering(chance), slope=0.0, bow=0.0)
    line = stack(number, lettering, height, chance.uniform(0.1, 0.55), chance)
    panel = _panel(number, line, height, chance)
    panel.turnable = False
    return panel


def stack(number: str, lettering: Lettering, height: float, gap: float, chance: Rng) -> Line:
    """Set digits below each other.

    Args:
        number: the digits, from the top.
        lettering: their look.
        height: height of a digit, in pixels.
        gap: between one digit and the next, in units of their height.
        chance: source of what differs from digit to digit.
    """
    lines = [set_line(digit, lettering, height, chance, margin=0.05) for digit in number]
    wide = max(line.mask.shape[1] for line in lines)
    margin = 1.2 * height
    tall = sum(line.mask.shape[0] for line in lines) + gap * height * (len(lines) - 1)
    canvas = np.zeros((math.ceil(2 * margin + tall), math.ceil(2 * margin + wide)), np.uint8)
    y, hulls = margin, []
    for line in lines:
        rows, columns = line.mask.shape
        left, top = round(margin + (wide - columns) / 2), round(y)
        canvas[top : top + rows, left : left + columns] = line.mask
        hulls.append(line.hulls[0] + np.array([left, top], np.float32))
        y += rows + gap * height
    points = np.concatenate(hulls)
    return Line(canvas, hulls, (*points.min(axis=0).tolist(), *points.max(axis=0).tolist()))


def draw_cut(chance: Rng, height: float) -> Panel:
    """Draw a digit cut out of a longer number, or a number between two that the edges cut.

    Of one digit's neighbours the image shows slivers, of other numbers at most half a digit.
    """
    alone = chance.happens(0.45)
    length = chance.weighted(((7.0, 1), (1.0, 2), (1.0, 3), (0.5, 4)))
    number = draw_digits(length, chance)
    # Between numbers the gap is wider than a digit.
    gap = "" if length == 1 else " " * (3 + chance.below(3))
    text = draw_digits(1, chance) + gap + number + gap + draw_digits(1, chance)
    lettering = replace(draw_print_lettering(chance), slope=0.0, bow=0.0)
    line = set_line(text, lettering, height, chance, margin=1.2)
    look, masonry = draw_print_look(chance, height)
    layer = Layer(*line.mask.shape)
    if look.plate:
        put_plate(layer, line.box, look, height, chance)
    hulls = line.hulls[1:-1]
    points = np.concatenate(hulls)
    box = (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
    if alone:  # nothing beside it
        line.mask[:, : math.floor(box[0])] = 0
        line.mask[:, math.ceil(box[2]) :] = 0
    put_ink(layer, line, look, height, chance)
    beside = () if alone else (line.hulls[0], line.hulls[-1])
    return Panel(layer, number, hulls, height, box, beside=beside,
                 sliver=0.2 if length == 1 else 0.5, wall=look.ground, masonry=masonry)  # fmt: skip


def _panel(text: str, line: Line, height: float, chance: Rng) -> Panel:
    """Lay a line of characters on its ground."""
    number, places = number_in(text)
    inked = [place for place, character in enumerate(text) if character != " "]
    hulls = [line.hulls[inked.index(place)] for place in places]
    look, masonry = draw_print_look(chance, height)
    layer = Layer(*line.mask.shape)
    wall = look.ground
    if look.plate:
        put_plate(layer, line.box, look, height, chance)
        wall, masonry = None, True
    if chance.happens(0.12):
        _put_extra(layer, line, look, height, chance)
    put_ink(layer, line, look, height, chance)
    return Panel(layer, number, hulls, height, line.box, tuple(line.hulls),
                 turnable=can_be_turned(number), wall=wall, masonry=masonry)  # fmt: skip


def _put_extra(layer: Layer, line: Line, look: Look, height: float, chance: Rng) -> None:
    """Lay a word or a much smaller number above or below."""
    size = height * chance.uniform(0.2, 0.4)
    small = draw_digits(1 + chance.below(4), chance)
    word = chance.choice(
        ("ROAD", "Street", "OFFICE", "EXIT", "Floor", "RUE DU BAC", "VIA ROMA", small)
    )
    y = line.box[1] - 1.1 * size if chance.happens(0.5) else line.box[3] + 1.1 * size
    x = chance.uniform(line.box[0], line.box[2])
    put_words(layer, word, chance.choice(faces("Roboto", "Lato", "Serif")), (x, y), size,
              look.ink, chance, keep=grown(line.box, 0, 0.1 * height))  # fmt: skip
