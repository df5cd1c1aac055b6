"""Numbers other than those of houses: meters, displays, labels, race bibs, number plates."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.rendered_numbers.blur import blurred
from datasets.rendered_numbers.fonts import families
from datasets.rendered_numbers.layer import Layer
from datasets.rendered_numbers.lettering import Lettering
from datasets.rendered_numbers.made_faces import DOTS, SEGMENTS
from datasets.rendered_numbers.planes import Box
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.setting import Line, set_line
from datasets.rendered_numbers.signs import Look, put_ink
from datasets.rendered_numbers.surfaces import Colour, dark_colour, light_colour, mix

KINDS = ((3.0, "drums"), (3.0, "display"), (2.0, "label"), (1.5, "dots"), (1.5, "bib"),
         (2.0, "plate"))  # fmt: skip
"""(weight, kind): a meter's drums behind a window, a display of seven segments, a printed label,
a dot-matrix print or display, a race bib, a vehicle's number plate."""

MARGIN = 1.5
"""Empty space around the digits on the layer, in units of their height: a device fits there."""

_LAMPS = ((255.0, 40.0, 30.0), (60.0, 255.0, 90.0), (80.0, 170.0, 255.0), (255.0, 170.0, 40.0),
          (240.0, 245.0, 255.0))  # fmt: skip
_CASES = ((225.0, 225.0, 220.0), (60.0, 62.0, 66.0), (150.0, 152.0, 155.0), (35.0, 60.0, 110.0),
          (180.0, 40.0, 35.0), (190.0, 160.0, 90.0))  # fmt: skip
_WORDS = ("kWh", "m", "TOTAL", "MODEL", "SERIAL No", "TYPE", "LITRE", "RUN", "CITY MARATHON",
          "STAGE", "FINISHER", "AB", "KLM", "RX", "No", "LOT", "REF", "ITEM")  # fmt: skip


@dataclass(frozen=True)
class Device:
    """What carries a number, and the look of its digits.

    Attributes:
        kind: one of `KINDS`.
        lettering: the look of the digits.
        look: their colours, and the ground's.
        case: colour of what is around the ground.
    """

    kind: str
    lettering: Lettering
    look: Look
    case: Colour


def draw_device(chance: Rng) -> Device:
    """Draw a device."""
    kind = chance.weighted(KINDS)
    lettering = _lettering(kind, chance)
    ground, ink = _colours(kind, chance)
    worn = chance.uniform(0.02, 0.2) if kind not in ("display", "drums") else 0.0
    relief = chance.uniform(0.01, 0.05) if kind == "plate" else 0.0
    look = Look(ink, ground, True, False, None, relief, worn if chance.happens(0.2) else 0.0)
    return Device(kind, lettering, look, chance.choice(_CASES))


def put_device(layer: Layer, line: Line, device: Device, height: float, chance: Rng) -> None:
    """Lay a device with its number on a layer.

    Args:
        layer: where to; of the size of the line's mask.
        line: the digits.
        device: what carries them.
        height: height of a digit, in pixels.
        chance: source of chance.
    """
    inner = _grown(line.box, height * chance.uniform(0.1, 0.4), height * chance.uniform(0.12, 0.45))
    outer = _grown(inner, height * chance.uniform(0.05, 0.6), height * chance.uniform(0.05, 0.6))
    if device.kind == "drums":
        _put_rectangle(layer, outer, device.case)
        _put_drums(layer, line, device, height, chance)
        return
    if device.kind in ("display", "plate") or chance.happens(0.3):
        _put_rectangle(layer, outer, device.case)
    _put_rectangle(layer, inner, device.look.ground)
    if device.kind == "plate":
        frame = np.zeros(layer.paint.shape[:2], np.uint8)
        corners = np.round((_corners(_grown(inner, -0.06 * height, -0.06 * height))) * 16)
        thickness = max(1, round(0.04 * height))
        cv2.polylines(frame, [corners.astype(np.int32)], True, 255, thickness, cv2.LINE_AA, 4)
        layer.put(frame, device.look.ink, chance.uniform(0.0, 1.0))
    if device.kind in ("label", "bib") or chance.happens(0.25):
        _put_words(layer, inner, device, height, chance)
    if device.kind in ("display", "dots") and min(device.look.ground) < 60:
        glow = blurred(line.mask, height * chance.uniform(0.03, 0.15))
        layer.put(glow, device.look.ink, chance.uniform(0.1, 0.6))
    put_ink(layer, line, device.look, height, chance)


def _lettering(kind: str, chance: Rng) -> Lettering:
    made, pitch, slant, spacing = "", 0.0, 0.0, chance.uniform(0.06, 0.22)
    if kind == "display":
        made = chance.choice(tuple(SEGMENTS))
        pitch, slant = chance.uniform(0.72, 0.95), chance.choice((0.0, 0.08, 0.14))
    elif kind == "dots":
        made, pitch = chance.choice(tuple(DOTS)), chance.uniform(0.82, 1.0)
    elif kind == "drums":
        pitch = chance.uniform(0.85, 1.5)
    return Lettering(
        face=_face(kind, chance),
        brush=None,
        stretch=chance.uniform(0.75, 1.1) if kind != "plate" else chance.uniform(0.6, 1.0),
        slant=slant,
        growth=chance.choice((0, 0, 1, 2)) if not made else 0,
        wobble=0.0,
        rounding=chance.uniform(1.0, 2.5) if chance.happens(0.2) and not made else 0.0,
        stencil=False,
        spacing=spacing,
        turn=0.0,
        shift=chance.uniform(0.0, 0.04) if kind == "drums" else 0.0,
        size=0.0,
        slope=0.0,
        bow=0.0,
        made=made,
        pitch=pitch,
    )


def _face(kind: str, chance: Rng) -> str:
    faces = chance.choice(families())
    if kind == "label" and chance.happens(0.5):
        faces = _faces_named("Mono")
    elif kind in ("plate", "bib"):
        faces = _faces_named("Bold", "Black", "Medium", "Fjalla", "Semibold")
    return chance.choice(faces)


@functools.cache
def _faces_named(*words: str) -> tuple[str, ...]:
    return tuple(f for family in families() for f in family if any(word in f for word in words))


def _colours(kind: str, chance: Rng) -> tuple[Colour, Colour]:
    """Ground and ink."""
    dark, light = dark_colour(chance), light_colour(chance)
    if kind == "drums":
        return (dark, light) if chance.happens(0.75) else (light, dark)
    if kind in ("display", "dots") and chance.happens(0.5):  # a lamp, more or less bright
        lamp = chance.choice(_LAMPS)
        return mix((12.0, 10.0, 10.0), lamp, 0.05), mix(
            (0.0, 0.0, 0.0), lamp, chance.uniform(0.6, 1.0)
        )
    if kind == "display":  # liquid crystal
        grey = chance.uniform(110, 200)
        ground = (grey, grey + chance.uniform(0, 15), grey - chance.uniform(0, 45))
        return ground, mix(ground, (15.0, 20.0, 20.0), chance.uniform(0.6, 0.95))
    if kind == "plate" and chance.happens(0.3):
        return (235.0, 190.0 + chance.uniform(0, 40), 40.0), (20.0, 20.0, 20.0)
    return (light, dark) if chance.happens(0.85) else (dark, light)


def _put_drums(layer: Layer, line: Line, device: Device, height: float, chance: Rng) -> None:
    """A window for each digit; light falls off to the top and bottom of a drum."""
    reach_x = 0.5 * device.lettering.pitch * height * chance.uniform(0.75, 1.0)
    reach_y = height * chance.uniform(0.58, 0.85)
    rows = layer.paint.shape[0]
    last = chance.happens(0.3)  # the drum behind the decimal point is red
    for place, points in enumerate(line.hulls):
        x, y = (points.min(axis=0) + points.max(axis=0)) / 2
        ground = (
            (150.0, 30.0, 25.0) if last and place == len(line.hulls) - 1 else device.look.ground
        )
        _put_rectangle(layer, (x - reach_x, y - reach_y, x + reach_x, y + reach_y), ground)
    put_ink(layer, line, device.look, height, chance)
    y = (line.box[1] + line.box[3]) / 2
    away = np.abs(np.arange(rows, dtype=np.float32) - y) / reach_y
    dark = 1 - np.float32(chance.uniform(0.2, 0.9)) * np.clip(away, 0, 1) ** 3
    window = away <= 1
    # Whole rows of pixels at once: a factor for every pixel and channel.
    factors = np.column_stack([dark, dark, dark, np.ones_like(dark)])[window, None]
    layer.paint[window] *= factors.repeat(layer.paint.shape[1], axis=1)


def _put_words(layer: Layer, inner: Box, device: Device, height: float, chance: Rng) -> None:
    """Small print above or below, and on bibs a band of colour."""
    left, top, right, bottom = inner
    above = chance.happens(0.6)
    size = height * chance.uniform(0.14, 0.3)
    band = size * chance.uniform(1.2, 1.8)
    if device.kind == "bib" and chance.happens(0.7):
        edges = (left, top - band, right, top) if above else (left, bottom, right, bottom + band)
        _put_rectangle(layer, edges, chance.choice(_CASES))
    elif device.kind in ("label", "bib"):
        edges = (left, top - band, right, top) if above else (left, bottom, right, bottom + band)
        _put_rectangle(layer, edges, device.look.ground)
    word = set_line(chance.choice(_WORDS), device.lettering, size, chance, margin=0.1).mask
    y = round(top - band + 0.1 * size if above else bottom + 0.1 * size)
    x = round(left + chance.unit() * max(right - left - word.shape[1], 0))
    rows, columns = layer.paint.shape[:2]
    part = word[max(0, -y) : rows - y, max(0, -x) : columns - x]
    if part.size:
        mask = np.zeros((rows, columns), np.uint8)
        y, x = max(y, 0), max(x, 0)
        mask[y : y + part.shape[0], x : x + part.shape[1]] = part
        layer.put(mask, device.look.ink, 0.9)


def _grown(box: Box, x: float, y: float) -> Box:
    return box[0] - x, box[1] - y, box[2] + x, box[3] + y


def _corners(box: Box) -> np.ndarray:
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def _put_rectangle(layer: Layer, box: Box, colour: Colour) -> None:
    mask = np.zeros(layer.paint.shape[:2], np.uint8)
    points = np.round((_corners(box) - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, 4)
    layer.put(mask, colour)
