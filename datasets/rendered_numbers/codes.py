"""Codes on packages and machines: ink-jet dots, dot-matrix displays, labels with bar codes."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from .colours import WHITE, light_colour, mix, wall_colour
from .drawing import Box, Colour, Layer, blurred, expand, fill_circle, points_box
from .fonts import faces
from .glyphs import DOT_ROWS, GLYPH_PAD, SLASHED_ZERO, dot_grid, glyph
from .layout import TextLine, layout_line
from .planar_object import PlanarObject, add_grain, line_object, paint_words, sample_digits
from .rng import Rng
from .text_style import TextStyle

_CODE_LENGTHS = ((4.0, 2), (8.0, 3), (14.0, 4), (14.0, 5), (22.0, 6), (8.0, 7), (20.0, 8),
                 (5.0, 9), (8.0, 10))  # fmt: skip

# As `glyphs.DOT_ROWS`.
_CHARACTER_ROWS = {
    **DOT_ROWS,
    "L": (16, 16, 16, 16, 16, 16, 31), "E": (31, 16, 16, 30, 16, 16, 31),
    "X": (17, 17, 10, 4, 10, 17, 17), "P": (30, 17, 17, 30, 16, 16, 16),
    "A": (14, 17, 17, 31, 17, 17, 17), "T": (31, 4, 4, 4, 4, 4, 4),
    "K": (17, 18, 20, 24, 20, 18, 17), "H": (17, 17, 17, 31, 17, 17, 17),
    ".": (0, 0, 0, 0, 0, 12, 12), ":": (0, 12, 12, 0, 12, 12, 0), "-": (0, 0, 0, 31, 0, 0, 0),
    "R": (30, 17, 17, 30, 20, 18, 17), "N": (17, 25, 21, 19, 17, 17, 17),
}  # fmt: skip
_ZEROS = (DOT_ROWS["0"], SLASHED_ZERO, (6, 9, 9, 9, 9, 9, 6))
_ONES = (DOT_ROWS["1"], (4, 12, 20, 4, 4, 4, 31), (4, 12, 4, 4, 4, 4, 4))
_SEVENS = (DOT_ROWS["7"], (31, 1, 1, 2, 4, 4, 4), (31, 1, 2, 2, 4, 4, 4))

_DOT_LAMPS = ((255.0, 60.0, 30.0), (255.0, 165.0, 40.0), (80.0, 255.0, 90.0),
              (240.0, 245.0, 255.0), (90.0, 150.0, 255.0))  # fmt: skip


@functools.lru_cache(maxsize=1024)
def _font_dots(face: str, digit: str, rows: int) -> np.ndarray:
    """Sample a digit of a font file at dots: bool (rows, columns)."""
    mask = glyph(face, digit).mask[GLYPH_PAD:-GLYPH_PAD, GLYPH_PAD:-GLYPH_PAD]
    columns = max(round(mask.shape[1] * rows / mask.shape[0]), 3 if digit == "1" else 5)
    return cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA) > 105


def _layout_dots(text: str, height: float, is_display: bool, rng: Rng) -> TextLine:
    """Lay out characters made of dots; those of an ink-jet printer are displaced or missing."""
    face, rows = "", 7
    if rng.bernoulli(0.25):
        plain = faces("DejaVuSansMono-Bold.ttf", "DejaVuSansMono.ttf", "Roboto-Medium.ttf")
        face, rows = rng.choice(plain), 10 + rng.randrange(5)
    variants = {"0": rng.choice(_ZEROS), "1": rng.choice(_ONES), "7": rng.choice(_SEVENS)}
    character_rows = _CHARACTER_ROWS | variants
    pitch_y = height / rows
    pitch_x = pitch_y * rng.uniform(0.75, 1.35)
    radius = pitch_y * rng.uniform(0.34, 0.62)
    is_square = is_display and rng.bernoulli(0.3)
    jitter = 0.0 if is_display else pitch_y * rng.uniform(0.0, 0.13)
    missing = 0.0 if is_display else rng.uniform(0.0, 0.04)
    slant = 0.0 if rng.bernoulli(0.6) else rng.uniform(-0.05, 0.2)
    gap = rng.uniform(1.0, 2.2) * pitch_x
    margin = 1.3 * height
    pen, placed = margin, []
    for character in text:
        if character == " ":
            pen += 4.5 * pitch_x
            continue
        if face and character.isdigit():
            grid = _font_dots(face, character, rows)
        else:
            grid = dot_grid(character_rows[character])
        placed.append((pen, np.argwhere(grid)))
        pen += (2 if character in ".:" else grid.shape[1]) * pitch_x + gap
    columns = round(pen - gap + margin + abs(slant) * height)
    mask = np.zeros((round(2 * margin + height), columns), np.uint8)
    hulls = []
    corners = radius * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    for left, dots in placed:
        x = left + (dots[:, 1] + 0.5) * pitch_x
        y = margin + (dots[:, 0] + 0.5) * pitch_y
        centres = np.column_stack([x + slant * (margin + height - y), y])
        if jitter:
            centres += np.array(rng.normals(centres.size, jitter)).reshape(-1, 2)
        for centre in centres:
            if missing and rng.bernoulli(missing):
                continue
            if is_square:
                ends = (np.rint((centre + r) * 16).astype(int).tolist() for r in (-radius, radius))
                cv2.rectangle(mask, *ends, 255, -1, cv2.LINE_AA, 4)
            else:
                fill_circle(mask, *(centre - 0.5), max(radius, 0.625))
        hulls.append((centres[:, None] + corners).reshape(-1, 2).astype(np.float32))
    return TextLine(mask, hulls, points_box(np.concatenate(hulls)))


def _sample_code(rng: Rng) -> str:
    """Sample a lot number or date, sometimes with letters before or after it."""
    length = rng.weighted_choice(_CODE_LENGTHS)
    code = sample_digits(length, rng, leading_zeros=0.3)
    if length in (6, 8) and rng.bernoulli(0.5):  # a date
        day, month = 1 + rng.randrange(28), 1 + rng.randrange(12)
        year = str(2018 + rng.randrange(14))[-2 if length == 6 else 0 :]
        code = rng.choice((f"{day:02}{month:02}{year}", f"{year}{month:02}{day:02}"))
        if length == 6 and rng.bernoulli(0.2):
            code = f"{code[:2]}.{code[2:4]}.{code[4:]}"
    kind = rng.random()
    if kind < 0.14 and len(code) < 9:
        return rng.choice(("L", "L ", "EXP ", "P ", "LX", "A", "EXP: ")) + code
    return code + rng.choice(("L", "AX", " P", "K")) if kind < 0.2 else code


def render_ink_jet(rng: Rng, height: float, text: str | None = None) -> PlanarObject:
    """Render a code (or `text`) of ink-jet dots on foil, cardboard or plastic."""
    text = _sample_code(rng) if text is None else text
    line = _layout_dots(text, height, False, rng)
    layer = Layer(*line.mask.shape)
    ground, ink = _paint_package(layer, rng)
    mask = line.mask
    if rng.bernoulli(0.35):
        mask = blurred(mask, height * rng.uniform(0.01, 0.035))
    layer.paint(mask, ink, rng.uniform(0.65, 1.0))
    if rng.bernoulli(0.25):
        left, top, right, bottom = line.box
        word = rng.choice(("BEST BEFORE", "EXP", "LOT", "MHD", "PRODUCED", "A CONSOMMER"))
        size = height * rng.uniform(0.25, 0.5)
        y = top - 1.1 * size if rng.bernoulli(0.6) else bottom + 1.1 * size
        face = rng.choice(faces("Roboto", "Lato", "DejaVuSansMono"))
        position, keep_free = (rng.uniform(left, right), y), expand(line.box, 0, 0.08 * height)
        paint_words(layer, word, face, position, size, ink, rng, 0.8, keep_free=keep_free)
    return line_object(layer, text, line, blur_scale=0.8, background=ground, textured=False)


def _paint_package(layer: Layer, rng: Rng) -> tuple[Colour, Colour]:
    """Cover a layer with a package's surface; returns the colours of the ground and of an ink."""
    rows, columns = layer.shape
    kind = rng.weighted_choice(
        ((3.0, "foil"), (3.0, "cardboard"), (3.0, "plastic"), (1.5, "paper"), (1.0, "print"))
    )
    ink = (22.0, 22.0, 28.0) if rng.bernoulli(0.75) else (30.0, 40.0, 110.0)
    if kind == "foil":
        grey = rng.uniform(140, 215)
        ground = (grey, grey, grey + 6)
    elif kind == "cardboard":
        ground = mix((165.0, 125.0, 80.0), (205.0, 175.0, 130.0), rng.random())
    elif kind == "plastic":
        ground = wall_colour(rng)
        brightness = sum(ground) / 3
        if brightness < 90 or (brightness < 140 and rng.bernoulli(0.5)):
            ink = rng.choice(((240.0, 240.0, 240.0), (250.0, 225.0, 90.0)))
    else:
        ground = light_colour(rng)
    layer.paint_box((0, 0, columns, rows), ground)
    if kind == "foil":  # reflections of creases
        x = np.linspace(0, 1, columns, dtype=np.float32)[None]
        y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        factor = np.ones((rows, columns), np.float32)
        for _ in range(2 + rng.randrange(3)):
            wave = x * np.float32(rng.uniform(-14, 14)) + y * np.float32(rng.uniform(-5, 5))
            depth, phase = np.float32(rng.uniform(0.03, 0.13)), np.float32(rng.uniform(0, 6))
            factor += depth * np.sin(wave + phase)
        layer.scale_brightness(factor)
    elif kind == "cardboard":
        add_grain(layer, rng.choice(("wood", "stucco", "grooves")), 0.05, rng)
    elif rng.bernoulli(0.3):
        add_grain(layer, "plain", 0.03, rng)
    if kind == "print":  # bands of another colour
        for _ in range(1 + rng.randrange(2)):
            y = rng.uniform(0, rows)
            band = (0, y, columns, y + rng.uniform(0.1, 0.3) * rows)
            layer.paint_box(band, mix(ground, wall_colour(rng), 0.3))
    return ground, ink


def render_dot_display(rng: Rng, height: float, text: str | None = None) -> PlanarObject:
    """Render a number (or `text`) on a dot-matrix display, light-emitting or liquid crystal."""
    if text is None:
        text = sample_digits(1 + rng.randrange(6), rng, leading_zeros=0.1)
    line = _layout_dots(text, height, True, rng)
    layer = Layer(*line.mask.shape)
    window = expand(line.box, height * rng.uniform(0.15, 0.9), height * rng.uniform(0.12, 0.6))
    layer.paint_box(expand(window, 0.2 * height, 0.2 * height), wall_colour(rng))
    if rng.bernoulli(0.65):
        ink = rng.choice(_DOT_LAMPS)
        layer.paint_box(window, mix((10.0, 10.0, 12.0), ink, rng.uniform(0, 0.06)))
        layer.paint(blurred(line.mask, 0.06 * height), ink, rng.uniform(0.1, 0.6))
    else:
        grey = rng.uniform(120, 200)
        ground = (0.85 * grey, grey, grey * rng.uniform(0.6, 1.0))
        ink = mix(ground, (20.0, 30.0, 40.0), rng.uniform(0.6, 0.95))
        layer.paint_box(window, ground)
    layer.paint(line.mask, ink)
    return line_object(layer, text, line)


def render_code_label(rng: Rng, height: float, text: str | None = None) -> PlanarObject:
    """Render a printed label: a code (or `text`) in plain type, often below a bar code."""
    text = _sample_code(rng) if text is None else text
    plain = ("Mono", "cmtt", "Roboto-Reg", "Roboto-Med", "Lato-Reg", "DejaVuSans.ttf")
    face = rng.choice(faces(*plain, "SourceSansPro-Reg"))
    marks = (rng.choice(("slash", "dot")),) if rng.bernoulli(0.25) else ()
    spacing = rng.uniform(0.06, 0.45)
    text_style = TextStyle(face=face, spacing=spacing, marks=marks, growth=rng.choice((0, 0, 1)))
    line = layout_line(text, text_style, height, rng, margin=1.5)
    layer = Layer(*line.mask.shape)
    ground = mix(light_colour(rng), WHITE, rng.uniform(0.2, 1.0))
    ink = (20.0, 20.0, 24.0) if rng.bernoulli(0.85) else (30.0, 40.0, 130.0)
    sheet = expand(line.box, height * rng.uniform(0.3, 1.2), height * rng.uniform(0.25, 1.2))
    layer.paint_box(sheet, ground, 1.0, height * rng.uniform(0, 0.3))
    if rng.bernoulli(0.5):
        _paint_bar_code(layer, line.box, height, ink, rng)
    elif rng.bernoulli(0.5):
        size = height * rng.uniform(0.3, 0.6)
        word = rng.choice(("SERIAL No", "REF", "ITEM", "ORDER", "S/N", "ART", "BATCH"))
        position = line.box[0], line.box[1] - 1.1 * size
        paint_words(layer, word, face, position, size, ink, rng, anchor=0.0)
    layer.paint(line.mask, ink, rng.uniform(0.7, 1.0))
    return line_object(layer, text, line)


def _paint_bar_code(layer: Layer, box: Box, height: float, ink: Colour, rng: Rng) -> None:
    """Paint a bar code above or below the box of the digits."""
    mask = np.zeros(layer.shape, np.uint8)
    above = rng.bernoulli(0.75)
    gap, bar_height = height * rng.uniform(0.12, 0.3), height * rng.uniform(0.6, 1.1)
    left, top, right, bottom = box
    y = top - gap - bar_height if above else bottom + gap
    rows = slice(round(max(y, 0)), round(y + bar_height))
    module = max(height * rng.uniform(0.05, 0.09), 1.0)
    x = left
    while x < right:
        width = module * (1 + rng.randrange(3))
        mask[rows, round(x) : round(min(x + width, right))] = 255
        x += width + module * (1 + rng.randrange(3))
    layer.paint(mask, ink)
