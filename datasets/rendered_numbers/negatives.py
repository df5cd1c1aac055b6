"""Objects without a number: words, ornaments, blank plates and displays, windows, leaves."""

from __future__ import annotations

import functools
from dataclasses import replace

import cv2
import numpy as np

from .colours import dark_colour, light_colour, mix, wall_colour
from .drawing import Box, Layer, expand, line_mask
from .fonts import face_for
from .layout import layout_line
from .planar_object import PlanarObject
from .plates import Finish, paint_plate
from .printed import render_line, sample_print_finish, sample_print_style
from .rng import Rng
from .textures import crop_texture

# Many have letters that look like digits.
_NEGATIVE_WORDS = (
    "SOS", "OIL", "ISO", "B&B", "Hello", "BIO", "ZOO", "LOBO", "BOSS", "SOLO", "EXIT", "STOP",
    "BAR", "TAXI", "Bis", "kWh", "No.", "OPEN", "Rue", "Via", "WC", "HOTEL", "TELE", "LIDO", "SIZE",
    "BELL", "GOOSE", "LILI", "OSLO", "Gasse", "Oil", "Bill", "GO", "Dogs", "SALE", "POLICE",
    "Lotto", "ILLE", "BIG", "ABBA", "ZIGI", "Siggi", "Zebra", "PUSH", "PULL", "AUTO", "BOB", "&",
    "#", "%", "€", "ABC", "K", "M", "R", "W", "X", "T", "H", "NO", "Bank", "Post", "ASIZ", "Eggs",
    "LOG IN", "Room", "A&B", "R&D", "SOLD", "GLASS", "DOLL", "ELSE", "BALL", "SEGEL", "LEGO",
)  # fmt: skip


def render_words(rng: Rng, height: float) -> PlanarObject:
    """Render one or two words, or a few letters."""
    if rng.bernoulli(0.7):
        text = rng.choice(_NEGATIVE_WORDS)
        if rng.bernoulli(0.15):
            text += " " + rng.choice(_NEGATIVE_WORDS)
    else:
        letters = "ABCDEFGHIJKLMNOPRSTUVWZ"
        text = "".join(rng.choice(letters) for _ in range(2 + rng.randrange(6)))
        if len(text) == 2 and set(text) <= set("IOZSBG"):
            text += "X"
        if rng.bernoulli(0.5):
            text = text.capitalize()
    # "II" and "OO" look the same as numbers.
    if set(text) <= set("IOl") or (len(text) == 1 and text in "IOSZBlG"):
        text = "SOS"
    style = sample_print_style(rng, plain=0.6)
    line = layout_line(text, replace(style, face=face_for(text, style.face)), height, rng, 1.2)
    planar = render_line(text, line, height, rng, small_print=0.0)
    planar.line_hulls = None  # letters may be cropped
    return planar


def render_blank(rng: Rng, height: float) -> PlanarObject:
    """Render an object without letters or digits, or a bare surface."""
    rows, columns = round(4.5 * height), round(rng.uniform(4.5, 7.5) * height)
    layer = Layer(rows, columns)
    box = (1.3 * height, 1.3 * height, columns - 1.3 * height, rows - 1.3 * height)
    discs = functools.partial(_paint_rings, filled=True)
    painters = (paint_plate, _paint_display, _paint_rings, _paint_window, discs, _paint_slot,
                _paint_leaves, None, _paint_scroll, _paint_stripes)  # fmt: skip
    paint = rng.choice(painters)
    finish, textured = sample_print_finish(rng, height)
    if paint:
        paint(layer, box, finish, height, rng)
    return PlanarObject(layer, "", [], box, background=None if textured else finish.ground)


def _paint_display(layer: Layer, box: Box, finish: Finish, height: float, rng: Rng) -> None:
    layer.paint_box(expand(box, 0.4 * height, 0.4 * height), wall_colour(rng))
    layer.paint_box(box, dark_colour(rng) if rng.bernoulli(0.6) else light_colour(rng))


def _paint_rings(
    layer: Layer, box: Box, finish: Finish, height: float, rng: Rng, filled: bool = False
) -> None:
    mask = np.zeros(layer.shape, np.uint8)
    thickness = -1 if filled else max(1, round(0.1 * height))
    for _ in range(1 + rng.randrange(3)):
        x, y = rng.uniform(box[0], box[2]), rng.uniform(box[1], box[3])
        size = height * rng.uniform(0.4, 1.0)
        # Wider than high: a single upright ring would be a zero.
        axes = (round(size), round(size * rng.uniform(0.4, 0.75)))
        cv2.ellipse(mask, (round(x), round(y)), axes, 0, 0, 360, 255, thickness, cv2.LINE_AA)
    layer.paint(mask, finish.ink, rng.uniform(0.6, 1.0))


def _paint_window(layer: Layer, box: Box, finish: Finish, height: float, rng: Rng) -> None:
    layer.paint_box(box, light_colour(rng))
    columns, rows = 2 + rng.randrange(3), 1 + rng.randrange(3)
    width, height = (box[2] - box[0]) / columns, (box[3] - box[1]) / rows
    glass = mix(dark_colour(rng), wall_colour(rng), rng.uniform(0, 0.6))
    for index in range(columns * rows):
        x, y = box[0] + index % columns * width, box[1] + index // columns * height
        pane = (x + 0.1 * width, y + 0.1 * height, x + 0.9 * width, y + 0.9 * height)
        layer.paint_box(pane, glass)


def _paint_slot(layer: Layer, box: Box, finish: Finish, height: float, rng: Rng) -> None:
    paint_plate(layer, box, finish, height, rng)
    y = (box[1] + box[3]) / 2
    slot = (box[0], y - 0.15 * height, box[2], y + 0.15 * height)
    layer.paint_box(slot, dark_colour(rng), 1.0, 0.1 * height)


def _paint_leaves(layer: Layer, box: Box, finish: Finish, height: float, rng: Rng) -> None:
    texture = crop_texture("leaves", layer.shape[::-1], rng)
    mask = cv2.convertScaleAbs(texture, alpha=2.5, beta=-200)
    layer.paint(mask, (45.0, 75.0, 35.0), 0.9)


def _paint_scroll(layer: Layer, box: Box, finish: Finish, height: float, rng: Rng) -> None:
    """Paint an ornament of two spirals."""
    rows, columns = layer.shape
    angles = np.linspace(0, 2 * np.pi * rng.uniform(2.0, 3.5), 60)
    radii = 0.12 * height * angles / np.pi
    x, y = 0.9 * height + radii * np.cos(angles), rows / 2 + radii * np.sin(angles)
    spirals = [np.column_stack([columns / 2 + side * x, y]) for side in (-1, 1)]
    layer.paint(line_mask(layer.shape, spirals, 0.07 * height), finish.ink)


def _paint_stripes(layer: Layer, box: Box, finish: Finish, height: float, rng: Rng) -> None:
    rows, columns = layer.shape
    width = height * rng.uniform(0.15, 0.5)
    for index in range(1, int(columns / width), 2):
        layer.paint_box((index * width, 0, (index + 1) * width, rows), finish.ink, 0.8)
