"""Objects without a number: words, ornaments, blank plates and displays, windows, leaves."""

from __future__ import annotations

import functools
from dataclasses import replace

import cv2
import numpy as np

from .colours import WHITE, dark_colour, light_colour, mix, wall_colour
from .drawing import Box, Colour, Layer, box_mask, expand, fill_circle, line_mask
from .fonts import face_for, faces
from .layout import layout_line
from .planar_object import PlanarObject, paste_ink
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

_TEXT_WORDS = """
    a all among and any are be but by can des die du egg for from gilt go good has il in is it its
    jog las le lid log long los lo no not of oil on one or order our pig plug que quiz rug sag said
    see sign sills so some soil still that the their there they this to under und was we which will
    with you zig zoo bring dogs eggs going heiß billig gelb giallo figli guide sizes always closed
    please do block doors parking private office deliveries left right ring bell opening hours daily
"""


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


def render_page(rng: Rng, height: float) -> PlanarObject:
    """Render one to five lines of text in lower case, whose letters are like digits."""
    count, size = 1 + rng.randrange(5), height * rng.uniform(0.7, 1.2)
    style = replace(sample_print_style(rng, plain=0.85), slope=0.0, bow=0.0)
    if rng.bernoulli(0.2):
        style = replace(style, face=rng.choice(faces("Mono", "Serif", "cmtt")))
    texts = [_sample_sentence(2 + rng.randrange(5), rng) for _ in range(count)]
    lines = [layout_line(text, style, size, rng, margin=0.0).mask for text in texts]
    margin, pitch = 1.2 * height, rng.uniform(1.45, 2.0) * size
    columns = round(2 * margin) + max(line.shape[1] for line in lines)
    rows = round(2 * margin + (count - 1) * pitch) + max(line.shape[0] for line in lines)
    layer = Layer(rows, columns)
    finish, textured = sample_print_finish(rng, height)
    box = (margin, margin, columns - margin, rows - margin)
    if finish.plate:
        paint_plate(layer, box, finish, height, rng)
    for index, line in enumerate(lines):
        paste_ink(layer, line, round(margin), round(margin + index * pitch), finish.ink, 1.0)
    background = None if finish.plate else finish.ground
    return PlanarObject(layer, "", [], box, background=background, textured=textured)


def _sample_sentence(count: int, rng: Rng) -> str:
    words = _TEXT_WORDS.split()
    sentence = " ".join(rng.choice(words) for _ in range(count))
    sentence = sentence.capitalize() if rng.bernoulli(0.3) else sentence
    return sentence + rng.choice(("", "", ",", "."))


def render_fitting(rng: Rng, height: float) -> PlanarObject:
    """Render one to three sockets, switches, buttons or lamps on a wall, which are like zeros."""
    count, side = 1 + rng.randrange(3), height * rng.uniform(1.0, 2.2)
    margin, gap = 1.2 * height, side * rng.uniform(0.0, 0.4)
    columns = round(2 * margin + count * side + (count - 1) * gap)
    layer = Layer(round(2 * margin + side), columns)
    kind = rng.choice(("socket", "socket", "socket", "switch", "button", "lamp", "screw", "lock"))
    plate = light_colour(rng) if rng.bernoulli(0.75) else wall_colour(rng)
    line = mix(plate, dark_colour(rng), rng.uniform(0.2, 1.0))
    radius = side * rng.uniform(0.05, 0.2) if rng.bernoulli(0.8) else side / 2
    for index in range(count):
        left = margin + index * (side + gap)
        box = (left, margin, left + side, margin + side)
        if rng.bernoulli(0.85):
            edge = expand(box, 0.02 * side, 0.02 * side)
            layer.paint_box(edge, mix(plate, line, 0.5), 1.0, radius)
            layer.paint_box(box, plate, 1.0, radius)
        _paint_fitting(layer, kind, box, plate, line, rng)
    box = (margin, margin, columns - margin, margin + side)
    return PlanarObject(layer, "", [], box, background=mix(wall_colour(rng), plate, 0.5))


def _paint_fitting(
    layer: Layer, kind: str, box: Box, plate: Colour, line: Colour, rng: Rng
) -> None:
    """Paint what is on the plate of one fitting."""
    left, top, right, bottom = box
    side, x, y = right - left, (left + right) / 2, (top + bottom) / 2
    radius = side * rng.uniform(0.28, 0.42)
    if kind == "switch":
        inner = expand(box, -0.15 * side, -0.12 * side)
        layer.paint_box(inner, mix(plate, WHITE, 0.5), 1.0, 0.04 * side)
        layer.paint_box((inner[0], y - 0.01 * side, inner[2], y + 0.01 * side), line)
        return
    thickness = max(1.0, side * rng.uniform(0.015, 0.05))
    angles = np.linspace(0, 2 * np.pi, 40)
    ring = np.column_stack([x + radius * np.cos(angles), y + radius * np.sin(angles)])
    if rng.bernoulli(0.6):  # recessed, or of another material
        mask = np.zeros(layer.shape, np.uint8)
        fill_circle(mask, x, y, radius)
        layer.paint(mask, mix(plate, line, rng.uniform(0.0, 0.35)))
    layer.paint(line_mask(layer.shape, ring, thickness, closed=True), line)
    if kind == "button":
        inner = ring if rng.bernoulli(0.3) else (ring - (x, y)) * rng.uniform(0.4, 0.8) + (x, y)
        layer.paint(line_mask(layer.shape, inner, thickness, closed=True), line)
    elif kind in ("screw", "lock"):
        length = radius * rng.uniform(0.3, 0.9)
        angle = 0.0 if kind == "lock" else rng.uniform(0, np.pi)
        slot = np.array((x, y)) + np.outer((-length, length), (np.sin(angle), np.cos(angle)))
        layer.paint(line_mask(layer.shape, slot, 2.5 * thickness), line)
    elif kind == "socket":
        layer.paint(_socket_holes(layer.shape, x, y, radius, rng), mix(line, (0.0, 0.0, 0.0), 0.5))


def _socket_holes(
    shape: tuple[int, int], x: float, y: float, radius: float, rng: Rng
) -> np.ndarray:
    """Return the mask of a socket's holes: two round ones, or two or three slots."""
    mask = np.zeros(shape, np.uint8)
    apart, size = radius * rng.uniform(0.35, 0.55), radius * rng.uniform(0.08, 0.16)
    slots = rng.bernoulli(0.35)
    for side in (-1, 1):
        if slots:
            hole = (x + side * apart - 0.5 * size, y - 2 * size, x + side * apart + 0.5 * size, y)
            mask = cv2.max(mask, box_mask(shape, hole))
        else:
            fill_circle(mask, x + side * apart, y, max(size, 0.7))
    if slots and rng.bernoulli(0.7):
        fill_circle(mask, x, y + 0.5 * radius, max(1.2 * size, 0.7))
    return mask
