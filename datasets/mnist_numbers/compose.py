"""Composition of handwritten digits to a number on a canvas, in NumPy and OpenCV."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Layout:
    """Ranges of the random amounts, which are uniform.

    Attributes:
        canvas: `(height, width)` in pixels.
        digit_height: pixels, before a number too wide for the canvas is scaled down.
        digit_height_jitter: maximum relative change of the height of each digit.
        digit_stretch: factor on width over height.
        gap: pixels between neighbours as a fraction of the digit height; never below 0, since
            digits that touch form other digits.
        slope: maximum slope of the baseline in degrees.
        rise: maximum offset of each digit from the baseline, as a fraction of its height.
        slant: maximum slant in degrees, common to all digits.
        rotation: maximum rotation of each digit in degrees.
        background: grey level of the background.
        ink: grey level of the digits.
        noise: standard deviation of the noise in levels; values below 0 mean none.
    """

    canvas: tuple[int, int] = (48, 128)
    digit_height: tuple[float, float] = (18.0, 34.0)
    digit_height_jitter: float = 0.1
    digit_stretch: tuple[float, float] = (0.8, 1.15)
    gap: tuple[float, float] = (0.06, 0.4)
    slope: float = 8.0
    rise: float = 0.08
    slant: float = 10.0
    rotation: float = 6.0
    background: tuple[float, float] = (0.0, 70.0)
    ink: tuple[float, float] = (150.0, 255.0)
    noise: tuple[float, float] = (-8.0, 12.0)


def compose(
    digits: list[np.ndarray], rng: np.random.Generator, layout: Layout | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Compose digits side by side on a canvas.

    Args:
        digits: one or more uint8 arrays (height, width), light on black, in reading order.
        rng: generator of all random amounts.
        layout: their ranges.

    Returns:
        uint8 image (height, width), and float32 boxes (digits, 4) around each digit's ink:
        left, top, right, bottom in pixels, inside the image.
    """
    layout = layout or Layout()
    inks = [_ink(digit) for digit in digits]
    sizes, lefts, tops = _place(inks, rng, layout)
    slant = np.tan(np.deg2rad(rng.uniform(-layout.slant, layout.slant)))
    ink = np.zeros(layout.canvas, np.uint8)
    boxes = np.empty((len(inks), 4), np.float32)
    for index, (digit, size, left, top) in enumerate(zip(inks, sizes, lefts, tops, strict=True)):
        rotation = np.deg2rad(rng.uniform(-layout.rotation, layout.rotation))
        drawn = _draw(digit, size, left, top, slant, rotation, layout.canvas)
        boxes[index] = _extent(drawn)
        np.maximum(ink, drawn, out=ink)
    return _set_levels(ink, rng, layout), boxes


def _ink(digit: np.ndarray) -> np.ndarray:
    left, top, right, bottom = _extent(digit).astype(int)
    return digit[top:bottom, left:right]


def _extent(image: np.ndarray) -> np.ndarray:
    """left, top, right, bottom of all pixels well above the background."""
    rows = np.flatnonzero((image > 40).any(axis=1))
    columns = np.flatnonzero((image > 40).any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def _place(inks: list[np.ndarray], rng: np.random.Generator, layout: Layout):
    """Width and height, left and top of each digit, all within the canvas."""
    count, (height, width) = len(inks), layout.canvas
    jitter = 1 + rng.uniform(-1, 1, count) * layout.digit_height_jitter
    heights = rng.uniform(*layout.digit_height) * jitter
    stretch = rng.uniform(*layout.digit_stretch)
    widths = np.array([ink.shape[1] / ink.shape[0] for ink in inks]) * heights * stretch
    gaps = rng.uniform(*layout.gap) * rng.uniform(0.6, 1.4, count - 1) * heights.mean()
    slope = np.tan(np.deg2rad(rng.uniform(-layout.slope, layout.slope)))
    rises = rng.uniform(-layout.rise, layout.rise, count) * heights

    lefts = np.concatenate([[0.0], np.cumsum(widths[:-1] + gaps)])
    centres = slope * (lefts + widths / 2) + rises
    tops = centres - heights / 2
    # Room for what slant and rotation add to the upright boxes.
    aside = 0.12 * heights.max()
    wide = lefts[-1] + widths[-1] + 2 * aside
    tall = (tops + heights).max() - tops.min() + aside
    fit = min(1.0, (width - 2) / wide, (height - 2) / tall)
    sizes = np.stack([widths, heights], axis=1) * fit
    x = 1 + aside * fit + rng.uniform(0, 1) * (width - 2 - wide * fit)
    y = 1 + aside / 2 * fit + rng.uniform(0, 1) * (height - 2 - tall * fit)
    return sizes, lefts * fit + x, (tops - tops.min()) * fit + y


def _draw(
    digit, size, left: float, top: float, slant: float, rotation: float, canvas
) -> np.ndarray:
    """The digit alone on a black canvas, slanted and rotated about its centre."""
    rows, columns = digit.shape
    scale = np.diag([size[0] / columns, size[1] / rows])
    cos, sin = np.cos(rotation), np.sin(rotation)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, -slant], [0, 1]]) @ scale
    source = np.array([(columns - 1) / 2, (rows - 1) / 2])
    target = np.array([left + size[0] / 2 - 0.5, top + size[1] / 2 - 0.5])
    affine = np.column_stack([matrix, target - matrix @ source])
    return cv2.warpAffine(digit, affine, (canvas[1], canvas[0]), flags=cv2.INTER_LINEAR)


def _set_levels(ink: np.ndarray, rng: np.random.Generator, layout: Layout) -> np.ndarray:
    """Set the levels of ink and background, and add noise."""
    background, level = rng.uniform(*layout.background), rng.uniform(*layout.ink)
    image = background + ink.astype(np.float32) / 255 * (level - background)
    noise = rng.uniform(*layout.noise)
    if noise > 0:
        image += rng.standard_normal(image.shape, np.float32) * np.float32(noise)
    return (image + 0.5).clip(0, 255).astype(np.uint8)
