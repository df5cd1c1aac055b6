"""Planar objects of scenes beyond those of `rendered_numbers`: signs, tags, text, wheels."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from ..rendered_numbers.colours import (
    dark_colour,
    ink_colour,
    light_colour,
    luminance,
    mix,
    wall_colour,
)
from ..rendered_numbers.devices import DEVICE_MARGIN, paint_device, sample_device
from ..rendered_numbers.drawing import Box, Colour, Layer, expand, fill_circle, paint_line
from ..rendered_numbers.fonts import face_for, faces
from ..rendered_numbers.layout import layout_line
from ..rendered_numbers.planar_object import (
    PlanarObject,
    find_numbers,
    line_object,
    numbers_of_line,
    paint_words,
    paste_ink,
    sample_digits,
)
from ..rendered_numbers.plates import sample_finish
from ..rendered_numbers.rng import Rng
from ..rendered_numbers.street_scene import render_sign
from ..rendered_numbers.text_style import TextStyle, sample_text_style

_HOUSE_LENGTHS = ((10.0, 1), (38.0, 2), (36.0, 3), (12.0, 4), (4.0, 5))
_DEVICE_LENGTHS = ((4.0, 1), (12.0, 2), (20.0, 3), (26.0, 4), (32.0, 5), (6.0, 6))
_TAG_GROUNDS = ((250.0, 250.0, 248.0), (250.0, 222.0, 60.0), (214.0, 40.0, 40.0),
                (245.0, 150.0, 40.0), (40.0, 120.0, 60.0), (30.0, 60.0, 140.0))  # fmt: skip
PRODUCTS = ("Bread", "Milk", "Cheese", "Apples", "Rice", "Tea", "Coffee", "Soap", "Pasta", "Salt",
            "Butter", "Honey", "Beans", "Oil", "Juice", "Fish", "TOTAL", "Tax", "Sugar", "Nuts",
            "Item", "Sum", "Room", "Line", "Gate", "Lane", "Unit", "Box", "Team",
            "Row")  # fmt: skip
_TEXT_WORDS = (*PRODUCTS, "and", "of", "the", "with", "for", "open", "closed", "welcome", "please",
               "street", "office", "summer", "in", "to", "is", "not", "road", "station", "museum",
               "Lorem", "ipsum", "dolor", "sit", "amet", "Solo", "Bilbo", "Ziel",
               "gross")  # fmt: skip


def render_house_number(
    rng: Rng, height: float, wall: Colour, text: str | None = None
) -> PlanarObject:
    """Render a house number on a plate or on the bare wall of a colour."""
    if text is None:
        text = sample_digits(rng.weighted_choice(_HOUSE_LENGTHS), rng, leading_zeros=0.01)
        if rng.bernoulli(0.06):
            text += rng.choice(("", " ", "-")) + rng.choice("ABCDEabc")
    finish = sample_finish(wall, 0.52, rng)
    style = sample_text_style(rng, finish.enamel)
    style = replace(style, face=face_for(text, style.face))
    line = layout_line(text, style, height, rng, 0.9 if finish.plate else 0.3)
    return line_object(render_sign(line, finish, height, rng), text, line)


def render_device(rng: Rng, height: float, text: str | None = None) -> PlanarObject:
    """Render a device of `rendered_numbers.devices` with a number."""
    if text is None:
        text = sample_digits(rng.weighted_choice(_DEVICE_LENGTHS), rng, leading_zeros=0.25)
    device = sample_device(rng)
    line = layout_line(text, device.text_style, height, rng, DEVICE_MARGIN)
    layer = Layer(*line.mask.shape)
    paint_device(layer, line, device, height, rng)
    background = None if layer_covers(layer, line.box) else device.finish.ground
    return line_object(layer, text, line, background=background)


def sample_price(rng: Rng) -> str:
    """Sample a price, sometimes with a currency or without cents."""
    amount = str(int(rng.log_uniform(1, 400)))
    if rng.bernoulli(0.8):
        amount += rng.choice(".,") + rng.choice(
            ("99", "95", "50", "49", f"{rng.randrange(100):02}")
        )
    kind = rng.random()
    return f"{amount} €" if kind < 0.15 else f"${amount}" if kind < 0.3 else amount


def render_tag(rng: Rng, height: float, text: str | None = None) -> PlanarObject:
    """Render a price tag: a price in plain type, a product's name above or below it."""
    text = sample_price(rng) if text is None else text
    face = rng.choice(faces("Bold", "Black", "Roboto", "Lato", "SourceSans", "Fjalla"))
    style = TextStyle(face=face_for(text + "€$", face), spacing=rng.uniform(0.05, 0.2),
                      stretch=rng.uniform(0.7, 1.1))  # fmt: skip
    ground = rng.choice(_TAG_GROUNDS) if rng.bernoulli(0.7) else light_colour(rng)
    ink = (20.0, 20.0, 24.0) if luminance(ground) > 120 else (248.0, 248.0, 245.0)
    pad_x, pad_y = (height * rng.uniform(0.2, 1.0) for _ in range(2))
    has_name, above = rng.bernoulli(0.6), rng.bernoulli(0.6)
    size = height * rng.uniform(0.25, 0.45)
    rim = rng.bernoulli(0.3)
    line = layout_line(text, style, height, rng, margin=1.9)
    layer = Layer(*line.mask.shape)
    left, top, right, bottom = expand(line.box, pad_x, pad_y)
    if has_name:
        top, bottom = (top - 1.3 * size, bottom) if above else (top, bottom + 1.3 * size)
    if rim:
        layer.paint_box(expand((left, top, right, bottom), 2, 2), mix(ink, ground, 0.3))
    layer.paint_box((left, top, right, bottom), ground, 1.0, 0.08 * height)
    if has_name:
        y = line.box[1] - size if above else line.box[3] + size
        name = rng.choice(PRODUCTS)
        position = (line.box[0], y)
        paint_words(layer, name, face, position, 0.8 * size, ink, rng, anchor=0.0)
    layer.paint(line.mask, ink)
    return line_object(layer, text, line)


def render_paragraph(rng: Rng, height: float, with_numbers: bool = False) -> PlanarObject:
    """Render several lines of words in plain type, without digits or with numbers in some."""
    style = TextStyle(face=rng.choice(faces()), spacing=rng.uniform(0.06, 0.2))
    texts = [_sample_phrase(with_numbers, rng) for _ in range(2 + rng.randrange(4))]
    if with_numbers and not any(map(find_numbers, texts)):
        texts[0] += " " + sample_digits(1 + rng.randrange(4), rng)
    if rng.bernoulli(0.15):
        texts = [text.upper().replace("O", "A") for text in texts]
    style = replace(style, face=face_for("".join(texts), style.face))
    lines = [layout_line(text, style, height, rng, margin=0.2) for text in texts]
    pitch = max(line.mask.shape[0] for line in lines) * rng.uniform(0.9, 1.2)
    width = max(line.mask.shape[1] for line in lines)
    ground = light_colour(rng) if rng.bernoulli(0.7) else wall_colour(rng)
    ink, margin = ink_colour(ground, rng), height * rng.uniform(0.4, 1.2)
    layer = Layer(round(pitch * len(lines) + 2 * margin), round(width + 2 * margin))
    rows, columns = layer.shape
    if rng.bernoulli(0.6):
        layer.paint_box((0, 0, columns, rows), ground)
    centred, numbers = rng.bernoulli(0.4), []
    for index, (text, line) in enumerate(zip(texts, lines, strict=True)):
        x = round(margin + (width - line.mask.shape[1]) / 2 * centred)
        y = round(margin + index * pitch)
        paste_ink(layer, line.mask, x, y, ink, 0.95)
        numbers += [
            (label, [hull + np.array([x, y], np.float32) for hull in hulls])
            for label, hulls in numbers_of_line(text, line)
        ]
    box = (margin, margin, columns - margin, rows - margin)
    return PlanarObject(layer, "", [], box, background=ground, textured=False, others=numbers)


def _sample_phrase(with_numbers: bool, rng: Rng) -> str:
    words = [rng.choice(_TEXT_WORDS) for _ in range(1 + rng.randrange(4))]
    if with_numbers and rng.bernoulli(0.5):
        number = sample_digits(1 + rng.randrange(4), rng)
        forms = (
            number,
            number,
            sample_price(rng),
            f"{number}-{rng.randrange(90)}",
            f"No. {number}",
        )
        words.insert(rng.randrange(len(words) + 1), rng.choice(forms))
    return " ".join(words)


def render_wheel(rng: Rng, height: float) -> PlanarObject:
    """Render a wheel, a clock face without digits, or a round sign without a number."""
    size = round(4 * height)
    layer, radius, middle = Layer(size, size), 1.6 * height, size / 2
    mask = np.zeros((size, size), np.uint8)
    fill_circle(mask, middle, middle, radius)
    layer.paint(mask, dark_colour(rng) if rng.bernoulli(0.6) else wall_colour(rng))
    inner = np.zeros_like(mask)
    fill_circle(inner, middle, middle, radius * rng.uniform(0.55, 0.92))
    ground = light_colour(rng) if rng.bernoulli(0.6) else wall_colour(rng)
    layer.paint(inner, ground)
    marks, ink = np.zeros_like(mask), ink_colour(ground, rng)
    count, start = rng.choice((0, 1, 2, 3, 5, 8, 12, 24)), rng.uniform(0, math.pi)
    inside, outside = rng.uniform(0.0, 0.7), rng.uniform(0.75, 0.95)
    for index in range(count):
        angle = start + 2 * math.pi * index / count
        direction = radius * np.array([math.cos(angle), math.sin(angle)])
        ends = middle + direction * [[inside], [outside]]
        paint_line(marks, ends, radius * 0.05)
    fill_circle(marks, middle, middle, radius * rng.uniform(0.05, 0.2))
    layer.paint(cv2.min(marks, inner), ink)
    box = (middle - radius, middle - radius, middle + radius, middle + radius)
    return PlanarObject(layer, "", [], box)


def layer_covers(layer: Layer, box: Box) -> bool:
    """Return whether a layer is opaque within a box."""
    left, top, right, bottom = (round(value) for value in box)
    area = layer.rgba[max(top, 0) : bottom, max(left, 0) : right, 3]
    return bool(area.size) and float(area.mean()) > 0.97
