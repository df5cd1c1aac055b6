"""Scenes without a number: words, ornaments, switched-off displays, plates, windows, leaves."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from datasets.rendered_numbers.layer import Layer
from datasets.rendered_numbers.panel import Panel, face_for, grown, put_box
from datasets.rendered_numbers.prints import draw_print_lettering, draw_print_look
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.setting import set_line
from datasets.rendered_numbers.signs import put_ink, put_plate
from datasets.rendered_numbers.surfaces import crop, dark_colour, light_colour, mix, wall_colour

_WORDS = (
    "SOS", "OIL", "ISO", "B&B", "Hello", "BIO", "ZOO", "LOBO", "BOSS", "SOLO", "EXIT", "STOP",
    "BAR", "TAXI", "Bis", "kWh", "No.", "OPEN", "Rue", "Via", "WC", "HOTEL", "TELE", "LIDO", "SIZE",
    "BELL", "GOOSE", "LILI", "OSLO", "Gasse", "Oil", "Bill", "GO", "Dogs", "SALE", "POLICE",
    "Lotto", "ILLE", "BIG", "ABBA", "ZIGI", "Siggi", "Zebra", "PUSH", "PULL", "AUTO", "BOB", "&",
    "#", "%", "€", "ABC", "K", "M", "R", "W", "X", "T", "H", "NO", "Bank", "Post", "ASIZ", "Eggs",
    "LOG IN", "Room", "A&B", "R&D", "SOLD", "GLASS", "DOLL", "ELSE", "BALL", "SEGEL", "LEGO",
)  # fmt: skip


def draw_words(chance: Rng, height: float) -> Panel:
    """Draw one or two words, many of letters that look like digits."""
    if chance.happens(0.7):
        text = chance.choice(_WORDS)
        if chance.happens(0.15):
            text += " " + chance.choice(_WORDS)
    else:
        letters = "ABCDEFGHIJKLMNOPRSTUVWZ"
        text = "".join(chance.choice(letters) for _ in range(2 + chance.below(6)))
        if len(text) == 2 and set(text) <= set("IOZSBG"):
            text += "X"
        if chance.happens(0.5):
            text = text.capitalize()
    # "II" and "OO" might well be read as numbers.
    if set(text) <= set("IOl") or (len(text) == 1 and text in "IOSZBlG"):
        text = "SOS"
    lettering = draw_print_lettering(chance, plain=0.6)
    lettering = replace(lettering, face=face_for(text, lettering.face))
    line = set_line(text, lettering, height, chance, margin=1.2)
    look, masonry = draw_print_look(chance, height)
    layer = Layer(*line.mask.shape)
    wall = look.ground
    if look.plate:
        put_plate(layer, line.box, look, height, chance)
        wall, masonry = None, True
    put_ink(layer, line, look, height, chance)
    return Panel(layer, "", [], height, line.box, wall=wall, masonry=masonry)


def draw_nothing(chance: Rng, height: float) -> Panel:
    """Draw an object without letters or digits, or a bare surface."""
    rows, columns = round(4.5 * height), round(chance.uniform(4.5, 7.5) * height)
    layer = Layer(rows, columns)
    inside = (1.3 * height, 1.3 * height, columns - 1.3 * height, rows - 1.3 * height)
    kind = chance.choice(("plate", "display", "rings", "window", "lamp", "slot", "leaves", "bare",
                          "scroll", "stripes"))  # fmt: skip
    look, masonry = draw_print_look(chance, height)
    if kind == "plate":
        put_plate(layer, inside, look, height, chance)
    elif kind == "display":
        put_box(layer, grown(inside, 0.4 * height, 0.4 * height), wall_colour(chance))
        put_box(layer, inside, dark_colour(chance) if chance.happens(0.6) else light_colour(chance))
    elif kind in ("rings", "lamp"):
        mask = np.zeros((rows, columns), np.uint8)
        for _ in range(1 + chance.below(3)):
            # A lone upright ring would be a zero.
            x, y = chance.uniform(inside[0], inside[2]), chance.uniform(inside[1], inside[3])
            size = height * chance.uniform(0.4, 1.0)
            axes = (round(size), round(size * chance.uniform(0.4, 0.75)))
            thick = -1 if kind == "lamp" else max(1, round(0.1 * height))
            cv2.ellipse(mask, (round(x), round(y)), axes, 0, 0, 360, 255, thick, cv2.LINE_AA)
        layer.put(mask, look.ink, chance.uniform(0.6, 1.0))
    elif kind == "window":
        put_box(layer, inside, light_colour(chance))
        across, down = 2 + chance.below(3), 1 + chance.below(3)
        wide, high = (inside[2] - inside[0]) / across, (inside[3] - inside[1]) / down
        glass = mix(dark_colour(chance), wall_colour(chance), chance.uniform(0, 0.6))
        for place in range(across * down):
            x, y = inside[0] + place % across * wide, inside[1] + place // across * high
            put_box(layer, (x + 0.1 * wide, y + 0.1 * high, x + 0.9 * wide, y + 0.9 * high), glass)
    elif kind == "slot":
        put_plate(layer, inside, look, height, chance)
        middle = (inside[1] + inside[3]) / 2
        slot = (inside[0], middle - 0.15 * height, inside[2], middle + 0.15 * height)
        put_box(layer, slot, dark_colour(chance), 1.0, 0.1 * height)
    elif kind == "scroll":
        mask = np.zeros((rows, columns), np.uint8)
        turns = np.linspace(0, 2 * np.pi * chance.uniform(2.0, 3.5), 60)
        for side in (-1, 1):
            reach = 0.12 * height * turns / np.pi
            x = columns / 2 + side * (0.9 * height + reach * np.cos(turns))
            y = rows / 2 + reach * np.sin(turns)
            points = np.rint(np.column_stack([x, y]) * 16).astype(np.int32)
            cv2.polylines(mask, [points], False, 255, max(1, round(0.07 * height)), cv2.LINE_AA, 4)
        layer.put(mask, look.ink)
    elif kind == "stripes":
        step = height * chance.uniform(0.15, 0.5)
        for place in range(int(columns / step)):
            if place % 2:
                put_box(layer, (place * step, 0, (place + 1) * step, rows), look.ink, 0.8)
    elif kind == "leaves":
        grain = crop("leaves", (columns, rows), chance)
        layer.put(cv2.convertScaleAbs(grain, alpha=2.5, beta=-200), (45.0, 75.0, 35.0), 0.9)
    return Panel(layer, "", [], height, inside, wall=None if masonry else look.ground)
