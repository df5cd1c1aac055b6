"""Race bibs, jerseys, number plates and embossed cards."""

from __future__ import annotations

import itertools
from dataclasses import replace

import cv2
import numpy as np

from .colours import brightened, contrast, ink_colour, light_colour, luminance, mix, wall_colour
from .drawing import Box, Colour, Layer, expand
from .fonts import faces
from .layout import TextLine, layout_line
from .planar_object import PlanarObject, add_grain, line_object, paint_words, sample_digits
from .plates import Finish, paint_ink
from .rng import Rng
from .text_style import TextStyle

_VIVID_COLOURS = (
    (200.0, 40.0, 40.0), (245.0, 200.0, 30.0), (30.0, 80.0, 170.0), (40.0, 140.0, 70.0),
    (235.0, 120.0, 30.0), (20.0, 25.0, 60.0), (110.0, 40.0, 110.0), (20.0, 20.0, 22.0),
    (235.0, 235.0, 235.0), (100.0, 185.0, 225.0), (120.0, 20.0, 40.0),
)  # fmt: skip
_PLATE_WHITE, _PLATE_BLACK = (238.0, 238.0, 235.0), (20.0, 20.0, 24.0)
_PLATE_COLOURS = (  # (weight, (ground, ink))
    (4.0, (_PLATE_WHITE, _PLATE_BLACK)),
    (2.0, ((240.0, 195.0, 45.0), _PLATE_BLACK)),
    (1.0, (_PLATE_BLACK, _PLATE_WHITE)),
    (1.0, ((30.0, 60.0, 150.0), _PLATE_WHITE)),
    (0.7, (_PLATE_WHITE, (30.0, 50.0, 140.0))),
    (0.7, ((190.0, 35.0, 35.0), _PLATE_WHITE)),
    (0.6, ((30.0, 110.0, 60.0), _PLATE_WHITE)),
)
_SPONSORS = (
    "CITY MARATHON", "TRIATHLON", "FINISHER", "RUN FOR LIFE", "SPORT", "ENERGY", "HALF",
    "STAGE RACE", "BANK", "TEAM", "ANNA", "MARIE", "PAUL", "TRAIL", "VOLVO", "Radio",
)  # fmt: skip
_PLAYERS = ("MULLER", "SMITH", "ROSSI", "SILVA", "KANE", "JORDAN", "NOVAK", "LEE")
_CARD_WORDS = ("VALID THRU", "MR J DOE", "MEMBER", "DEBIT", "CARD", "TYPE", "MODEL")

_BIB_LENGTHS = ((6.0, 1), (14.0, 2), (30.0, 3), (34.0, 4), (16.0, 5))
_PLATE_LENGTHS = ((8.0, 2), (20.0, 3), (30.0, 4), (18.0, 5), (14.0, 6), (6.0, 7))
_CARD_LENGTHS = ((3.0, 3), (10.0, 4), (4.0, 5), (6.0, 6), (3.0, 7), (6.0, 8), (1.0, 9), (5.0, 10))


def _fold(layer: Layer, line: TextLine, height: float, rng: Rng) -> TextLine:
    """Displace and shade a layer in waves, in place; returns the line with its hulls displaced."""
    rows, columns = layer.shape
    amplitude = height * rng.uniform(0.01, 0.09)
    wavelength = height * rng.uniform(2.0, 7.0)
    phase = rng.uniform(0, 2 * np.pi)
    shear = rng.uniform(-0.6, 0.6)
    x = np.arange(columns, dtype=np.float32)[None]
    y = np.arange(rows, dtype=np.float32)[:, None]
    angle = (x + shear * y) * np.float32(2 * np.pi / wavelength) + np.float32(phase)
    map_x = np.broadcast_to(x, (rows, columns)).copy()
    map_y = y + np.float32(amplitude) * np.sin(angle)
    layer.rgba = cv2.remap(layer.rgba, map_x, map_y, cv2.INTER_LINEAR)
    left, top, right, bottom = layer.box
    top, bottom = max(int(top - amplitude) - 1, 0), min(int(bottom + amplitude) + 2, rows)
    layer.box = left, top, right, bottom
    depth = rng.uniform(0.02, 0.22)
    layer.scale_brightness(1 + np.float32(depth) * np.cos(angle + np.float32(0.7)))
    displaced = []
    for hull in line.hulls:
        # Fixed-point iteration for y + amplitude sin((x + shear y) 2 pi / wavelength + phase) = y0.
        x, y0 = hull.T
        y = y0.astype(np.float64)
        for _ in range(6):
            y = y0 - amplitude * np.sin((x + shear * y) * 2 * np.pi / wavelength + phase)
        displaced.append(np.column_stack([x, y]).astype(np.float32))
    return replace(line, hulls=displaced)


def _sample_block_style(rng: Rng) -> TextStyle:
    """Sample a style of heavy type."""
    face = rng.choice(faces("Black", "Bold", "Fjalla", "ExtraBold", "Heavy", "Medium"))
    slant = rng.uniform(0.05, 0.3) if rng.bernoulli(0.15) else 0.0
    return TextStyle(
        face=face,
        stretch=rng.uniform(0.65, 1.15),
        slant=slant,
        growth=rng.choice((0, 0, 1, 2)),
        spacing=rng.uniform(0.03, 0.22),
        marks=("slash",) if rng.bernoulli(0.04) else (),
    )


def _sample_outline(ink: Colour, probability: float, least: float, rng: Rng) -> Colour | None:
    """Sample the colour of an outline whose contrast to the ink is at least `least`, or None."""
    outline = rng.choice(_VIVID_COLOURS) if rng.bernoulli(probability) else None
    return outline if outline and contrast(outline, ink) >= least else None


def render_bib(rng: Rng, height: float, text: str | None = None) -> PlanarObject:
    """Render a race bib: large digits (or `text`), print above and below, pins, folds."""
    if text is None:
        text = sample_digits(rng.weighted_choice(_BIB_LENGTHS), rng, leading_zeros=0.06)
        if rng.bernoulli(0.08):
            text = rng.choice("ABCFMWT") + rng.choice(("", "-")) + text
    line = layout_line(text, _sample_block_style(rng), height, rng, margin=1.5)
    layer = Layer(*line.mask.shape)
    ground = light_colour(rng) if rng.bernoulli(0.75) else rng.choice(_VIVID_COLOURS)
    ink = ink_colour(ground, rng) if rng.bernoulli(0.6) else rng.choice(_VIVID_COLOURS)
    if contrast(ink, ground) < 70:
        ink = (20.0, 20.0, 25.0) if luminance(ground) > 120 else (240.0, 240.0, 240.0)
    inner = expand(line.box, height * rng.uniform(0.2, 0.8), height * rng.uniform(0.25, 0.6))
    left, top, right, bottom = inner
    above, below = (height * rng.uniform(0.2, 0.6) if rng.bernoulli(0.7) else 0.0 for _ in range(2))
    sheet = (left, top - above, right, bottom + below)
    layer.paint_box(sheet, ground, 1.0, 0.05 * height)
    if above:
        _paint_band(layer, (left, top - above, right, top), ground, rng)
    if below:
        _paint_band(layer, (left, bottom, right, bottom + below), ground, rng)
    if rng.bernoulli(0.5):  # pins or eyelets in the corners
        x0, y0, x1, y1 = expand(sheet, -0.12 * height, -0.12 * height)
        for x, y in itertools.product((x0, x1), (y0, y1)):
            pin = expand((x, y, x, y), 0.04 * height, 0.04 * height)
            layer.paint_box(pin, (70.0, 70.0, 75.0), 1.0, 0.04 * height)
    outline = _sample_outline(ink, 0.12, 50, rng)
    paint_ink(layer, line, Finish(ink, ground, outline=outline), height, rng)
    line = _fold(layer, line, height, rng) if rng.bernoulli(0.75) else line
    return line_object(layer, text, line)


def _paint_band(layer: Layer, box: Box, ground: Colour, rng: Rng) -> None:
    """Paint a band with a sponsor's name, or with timing marks, on a bib."""
    colour = rng.choice(_VIVID_COLOURS) if rng.bernoulli(0.7) else ground
    layer.paint_box(box, colour)
    ink = (240.0, 240.0, 240.0) if luminance(colour) < 130 else (25.0, 25.0, 30.0)
    left, top, right, bottom = box
    height, y = bottom - top, (top + bottom) / 2
    if rng.bernoulli(0.2):  # marks of a timing system
        for index in range(8):
            if rng.bernoulli(0.6):
                x = left + (index + 0.5) * (right - left) / 8
                layer.paint_box(expand((x, y, x, y), 0.2 * height, 0.3 * height), ink)
        return
    face = rng.choice(faces("Bold", "Black", "Roboto", "Italic"))
    sponsor = rng.choice(_SPONSORS)
    paint_words(layer, sponsor, face, ((left + right) / 2, y), 0.5 * height, ink, rng)


def render_jersey(rng: Rng, height: float) -> PlanarObject:
    """Render a jersey: one or two block digits on cloth."""
    label = sample_digits(1 if rng.bernoulli(0.32) else 2, rng, leading_zeros=0.05)
    line = layout_line(label, _sample_block_style(rng), height, rng, margin=1.3)
    rows, columns = line.mask.shape
    layer = Layer(rows, columns)
    ground = rng.choice(_VIVID_COLOURS)
    layer.paint_box((0, 0, columns, rows), ground)
    if rng.bernoulli(0.3):
        second, width = rng.choice(_VIVID_COLOURS), height * rng.uniform(0.3, 1.0)
        stripe = mix(ground, second, rng.uniform(0.15, 0.5))
        for index in range(0, int(columns / width) + 1, 2):
            layer.paint_box((index * width, 0, (index + 1) * width, rows), stripe)
    ink = rng.choice(_VIVID_COLOURS)
    if contrast(ink, ground) < 80:
        ink = (245.0, 245.0, 245.0) if luminance(ground) < 120 else (20.0, 20.0, 25.0)
    outline = _sample_outline(ink, 0.55, 55, rng)
    if rng.bernoulli(0.4):
        size = height * rng.uniform(0.2, 0.35)
        player, face = rng.choice(_PLAYERS), rng.choice(faces("Bold", "Black"))
        position = (line.box[0] + line.box[2]) / 2, line.box[1] - 1.2 * size
        paint_words(layer, player, face, position, size, ink, rng)
    paint_ink(layer, line, Finish(ink, ground, outline=outline), height, rng)
    texture = rng.choice(("speckle", "grooves", "rough", "stucco"))
    add_grain(layer, texture, rng.uniform(0.02, 0.09), rng)
    line = _fold(layer, line, height, rng)
    return line_object(layer, label, line, background=ground, textured=False)


def render_number_plate(rng: Rng, height: float) -> PlanarObject:
    """Render a vehicle's plate: digits alone, or before or after letters."""
    text = sample_digits(rng.weighted_choice(_PLATE_LENGTHS), rng, leading_zeros=0.12)
    letters = "".join(rng.choice("ABCDEFHJKLMNPRTUVWXY") for _ in range(1 + rng.randrange(3)))
    gap = rng.choice(("", " ", " ", "-"))
    kind = rng.random()
    if kind > 0.55:
        text = letters + gap + text if kind < 0.85 else text + gap + letters
    face = rng.choice(faces("Bold", "Medium", "Fjalla", "Semibold", "Roboto-Reg", "DejaVuSans"))
    marks = (rng.choice(("slash", "dot")),) if rng.bernoulli(0.12) else ()
    text_style = TextStyle(
        face=face,
        stretch=rng.uniform(0.6, 1.05),
        growth=rng.choice((0, 1)),
        spacing=rng.uniform(0.08, 0.25),
        marks=marks,
    )
    line = layout_line(text, text_style, height, rng, margin=1.3)
    layer = Layer(*line.mask.shape)
    ground, ink = rng.weighted_choice(_PLATE_COLOURS)
    plate = expand(line.box, height * rng.uniform(0.15, 0.5), height * rng.uniform(0.12, 0.35))
    radius = height * rng.uniform(0.05, 0.2)
    if rng.bernoulli(0.6):
        holder = expand(plate, 0.07 * height, 0.07 * height)
        layer.paint_box(holder, (25.0, 25.0, 28.0), 1.0, radius)
    layer.paint_box(plate, ground, 1.0, radius)
    if rng.bernoulli(0.5):
        thickness = max(1.0, 0.04 * height)
        border = expand(plate, -0.05 * height, -0.05 * height)
        inner = expand(border, -thickness, -thickness)
        layer.paint_frame(border, inner, ink, rng.uniform(0.5, 1.0), radius)
    relief = rng.uniform(0.01, 0.05) if rng.bernoulli(0.6) else 0.0
    worn = rng.uniform(0.02, 0.18) if rng.bernoulli(0.2) else 0.0
    paint_ink(layer, line, Finish(ink, ground, relief=relief, worn=worn), height, rng)
    return line_object(layer, text, line)


def render_card(rng: Rng, height: float) -> PlanarObject:
    """Render embossed or stamped digits on a card, a tag or a machine's type plate."""
    label = sample_digits(rng.weighted_choice(_CARD_LENGTHS), rng, leading_zeros=0.2)
    plain_faces = faces("DejaVuSansMono", "Roboto-Medium", "cmtt10", "Lato-Bold",
                        "SourceSansPro-Semibold", "HankenGrotesk-Medium")  # fmt: skip
    text_style = TextStyle(
        face=rng.choice(plain_faces),
        growth=rng.choice((0, 0, 1)),
        spacing=rng.uniform(0.12, 0.35),
        rounding=rng.uniform(0.5, 2.0),
        stretch=rng.uniform(0.8, 1.1),
    )
    line = layout_line(label, text_style, height, rng, margin=1.5)
    layer = Layer(*line.mask.shape)
    is_metal = rng.bernoulli(0.4)
    ground = wall_colour(rng) if is_metal else rng.choice(_VIVID_COLOURS)
    card = expand(line.box, height * rng.uniform(0.4, 1.3), height * rng.uniform(0.4, 1.3))
    layer.paint_box(card, ground, 1.0, 0.2 * height)
    if is_metal or rng.bernoulli(0.4):
        add_grain(layer, rng.choice(("wood", "stains", "plain")), 0.05, rng)
    if rng.bernoulli(0.4):
        size = height * rng.uniform(0.3, 0.6)
        word = rng.choice(_CARD_WORDS)
        y = line.box[3] + 1.1 * size if rng.bernoulli(0.7) else line.box[1] - 1.1 * size
        face, colour = rng.choice(faces("Roboto", "Lato")), ink_colour(ground, rng)
        paint_words(layer, word, face, (line.box[0], y), size, colour, rng, anchor=0.0)
    ink = rng.weighted_choice(
        ((2.0, (205.0, 205.0, 210.0)), (1.5, (215.0, 185.0, 110.0)), (3.0, None))
    )
    if ink is None or contrast(ink, ground) < 35:
        step = rng.choice((-1, 1)) * rng.uniform(20, 55)
        ink = brightened(ground, step if 20 < luminance(ground) + step < 240 else -step)
    paint_ink(layer, line, Finish(ink, ground, relief=rng.uniform(0.03, 0.08)), height, rng)
    if rng.bernoulli(0.3):  # a reflection on a curved or glossy surface
        rows, columns = line.mask.shape
        x = np.linspace(-1, 1, columns, dtype=np.float32)[None].repeat(rows, axis=0)
        middle, width = rng.uniform(-0.8, 0.8), rng.uniform(0.1, 0.4)
        shine = np.exp(-(((x - np.float32(middle)) / np.float32(width)) ** 2))
        layer.scale_brightness(1 + np.float32(rng.uniform(0.05, 0.35)) * shine)
    return line_object(layer, label, line)
