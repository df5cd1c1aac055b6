"""Composes handwritten digits to a number on a canvas: plain NumPy and OpenCV."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Layout:
    """The ranges that a number's looks are drawn from, evenly.

    Attributes:
        canvas: `(height, width)` in pixels.
        digit_height: pixels, before a number too wide for the canvas is shrunk to fit.
        digit_height_jitter: share by which each digit is higher or lower than that.
        digit_stretch: width over height, as a factor.
        gap: pixels between neighbours as a share of the digit height; never below 0, for digits
            that run into each other make other digits.
        slope: degrees by which the line climbs or falls, each way.
        rise: share of the digit height by which each digit leaves the line, each way.
        lean: degrees by which the digits lean, each way, together.
        turn: degrees by which each digit is turned, each way.
        background: grey level behind the digits.
        ink: grey level of the digits.
        noise: standard deviation of the noise in levels; what is drawn below 0 means none.
    """

    canvas: tuple[int, int] = (48, 128)
    digit_height: tuple[float, float] = (18.0, 34.0)
    digit_height_jitter: float = 0.1
    digit_stretch: tuple[float, float] = (0.8, 1.15)
    gap: tuple[float, float] = (0.06, 0.4)
    slope: float = 8.0
    rise: float = 0.08
    lean: float = 10.0
    turn: float = 6.0
    background: tuple[float, float] = (0.0, 70.0)
    ink: tuple[float, float] = (150.0, 255.0)
    noise: tuple[float, float] = (-8.0, 12.0)


def compose(
    digits: list[np.ndarray], rng: np.random.Generator, layout: Layout | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Put digits side by side on a canvas.

    Args:
        digits: one or more uint8 arrays (height, width), light ink on black, in reading order.
        rng: source of all random amounts.
        layout: their ranges.

    Returns:
        uint8 image (height, width), and float32 boxes (digits, 4) around each digit's ink:
        left, top, right, bottom in pixels, inside the image.
    """
    layout = layout or Layout()
    inks = [_ink(digit) for digit in digits]
    sizes, lefts, tops = _place(inks, rng, layout)
    lean = np.tan(np.deg2rad(rng.uniform(-layout.lean, layout.lean)))
    ink = np.zeros(layout.canvas, np.uint8)
    boxes = np.empty((len(inks), 4), np.float32)
    for index, (digit, size, left, top) in enumerate(zip(inks, sizes, lefts, tops, strict=True)):
        turn = np.deg2rad(rng.uniform(-layout.turn, layout.turn))
        drawn = _draw(digit, size, left, top, lean, turn, layout.canvas)
        boxes[index] = _extent(drawn)
        np.maximum(ink, drawn, out=ink)
    return _expose(ink, rng, layout), boxes


def _ink(digit: np.ndarray) -> np.ndarray:
    left, top, right, bottom = _extent(digit).astype(int)
    return digit[top:bottom, left:right]


def _extent(image: np.ndarray) -> np.ndarray:
    """left, top, right, bottom of all pixels that are clearly ink."""
    rows = np.flatnonzero((image > 40).any(axis=1))
    columns = np.flatnonzero((image > 40).any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def _place(inks: list[np.ndarray], rng: np.random.Generator, layout: Layout):
    """Width and height, left and top of each digit, so that all are on the canvas."""
    count, (height, width) = len(inks), layout.canvas
    jitter = 1 + rng.uniform(-1, 1, count) * layout.digit_height_jitter
    heights = rng.uniform(*layout.digit_height) * jitter
    stretch = rng.uniform(*layout.digit_stretch)
    widths = np.array([ink.shape[1] / ink.shape[0] for ink in inks]) * heights * stretch
    gaps = rng.uniform(*layout.gap) * rng.uniform(0.6, 1.4, count - 1) * heights.mean()
    slope = np.tan(np.deg2rad(rng.uniform(-layout.slope, layout.slope)))
    rises = rng.uniform(-layout.rise, layout.rise, count) * heights

    lefts = np.concatenate([[0.0], np.cumsum(widths[:-1] + gaps)])
    middles = slope * (lefts + widths / 2) + rises
    tops = middles - heights / 2
    # Room for what lean and turn add beyond the upright boxes.
    aside = 0.12 * heights.max()
    wide = lefts[-1] + widths[-1] + 2 * aside
    tall = (tops + heights).max() - tops.min() + aside
    fit = min(1.0, (width - 2) / wide, (height - 2) / tall)
    sizes = np.stack([widths, heights], axis=1) * fit
    x = 1 + aside * fit + rng.uniform(0, 1) * (width - 2 - wide * fit)
    y = 1 + aside / 2 * fit + rng.uniform(0, 1) * (height - 2 - tall * fit)
    return sizes, lefts * fit + x, (tops - tops.min()) * fit + y


def _draw(digit, size, left: float, top: float, lean: float, turn: float, canvas) -> np.ndarray:
    """The digit alone on a black canvas, leaned and turned about its middle."""
    rows, columns = digit.shape
    scale = np.diag([size[0] / columns, size[1] / rows])
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, -lean], [0, 1]]) @ scale
    source = np.array([(columns - 1) / 2, (rows - 1) / 2])
    target = np.array([left + size[0] / 2 - 0.5, top + size[1] / 2 - 0.5])
    affine = np.column_stack([matrix, target - matrix @ source])
    return cv2.warpAffine(digit, affine, (canvas[1], canvas[0]), flags=cv2.INTER_LINEAR)


def _expose(ink: np.ndarray, rng: np.random.Generator, layout: Layout) -> np.ndarray:
    """Give ink and background their levels, and add noise."""
    background, level = rng.uniform(*layout.background), rng.uniform(*layout.ink)
    image = background + ink.astype(np.float32) / 255 * (level - background)
    noise = rng.uniform(*layout.noise)
    if noise > 0:
        image += rng.standard_normal(image.shape, np.float32) * np.float32(noise)
    return (image + 0.5).clip(0, 255).astype(np.uint8)
