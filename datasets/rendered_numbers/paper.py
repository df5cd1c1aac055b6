"""Paper for handwriting: grain, guilloche, ruled lines and printed words."""

from __future__ import annotations

import math

import numpy as np

from .colours import mix
from .drawing import Colour, Layer, line_mask
from .fonts import faces
from .planar_object import paint_words
from .rng import Rng

_PAPER_TINTS = ((0.86, 0.88, 0.86), (0.92, 0.90, 0.82), (0.82, 0.88, 0.92), (0.93, 0.86, 0.86),
                (0.84, 0.90, 0.80), (0.95, 0.95, 0.95), (0.72, 0.72, 0.72))  # fmt: skip
_PRINT_COLOURS = ((60.0, 70.0, 120.0), (60.0, 60.0, 60.0), (110.0, 60.0, 60.0), (40.0, 90.0, 70.0))
_CHEQUE_WORDS = ("BANCO", "BANK", "PAY", "CHEQUE", "DOLLARS", "EURO", "VOID")


def paint_paper(layer: Layer, baseline: float, height: float, rng: Rng) -> Colour:
    """Cover a layer with paper for a line of writing; returns the paper's colour."""
    rows, columns = layer.shape
    brightness = 255 * rng.uniform(0.72, 1.0)
    colour = tuple(channel * brightness for channel in rng.choice(_PAPER_TINTS))
    if rng.bernoulli(0.5):
        colour = (sum(colour) / 3,) * 3
    layer.paint_box((0, 0, columns, rows), colour)
    print_colour = mix(colour, rng.choice(_PRINT_COLOURS), 0.8)
    if rng.bernoulli(0.65):
        _paint_guilloche(layer, print_colour, height, rng)
    if rng.bernoulli(0.2):
        face = rng.choice(faces("Serif", "Lato-Bold", "Roboto-Bold"))
        word = rng.choice(_CHEQUE_WORDS)
        for _ in range(1 + rng.randrange(3)):
            position = rng.uniform(0, columns), rng.uniform(0, rows)
            size, opacity = height * rng.uniform(0.2, 0.9), rng.uniform(0.08, 0.3)
            paint_words(layer, word, face, position, size, print_colour, rng, opacity)
    if rng.bernoulli(0.55):
        _paint_rules(layer, baseline, print_colour, height, rng)
    return colour


def _paint_rules(layer: Layer, baseline: float, colour: Colour, height: float, rng: Rng) -> None:
    """Paint one or three ruled lines."""
    thickness = height * rng.uniform(0.02, 0.05)
    y = baseline + height * rng.uniform(0.0, 0.25)
    distance = height * rng.uniform(1.3, 1.8)
    steps = (-1, 0, 1) if rng.bernoulli(0.4) else (0,)
    levels = [y + step * distance for step in steps]
    lines = [((0, level), (layer.shape[1], level)) for level in levels]
    layer.paint(line_mask(layer.shape, lines, thickness), colour, rng.uniform(0.3, 1.0))


def _paint_guilloche(layer: Layer, colour: Colour, height: float, rng: Rng) -> None:
    """Paint the fine wavy lines of security paper."""
    rows, columns = layer.shape
    distance = height * rng.uniform(0.09, 0.2)
    wavelength, amplitude = height * rng.uniform(0.8, 4.0), height * rng.uniform(0.03, 0.25)
    slope, phase_step = rng.normal(0, 0.25), rng.uniform(-0.5, 0.5)
    x = np.arange(0, columns + 4, 4, dtype=np.float64)
    index = np.arange(-8, math.ceil(rows / distance) + 8)[:, None]
    phase = 2 * np.pi * x / wavelength + phase_step * index
    y = index * distance + amplitude * np.sin(phase) + slope * (x - columns / 2)
    lines = np.stack([np.broadcast_to(x, y.shape), y], axis=-1)
    layer.paint(line_mask(layer.shape, lines, 1), colour, rng.uniform(0.15, 0.7))
