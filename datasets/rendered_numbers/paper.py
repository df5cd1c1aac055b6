"""Paper to write on: grain, guilloche, rules and printed words."""

from __future__ import annotations

import math

import cv2
import numpy as np

from datasets.rendered_numbers.layer import Layer, lay
from datasets.rendered_numbers.panel import faces, put_box, put_words
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.surfaces import Colour, mix

_PAPERS = ((0.86, 0.88, 0.86), (0.92, 0.90, 0.82), (0.82, 0.88, 0.92), (0.93, 0.86, 0.86),
           (0.84, 0.90, 0.80), (0.95, 0.95, 0.95), (0.72, 0.72, 0.72))  # fmt: skip


def put_paper(layer: Layer, base: float, height: float, chance: Rng) -> Colour:
    """Cover a layer with paper.

    Args:
        layer: where to.
        base: height of the line to write on, in pixels from the top.
        height: height of a digit, in pixels.
        chance: source of chance.

    Returns:
        The paper's colour.
    """
    rows, columns = layer.paint.shape[:2]
    bright = 255 * chance.uniform(0.72, 1.0)
    colour = tuple(part * bright for part in chance.choice(_PAPERS))
    if chance.happens(0.5):
        colour = (sum(colour) / 3,) * 3
    put_box(layer, (0, 0, columns, rows), colour)
    view = layer.paint
    dark = mix(colour, chance.choice(((60.0, 70.0, 120.0), (60.0, 60.0, 60.0), (110.0, 60.0, 60.0),
                                      (40.0, 90.0, 70.0))), 0.8)  # fmt: skip
    if chance.happens(0.65):
        _put_guilloche(view, dark, height, chance)
    if chance.happens(0.2):
        face = chance.choice(faces("Serif", "Lato-Bold", "Roboto-Bold"))
        word = chance.choice(("BANCO", "BANK", "PAY", "CHEQUE", "DOLLARS", "EURO", "VOID"))
        for _ in range(1 + chance.below(3)):
            place = chance.uniform(0, columns), chance.uniform(0, rows)
            put_words(layer, word, face, place, height * chance.uniform(0.2, 0.9), dark, chance,
                      chance.uniform(0.08, 0.3))  # fmt: skip
    if chance.happens(0.55):  # the rule to write on, or several, or a box
        thick = max(1, round(height * chance.uniform(0.02, 0.05)))
        mask = np.zeros((rows, columns), np.uint8)
        y = base + height * chance.uniform(0.0, 0.25)
        apart = height * chance.uniform(1.3, 1.8)
        for step in (-1, 0, 1) if chance.happens(0.4) else (0,):
            level = round((y + step * apart) * 16)
            cv2.line(mask, (0, level), (columns * 16, level), 255, thick, cv2.LINE_AA, 4)
        layer.put(mask, dark, chance.uniform(0.3, 1.0))
    return colour


def _put_guilloche(view: np.ndarray, colour: Colour, height: float, chance: Rng) -> None:
    """Lay the fine wavy lines of security paper over an image, in place."""
    rows, columns = view.shape[:2]
    mask = np.zeros((rows, columns), np.uint8)
    step = height * chance.uniform(0.09, 0.2)
    wave, swing = height * chance.uniform(0.8, 4.0), height * chance.uniform(0.03, 0.25)
    slope, drift = chance.normal(0, 0.25), chance.uniform(-0.5, 0.5)
    x = np.arange(0, columns + 4, 4, dtype=np.float64)
    lines = []
    for place in range(-8, math.ceil(rows / step) + 8):
        phase = 2 * np.pi * x / wave + drift * place
        y = place * step + swing * np.sin(phase) + slope * (x - columns / 2)
        lines.append(np.rint(np.column_stack([x, y]) * 16).astype(np.int32))
    cv2.polylines(mask, lines, False, 255, 1, cv2.LINE_AA, 4)
    lay(view, mask, (*colour, 1.0), chance.uniform(0.15, 0.7))
