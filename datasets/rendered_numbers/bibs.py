"""Numbers that are worn or carried: race bibs, jerseys, number plates, embossed cards."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

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
    rectangle,
    scale_brightness,
)
from datasets.rendered_numbers.planes import Box
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.rule import number_in
from datasets.rendered_numbers.setting import set_line
from datasets.rendered_numbers.signs import Look, put_ink
from datasets.rendered_numbers.surfaces import (
    Colour,
    ink_colour,
    light_colour,
    luminance,
    mix,
    wall_colour,
)

_STRONG = ((200.0, 40.0, 40.0), (245.0, 200.0, 30.0), (30.0, 80.0, 170.0), (40.0, 140.0, 70.0),
           (235.0, 120.0, 30.0), (20.0, 25.0, 60.0), (110.0, 40.0, 110.0), (20.0, 20.0, 22.0),
           (235.0, 235.0, 235.0), (100.0, 185.0, 225.0), (120.0, 20.0, 40.0))  # fmt: skip
_WHITE, _BLACK = (238.0, 238.0, 235.0), (20.0, 20.0, 24.0)
_PLATES = (
    (4.0, (_WHITE, _BLACK)), (2.0, ((240.0, 195.0, 45.0), _BLACK)), (1.0, (_BLACK, _WHITE)),
    (1.0, ((30.0, 60.0, 150.0), _WHITE)), (0.7, (_WHITE, (30.0, 50.0, 140.0))),
    (0.7, ((190.0, 35.0, 35.0), _WHITE)), (0.6, ((30.0, 110.0, 60.0), _WHITE)),
)  # fmt: skip
"""(weight, (ground, ink)) of vehicles' plates."""
_SPONSORS = ("CITY MARATHON", "TRIATHLON", "FINISHER", "RUN FOR LIFE", "SPORT", "ENERGY", "HALF",
             "STAGE RACE", "BANK", "TEAM", "ANNA", "MARIE", "PAUL", "TRAIL",
             "VOLVO", "Radio")  # fmt: skip
_NAMES = ("MULLER", "SMITH", "ROSSI", "SILVA", "KANE", "JORDAN", "NOVAK", "LEE")


def _bend(layer: Layer, hulls: list[np.ndarray], height: float, chance: Rng) -> list[np.ndarray]:
    """Fold cloth or paper: move what is painted in waves and shade it, in place.

    Returns:
        The hulls, moved alike.
    """
    rows, columns = layer.paint.shape[:2]
    swing = height * chance.uniform(0.01, 0.09)
    wave = height * chance.uniform(2.0, 7.0)
    phase = chance.uniform(0, 2 * np.pi)
    lean = chance.uniform(-0.6, 0.6)
    x = np.arange(columns, dtype=np.float32)[None]
    y = np.arange(rows, dtype=np.float32)[:, None]
    angle = (x + lean * y) * np.float32(2 * np.pi / wave) + np.float32(phase)
    map_x = np.broadcast_to(x, (rows, columns)).copy()
    map_y = y + np.float32(swing) * np.sin(angle)
    layer.paint = cv2.remap(layer.paint, map_x, map_y, cv2.INTER_LINEAR)
    left, top, right, bottom = layer.box
    layer.box = left, max(int(top - swing) - 1, 0), right, min(int(bottom + swing) + 2, rows)
    depth = chance.uniform(0.02, 0.22)
    scale_brightness(layer, 1 + np.float32(depth) * np.cos(angle + np.float32(0.7)))
    moved = []
    for hull in hulls:
        # Where y + swing sin((x + lean y) 2 pi / wave + phase) is the old height of a point.
        new = hull[:, 1].astype(np.float64)
        for _ in range(6):
            new = hull[:, 1] - swing * np.sin((hull[:, 0] + lean * new) * 2 * np.pi / wave + phase)
        moved.append(np.column_stack([hull[:, 0], new]).astype(np.float32))
    return moved


def _block(chance: Rng):
    """Heavy upright type."""
    face = chance.choice(faces("Black", "Bold", "Fjalla", "ExtraBold", "Heavy", "Medium"))
    slant = chance.uniform(0.05, 0.3) if chance.happens(0.15) else 0.0
    return replace(
        PLAIN, face=face, stretch=chance.uniform(0.65, 1.15), slant=slant,
        growth=chance.choice((0, 0, 1, 2)), spacing=chance.uniform(0.03, 0.22),
        marks=("slash",) if chance.happens(0.04) else (),
    )  # fmt: skip


def draw_bib(chance: Rng, height: float) -> Panel:
    """Draw a race bib: big digits, print above and below, pins, folds."""
    length = chance.weighted(((6.0, 1), (14.0, 2), (30.0, 3), (34.0, 4), (16.0, 5)))
    text = number = draw_digits(length, chance, zeros=0.06)
    if chance.happens(0.08):
        text = chance.choice("ABCFMWT") + chance.choice(("", "-")) + number
    line = set_line(text, _block(chance), height, chance, margin=1.5)
    _, places = number_in(text)
    hulls = line.hulls
    layer = Layer(*line.mask.shape)
    ground = light_colour(chance) if chance.happens(0.75) else chance.choice(_STRONG)
    ink = ink_colour(ground, chance) if chance.happens(0.6) else chance.choice(_STRONG)
    if abs(luminance(ink) - luminance(ground)) < 70:
        ink = (20.0, 20.0, 25.0) if luminance(ground) > 120 else (240.0, 240.0, 240.0)
    sheet = grown(line.box, height * chance.uniform(0.2, 0.8), height * chance.uniform(0.25, 0.6))
    bands = [height * chance.uniform(0.2, 0.6) if chance.happens(0.7) else 0.0 for _ in range(2)]
    whole = (sheet[0], sheet[1] - bands[0], sheet[2], sheet[3] + bands[1])
    put_box(layer, whole, ground, 1.0, 0.05 * height)
    for side, band in enumerate(bands):
        if band:
            box = (sheet[0], sheet[1] - band, sheet[2], sheet[1]) if not side else (
                sheet[0], sheet[3], sheet[2], sheet[3] + band)  # fmt: skip
            _put_band(layer, box, ground, chance)
    if chance.happens(0.5):  # pins or eyelets in the corners
        for x in (whole[0] + 0.12 * height, whole[2] - 0.12 * height):
            for y in (whole[1] + 0.12 * height, whole[3] - 0.12 * height):
                size = height * 0.04
                put_box(
                    layer, (x - size, y - size, x + size, y + size), (70.0, 70.0, 75.0), 1, size
                )
    outline = chance.choice(_STRONG) if chance.happens(0.12) else None
    if outline and abs(luminance(outline) - luminance(ink)) < 50:
        outline = None
    put_ink(layer, line, Look(ink, ground, True, False, outline, 0.0, 0.0), height, chance)
    if chance.happens(0.75):
        hulls = _bend(layer, hulls, height, chance)
    return Panel(layer, number, [hulls[place] for place in places], height, line.box,
                 tuple(hulls), turnable=can_be_turned(number))  # fmt: skip


def _put_band(layer: Layer, box: Box, ground: Colour, chance: Rng) -> None:
    """Lay a band with a sponsor's name, or timing marks, on a bib."""
    colour = chance.choice(_STRONG) if chance.happens(0.7) else ground
    put_box(layer, box, colour)
    ink = (240.0, 240.0, 240.0) if luminance(colour) < 130 else (25.0, 25.0, 30.0)
    high = box[3] - box[1]
    middle = (box[1] + box[3]) / 2
    if chance.happens(0.2):  # marks that a timing system reads
        for place in range(8):
            if chance.happens(0.6):
                x = box[0] + (place + 0.5) * (box[2] - box[0]) / 8
                put_box(layer, (x - 0.2 * high, middle - 0.3 * high, x + 0.2 * high,
                                middle + 0.3 * high), ink)  # fmt: skip
        return
    face = chance.choice(faces("Bold", "Black", "Roboto", "Italic"))
    put_words(layer, chance.choice(_SPONSORS), face, ((box[0] + box[2]) / 2, middle), 0.5 * high,
              ink, chance)  # fmt: skip


def draw_jersey(chance: Rng, height: float) -> Panel:
    """Draw a jersey: one or two block digits of two colours on cloth."""
    number = draw_digits(1 if chance.happens(0.32) else 2, chance, zeros=0.05)
    line = set_line(number, _block(chance), height, chance, margin=1.3)
    layer = Layer(*line.mask.shape)
    rows, columns = line.mask.shape
    ground = chance.choice(_STRONG)
    put_box(layer, (0, 0, columns, rows), ground)
    if chance.happens(0.3):  # a striped shirt
        other, step = chance.choice(_STRONG), height * chance.uniform(0.3, 1.0)
        stripes = mix(ground, other, chance.uniform(0.15, 0.5))
        for place in range(0, int(columns / step) + 1, 2):
            put_box(layer, (place * step, 0, (place + 1) * step, rows), stripes)
    ink = chance.choice(_STRONG)
    if abs(luminance(ink) - luminance(ground)) < 80:
        ink = (245.0, 245.0, 245.0) if luminance(ground) < 120 else (20.0, 20.0, 25.0)
    outline = None
    if chance.happens(0.55):
        outline = chance.choice(_STRONG)
        if abs(luminance(outline) - luminance(ink)) < 55:
            outline = None
    if chance.happens(0.4):
        size = height * chance.uniform(0.2, 0.35)
        middle = (line.box[0] + line.box[2]) / 2
        put_words(layer, chance.choice(_NAMES), chance.choice(faces("Bold", "Black")),
                  (middle, line.box[1] - 1.2 * size), size, ink, chance)  # fmt: skip
    put_ink(layer, line, Look(ink, ground, True, False, outline, 0.0, 0.0), height, chance)
    grain = chance.choice(("speckle", "grooves", "rough", "stucco"))
    put_grain(layer, grain, chance.uniform(0.02, 0.09), chance)
    hulls = _bend(layer, line.hulls, height, chance)
    return Panel(layer, number, hulls, height, line.box, turnable=can_be_turned(number),
                 wall=ground, masonry=False)  # fmt: skip


def draw_number_plate(chance: Rng, height: float) -> Panel:
    """Draw a vehicle's plate: digits alone, or after or before letters."""
    number = draw_digits(chance.weighted(((8.0, 2), (20.0, 3), (30.0, 4), (18.0, 5), (14.0, 6),
                                          (6.0, 7))), chance, zeros=0.12)  # fmt: skip
    letters = "".join(chance.choice("ABCDEFHJKLMNPRTUVWXY") for _ in range(1 + chance.below(3)))
    gap = chance.choice(("", " ", " ", "-"))
    kind = chance.unit()
    text = number
    if kind > 0.55:
        text = letters + gap + number if kind < 0.85 else number + gap + letters
    face = chance.choice(faces("Bold", "Medium", "Fjalla", "Semibold", "Roboto-Reg", "DejaVuSans"))
    marks = (chance.choice(("slash", "dot")),) if chance.happens(0.12) else ()
    lettering = replace(
        PLAIN, face=face, stretch=chance.uniform(0.6, 1.05), marks=marks,
        growth=chance.choice((0, 1)), spacing=chance.uniform(0.08, 0.25),
    )  # fmt: skip
    line = set_line(text, lettering, height, chance, margin=1.3)
    _, places = number_in(text)
    inked = [place for place, character in enumerate(text) if character != " "]
    hulls = [line.hulls[inked.index(place)] for place in places]
    layer = Layer(*line.mask.shape)
    ground, ink = chance.weighted(_PLATES)
    sheet = grown(line.box, height * chance.uniform(0.15, 0.5), height * chance.uniform(0.12, 0.35))
    corner = height * chance.uniform(0.05, 0.2)
    if chance.happens(0.6):
        put_box(layer, grown(sheet, 0.07 * height, 0.07 * height), (25.0, 25.0, 28.0), 1.0, corner)
    put_box(layer, sheet, ground, 1.0, corner)
    if chance.happens(0.5):
        inner = grown(sheet, -0.05 * height, -0.05 * height)
        shape = layer.paint.shape[:2]
        thick = max(1.0, 0.04 * height)
        rim = cv2.subtract(rectangle(shape, inner, corner),
                           rectangle(shape, grown(inner, -thick, -thick), corner))  # fmt: skip
        layer.put(rim, ink, chance.uniform(0.5, 1.0))
    relief = chance.uniform(0.01, 0.05) if chance.happens(0.6) else 0.0
    worn = chance.uniform(0.02, 0.18) if chance.happens(0.2) else 0.0
    put_ink(layer, line, Look(ink, ground, True, False, None, relief, worn), height, chance)
    return Panel(layer, number, hulls, height, line.box, tuple(line.hulls),
                 turnable=can_be_turned(number))  # fmt: skip


def draw_card(chance: Rng, height: float) -> Panel:
    """Draw raised or stamped digits: on a card, a tag, a machine's type plate."""
    length = chance.weighted(((3.0, 3), (10.0, 4), (4.0, 5), (6.0, 6), (3.0, 7), (6.0, 8), (1.0, 9),
                              (5.0, 10)))  # fmt: skip
    number = draw_digits(length, chance, zeros=0.2)
    face = chance.choice(faces("DejaVuSansMono", "Roboto-Medium", "cmtt10", "Lato-Bold",
                               "SourceSansPro-Semibold", "HankenGrotesk-Medium"))  # fmt: skip
    lettering = replace(PLAIN, face=face, growth=chance.choice((0, 0, 1)),
                        spacing=chance.uniform(0.12, 0.35), rounding=chance.uniform(0.5, 2.0),
                        stretch=chance.uniform(0.8, 1.1))  # fmt: skip
    line = set_line(number, lettering, height, chance, margin=1.5)
    layer = Layer(*line.mask.shape)
    metal = chance.happens(0.4)
    ground = wall_colour(chance) if metal else chance.choice(_STRONG)
    sheet = grown(line.box, height * chance.uniform(0.4, 1.3), height * chance.uniform(0.4, 1.3))
    put_box(layer, sheet, ground, 1.0, 0.2 * height)
    if metal or chance.happens(0.4):
        put_grain(layer, chance.choice(("wood", "stains", "plain")), 0.05, chance)
    if chance.happens(0.4):
        size = height * chance.uniform(0.3, 0.6)
        word = chance.choice(("VALID THRU", "MR J DOE", "MEMBER", "DEBIT", "CARD", "TYPE", "MODEL"))
        y = line.box[3] + 1.1 * size if chance.happens(0.7) else line.box[1] - 1.1 * size
        put_words(layer, word, chance.choice(faces("Roboto", "Lato")), (line.box[0], y), size,
                  ink_colour(ground, chance), chance, anchor=0.0)  # fmt: skip
    colour = chance.weighted(
        ((2.0, (205.0, 205.0, 210.0)), (1.5, (215.0, 185.0, 110.0)), (3.0, None))
    )
    if colour is None or abs(luminance(colour) - luminance(ground)) < 35:
        step = chance.choice((-1, 1)) * chance.uniform(20, 55)
        if not 20 < luminance(ground) + step < 240:
            step = -step
        colour = tuple(min(max(part + step, 0.0), 255.0) for part in ground)
    look = Look(colour, ground, True, False, None, chance.uniform(0.03, 0.08), 0.0)
    put_ink(layer, line, look, height, chance)
    if chance.happens(0.3):  # a bent or glossy surface
        rows, columns = line.mask.shape
        x = np.linspace(-1, 1, columns, dtype=np.float32)[None].repeat(rows, axis=0)
        at, wide = chance.uniform(-0.8, 0.8), chance.uniform(0.1, 0.4)
        shine = np.exp(-(((x - np.float32(at)) / np.float32(wide)) ** 2))
        scale_brightness(layer, 1 + np.float32(chance.uniform(0.05, 0.35)) * shine)
    return Panel(layer, number, line.hulls, height, line.box, turnable=can_be_turned(number))
