"""Devices of `StreetStyle.devices`: meters, displays, labels, race bibs, number plates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .colours import BLACK, dark_colour, light_colour, mix
from .drawing import Box, Colour, Layer, blurred, box_corners, expand, line_mask
from .fonts import faces, families
from .glyphs import DOT_FACES, SEGMENT_FACES
from .layout import TextLine, layout_line
from .planar_object import paste_ink
from .plates import Finish, paint_ink
from .rng import Rng
from .text_style import TextStyle

DEVICE_KINDS = ((3.0, "drums"), (3.0, "display"), (2.0, "label"), (1.5, "dots"), (1.5, "bib"),
                (2.0, "plate"))  # fmt: skip
"""(weight, kind): a meter's drums behind windows, a seven-segment display, a printed label,
a dot-matrix print or display, a race bib, a vehicle's number plate."""

DEVICE_MARGIN = 1.5
"""Empty space around the digits that any device fits into, in units of their height."""

_LAMPS = ((255.0, 40.0, 30.0), (60.0, 255.0, 90.0), (80.0, 170.0, 255.0), (255.0, 170.0, 40.0),
          (240.0, 245.0, 255.0))  # fmt: skip
_CASES = ((225.0, 225.0, 220.0), (60.0, 62.0, 66.0), (150.0, 152.0, 155.0), (35.0, 60.0, 110.0),
          (180.0, 40.0, 35.0), (190.0, 160.0, 90.0))  # fmt: skip
_WORDS = ("kWh", "m", "TOTAL", "MODEL", "SERIAL No", "TYPE", "LITRE", "RUN", "CITY MARATHON",
          "STAGE", "FINISHER", "AB", "KLM", "RX", "No", "LOT", "REF", "ITEM")  # fmt: skip


@dataclass(frozen=True)
class Device:
    """A device of a kind of `DEVICE_KINDS`: its digits, their ground, and the colour around it."""

    kind: str
    text_style: TextStyle
    finish: Finish
    case: Colour


def sample_device(rng: Rng) -> Device:
    """Sample a device."""
    kind = rng.weighted_choice(DEVICE_KINDS)
    text_style = _sample_text_style(kind, rng)
    ground, ink = _sample_colours(kind, rng)
    worn = rng.uniform(0.02, 0.2) if kind not in ("display", "drums") else 0.0
    relief = rng.uniform(0.01, 0.05) if kind == "plate" else 0.0
    finish = Finish(ink, ground, relief=relief, worn=worn if rng.bernoulli(0.2) else 0.0)
    return Device(kind, text_style, finish, rng.choice(_CASES))


def _sample_text_style(kind: str, rng: Rng) -> TextStyle:
    display_face, pitch, slant, spacing = "", 0.0, 0.0, rng.uniform(0.06, 0.22)
    if kind == "display":
        display_face = rng.choice(tuple(SEGMENT_FACES))
        pitch, slant = rng.uniform(0.72, 0.95), rng.choice((0.0, 0.08, 0.14))
    elif kind == "dots":
        display_face, pitch = rng.choice(tuple(DOT_FACES)), rng.uniform(0.82, 1.0)
    elif kind == "drums":
        pitch = rng.uniform(0.85, 1.5)
    family = rng.choice(families())
    if kind == "label" and rng.bernoulli(0.5):
        family = faces("Mono")
    elif kind in ("plate", "bib"):
        family = faces("Bold", "Black", "Medium", "Fjalla", "Semibold")
    return TextStyle(
        face=rng.choice(family),
        stretch=rng.uniform(0.6, 1.0) if kind == "plate" else rng.uniform(0.75, 1.1),
        slant=slant,
        growth=rng.choice((0, 0, 1, 2)) if not display_face else 0,
        rounding=rng.uniform(1.0, 2.5) if rng.bernoulli(0.2) and not display_face else 0.0,
        spacing=spacing,
        baseline_jitter=rng.uniform(0.0, 0.04) if kind == "drums" else 0.0,
        display_face=display_face,
        pitch=pitch,
    )


def _sample_colours(kind: str, rng: Rng) -> tuple[Colour, Colour]:
    """Sample the colours of ground and ink."""
    dark, light = dark_colour(rng), light_colour(rng)
    if kind == "drums":
        return (dark, light) if rng.bernoulli(0.75) else (light, dark)
    if kind in ("display", "dots") and rng.bernoulli(0.5):  # light-emitting
        lamp = rng.choice(_LAMPS)
        return mix((12.0, 10.0, 10.0), lamp, 0.05), mix(BLACK, lamp, rng.uniform(0.6, 1.0))
    if kind == "display":  # liquid crystal
        grey = rng.uniform(110, 200)
        ground = (grey, grey + rng.uniform(0, 15), grey - rng.uniform(0, 45))
        return ground, mix(ground, (15.0, 20.0, 20.0), rng.uniform(0.6, 0.95))
    if kind == "plate" and rng.bernoulli(0.3):
        return (235.0, 190.0 + rng.uniform(0, 40), 40.0), (20.0, 20.0, 20.0)
    return (light, dark) if rng.bernoulli(0.85) else (dark, light)


def paint_device(layer: Layer, line: TextLine, device: Device, height: float, rng: Rng) -> None:
    """Paint a device with its digits on a layer of the mask's size."""
    inner = expand(line.box, height * rng.uniform(0.1, 0.4), height * rng.uniform(0.12, 0.45))
    outer = expand(inner, height * rng.uniform(0.05, 0.6), height * rng.uniform(0.05, 0.6))
    kind, finish = device.kind, device.finish
    if kind == "drums":
        layer.paint_box(outer, device.case)
        _paint_drums(layer, line, device, height, rng)
        return
    if kind in ("display", "plate") or rng.bernoulli(0.3):
        layer.paint_box(outer, device.case)
    layer.paint_box(inner, finish.ground)
    if kind == "plate":
        border = box_corners(expand(inner, -0.06 * height, -0.06 * height))
        opacity = rng.uniform(0.0, 1.0)
        mask = line_mask(layer.shape, border, 0.04 * height, closed=True)
        layer.paint(mask, finish.ink, opacity)
    if kind in ("label", "bib") or rng.bernoulli(0.25):
        _paint_small_print(layer, inner, device, height, rng)
    if kind in ("display", "dots") and min(finish.ground) < 60:
        glow = blurred(line.mask, height * rng.uniform(0.03, 0.15))
        layer.paint(glow, finish.ink, rng.uniform(0.1, 0.6))
    paint_ink(layer, line, finish, height, rng)


def _paint_drums(layer: Layer, line: TextLine, device: Device, height: float, rng: Rng) -> None:
    """Paint a window for each digit, darker at the top and the bottom of the drum."""
    half_width = 0.5 * device.text_style.pitch * height * rng.uniform(0.75, 1.0)
    half_height = height * rng.uniform(0.58, 0.85)
    red_decimal = rng.bernoulli(0.3)
    for index, hull in enumerate(line.hulls):
        x, y = (hull.min(axis=0) + hull.max(axis=0)) / 2
        is_decimal = red_decimal and index == len(line.hulls) - 1
        ground = (150.0, 30.0, 25.0) if is_decimal else device.finish.ground
        layer.paint_box(expand((x, y, x, y), half_width, half_height), ground)
    paint_ink(layer, line, device.finish, height, rng)
    y = (line.box[1] + line.box[3]) / 2
    distance = np.abs(np.arange(layer.shape[0], dtype=np.float32) - y) / half_height
    brightness = 1 - np.float32(rng.uniform(0.2, 0.9)) * np.clip(distance, 0, 1) ** 3
    visible = distance <= 1
    layer.rgba[visible, :, :3] *= brightness[visible, None, None]


def _paint_small_print(layer: Layer, inner: Box, device: Device, height: float, rng: Rng) -> None:
    """Paint a word above or below the number, and its band on bibs and labels."""
    left, top, right, bottom = inner
    above = rng.bernoulli(0.6)
    size = height * rng.uniform(0.14, 0.3)
    band_height = size * rng.uniform(1.2, 1.8)
    band_top = top - band_height if above else bottom
    band = (left, band_top, right, top if above else bottom + band_height)
    if device.kind == "bib" and rng.bernoulli(0.7):
        layer.paint_box(band, rng.choice(_CASES))
    elif device.kind in ("label", "bib"):
        layer.paint_box(band, device.finish.ground)
    word = layout_line(rng.choice(_WORDS), device.text_style, size, rng, margin=0.1).mask
    x = round(left + rng.random() * max(right - left - word.shape[1], 0))
    paste_ink(layer, word, x, round(band_top + 0.1 * size), device.finish.ink, 0.9)
