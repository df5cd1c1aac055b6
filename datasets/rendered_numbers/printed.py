"""Printed and painted numbers: mixed texts, cropped digits, vertical and diagonal numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from .colours import brightened, dark_colour, ink_colour, light_colour, luminance, mix, wall_colour
from .drawing import Colour, Layer, box_corners, expand, points_box
from .fonts import face_for, faces, is_named
from .layout import TextLine, layout_column, layout_line
from .planar_object import PlanarObject, line_object, paint_words, sample_digits
from .plates import Finish, paint_ink, paint_plate
from .rng import Rng
from .strokes import sample_brush
from .text_style import TextStyle

_PRINT_LENGTHS = ((12.0, 1), (16.0, 2), (20.0, 3), (17.0, 4), (12.0, 5), (9.0, 6), (6.0, 7),
                  (5.0, 8), (2.0, 9), (1.5, 10))  # fmt: skip
_VERTICAL_LENGTHS = ((2.0, 2), (4.0, 3), (4.0, 4), (2.0, 5), (0.6, 6))
_CUT_LENGTHS = ((7.0, 1), (1.0, 2), (1.0, 3), (0.5, 4))

_CONTEXT_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_SATURATED_COLOURS = (
    (205.0, 45.0, 40.0), (245.0, 200.0, 35.0), (35.0, 85.0, 175.0), (40.0, 140.0, 75.0),
    (235.0, 120.0, 30.0), (120.0, 60.0, 140.0), (90.0, 180.0, 220.0),
)  # fmt: skip


def sample_print_style(rng: Rng, plain: float = 0.35) -> TextStyle:
    """Sample the style of characters, undistorted upright type with a probability of `plain`."""
    face = rng.choice(faces())
    if is_named(face, "Thin", "Light") and rng.bernoulli(0.6):
        face = rng.choice(faces())
    marks = (rng.choice(("slash", "dot")),) if rng.bernoulli(0.14) else ()
    if rng.bernoulli(0.08):
        marks += ("bar",)
    if rng.bernoulli(plain):
        spacing = rng.clipped_normal(0.14, 0.08, 0.03, 0.4)
        return TextStyle(face=face, spacing=spacing, marks=marks)
    painted = rng.bernoulli(0.35)
    brush = replace(sample_brush(rng), handwritten=rng.bernoulli(0.7)) if painted else None
    bold = is_named(face, "Black", "Bold", "Extra")
    loose = rng.bernoulli(0.2)
    return TextStyle(
        face=face,
        brush=brush,
        stretch=rng.clipped_normal(0.95, 0.2, 0.55, 1.5),
        slant=0.0 if rng.bernoulli(0.6) else rng.uniform(-0.15, 0.4),
        growth=0 if painted else rng.choice((-1, 0, 0) if bold else (0, 0, 1, 2, 3)),
        wobble=rng.uniform(0.5, 2.5) if rng.bernoulli(0.25) else 0.0,
        rounding=rng.uniform(1.0, 3.0) if rng.bernoulli(0.2) else 0.0,
        stencil=rng.bernoulli(0.03),
        spacing=rng.clipped_normal(0.12, 0.09, -0.02, 0.5),
        rotation_jitter=rng.uniform(0.0, 0.09) if loose else 0.0,
        baseline_jitter=rng.uniform(0.0, 0.06) if loose else 0.0,
        size_jitter=0.03 if loose else 0.0,
        slope=rng.clipped_normal(0.0, 0.2, -0.5, 0.5) if rng.bernoulli(0.1) else 0.0,
        marks=marks,
    )


def sample_print_finish(rng: Rng, height: float) -> tuple[Finish, bool]:
    """Sample the finish of characters, and whether the background may be of bricks or boards.

    Small digits do not have a low contrast.
    """
    low_contrast = 1.5 if height > 28 else 0.0
    kind = rng.weighted_choice(
        ((5.0, "paper"), (4.0, "paint"), (2.5, "dark"), (low_contrast, "low contrast"),
         (1.5, "metal on wood"), (1.5, "saturated"))
    )  # fmt: skip
    outline, relief, worn = None, 0.0, 0.0
    if kind == "paper":
        ground, ink = light_colour(rng), dark_colour(rng)
    elif kind == "dark":
        ground, ink = dark_colour(rng), light_colour(rng)
    elif kind == "low contrast":
        ground = wall_colour(rng)
        step = rng.uniform(22, 52) * rng.sign()
        ink = brightened(ground, step if 30 < luminance(ground) + step < 235 else -step)
        relief = rng.uniform(0.01, 0.05) if rng.bernoulli(0.4) else 0.0
    elif kind == "metal on wood":
        ground = mix((80.0, 42.0, 18.0), (135.0, 88.0, 52.0), rng.random())
        ink = mix((185.0, 145.0, 65.0), (230.0, 200.0, 125.0), rng.random())
        relief = rng.uniform(0.02, 0.08)
    elif kind == "saturated":
        ground = rng.choice(_SATURATED_COLOURS)
        ink = ink_colour(ground, rng)
        outline = light_colour(rng) if luminance(ink) < 110 and rng.bernoulli(0.5) else None
    else:
        ground = wall_colour(rng)
        ink = ink_colour(ground, rng)
        worn = rng.uniform(0.02, 0.22) if rng.bernoulli(0.35) else 0.0
        relief = rng.uniform(0.02, 0.09) if rng.bernoulli(0.3) else 0.0
    plate = rng.bernoulli(0.4)
    finish = Finish(ink, ground, plate, outline=outline, relief=relief, worn=worn)
    return finish, kind == "paint"


def _with_context(number: str, rng: Rng) -> str:
    """Add letters, signs or another number such that the number stays the longest, or the first."""
    kind = rng.weighted_choice(
        ((6.0, "alone"), (1.3, "letter after"), (1.0, "letter before"), (1.2, "sign before"),
         (1.0, "sign after"), (1.2, "point"), (0.8, "second"), (0.8, "word"))
    )  # fmt: skip
    if kind == "letter after":
        return number + rng.choice(("", "", " ", "-")) + rng.choice(_CONTEXT_LETTERS + "acde")
    if kind == "letter before":
        return rng.choice(_CONTEXT_LETTERS) + rng.choice(("", "", " ", "-")) + number
    if kind == "sign before":
        return rng.choice(("#", "€", "$", "£", "No. ", "N° ", "Nr. ", "+", "# ")) + number
    if kind == "sign after":
        return number + rng.choice(("%", "€", " €", "°", " kg", " km", "/", "+", ".", " m"))
    if kind == "point" and len(number) > 1:
        index = 1 + rng.randrange(len(number) - 1)
        return number[:index] + rng.choice(".,") + number[index:]
    if kind == "second" and len(number) > 1:
        shorter = sample_digits(1 + rng.randrange(len(number) - 1), rng)
        return number + rng.choice("/-") + shorter
    if kind == "word":
        return rng.choice(("Bis ", "Room ", "Bus ", "Gate ", "Lot ", "Hs. ", "Apt ")) + number
    return number


def render_print(rng: Rng, height: float, text: str | None = None) -> PlanarObject:
    """Render a printed or painted text; by default a number, often with letters or signs."""
    if text is None:
        number = sample_digits(rng.weighted_choice(_PRINT_LENGTHS), rng, leading_zeros=0.12)
        text = _with_context(number, rng)
    style = sample_print_style(rng)
    line = layout_line(text, replace(style, face=face_for(text, style.face)), height, rng, 1.2)
    return render_line(text, line, height, rng)


def render_diagonal(rng: Rng, height: float) -> PlanarObject:
    """Render a number on a line rotated by 15 to 50 degrees."""
    # At least two digits: one digit rotated that far could be another.
    text = sample_digits(rng.weighted_choice(_PRINT_LENGTHS[1:6]), rng)
    style = replace(sample_print_style(rng), slope=0.0)
    line = layout_line(text, style, height, rng, margin=1.2)
    planar = render_line(text, line, height, rng)
    planar.rotation = math.radians(rng.uniform(15, 50)) * rng.sign()
    planar.rotatable = False
    return planar


def render_vertical(rng: Rng, height: float) -> PlanarObject:
    """Render a number whose upright digits are below each other."""
    text = sample_digits(rng.weighted_choice(_VERTICAL_LENGTHS), rng)
    style = replace(sample_print_style(rng), slope=0.0, bow=0.0)
    line = layout_column(text, style, height, rng.uniform(0.1, 0.55), rng)
    planar = render_line(text, line, height, rng)
    planar.rotatable = False
    return planar


def render_cut(rng: Rng, height: float) -> PlanarObject:
    """Render a digit cropped from a longer number, or a number between two others.

    At most 20 % of a digit's neighbours, or half a digit of a number's neighbours, are in the
    image.
    """
    alone = rng.bernoulli(0.45)
    length = rng.weighted_choice(_CUT_LENGTHS)
    label = sample_digits(length, rng)
    # The gap between numbers is wider than a digit.
    gap = "" if length == 1 else " " * (3 + rng.randrange(3))
    text = sample_digits(1, rng) + gap + label + gap + sample_digits(1, rng)
    style = replace(sample_print_style(rng), slope=0.0, bow=0.0)
    line = layout_line(text, style, height, rng, margin=1.2)
    finish, textured = sample_print_finish(rng, height)
    layer = Layer(*line.mask.shape)
    if finish.plate:
        paint_plate(layer, line.box, finish, height, rng)
    before, *hulls, after = line.hulls
    box = points_box(np.concatenate(hulls))
    if alone:
        line.mask[:, : math.floor(box[0])] = 0
        line.mask[:, math.ceil(box[2]) :] = 0
    paint_ink(layer, line, finish, height, rng)
    return PlanarObject(
        layer,
        label,
        hulls,
        box,
        neighbour_hulls=None if alone else [before, after],
        max_neighbour_fraction=0.2 if length == 1 else 0.5,
        rotatable=False,
        background=finish.ground,
        textured=textured,
    )


def render_line(
    text: str, line: TextLine, height: float, rng: Rng, small_print: float = 0.12
) -> PlanarObject:
    """Render a line of characters on its ground, with small print by a probability."""
    finish, textured = sample_print_finish(rng, height)
    layer = Layer(*line.mask.shape)
    background = finish.ground
    if finish.plate:
        paint_plate(layer, line.box, finish, height, rng)
        background, textured = None, True
    others = []
    if small_print and rng.bernoulli(small_print):
        others = _paint_small_print(layer, line, finish.ink, height, rng)
    paint_ink(layer, line, finish, height, rng)
    return line_object(layer, text, line, background=background, textured=textured, others=others)


def _paint_small_print(
    layer: Layer, line: TextLine, ink: Colour, height: float, rng: Rng
) -> list[tuple[str, list[np.ndarray]]]:
    """Paint a word or a much smaller number above or below; returns `PlanarObject.others`."""
    size = height * rng.uniform(0.2, 0.4)
    number = sample_digits(1 + rng.randrange(4), rng)
    words = ("ROAD", "Street", "OFFICE", "EXIT", "Floor", "RUE DU BAC", "VIA ROMA", number)
    word = rng.choice(words)
    left, top, right, bottom = line.box
    y = top - 1.1 * size if rng.bernoulli(0.5) else bottom + 1.1 * size
    x = rng.uniform(left, right)
    face = rng.choice(faces("Roboto", "Lato", "Serif"))
    keep_free = expand(line.box, 0, 0.1 * height)
    box = paint_words(layer, word, face, (x, y), size, ink, rng, keep_free=keep_free)
    return [("", [box_corners(box).astype(np.float32)])] if box and word == number else []
