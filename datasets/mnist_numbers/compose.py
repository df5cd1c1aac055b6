"""Compose handwritten digits into a number on a canvas, with NumPy and OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

# Ranges of the random amounts, which are uniform.
CANVAS = (48, 128)  # height and width in pixels
DIGIT_HEIGHT = (18.0, 34.0)  # pixels, before a number too wide for the canvas is scaled down
HEIGHT_JITTER = 0.1  # maximum relative change of the height of each digit
STRETCH = (0.8, 1.15)  # factor on width over height
# Pixels between neighbours over the digit height; never below 0: digits that touch form others.
GAP = (0.06, 0.4)
SLOPE = 8.0  # maximum slope of the baseline in degrees
RISE = 0.08  # maximum offset of each digit from the baseline, as a fraction of its height
SLANT = 10.0  # maximum slant in degrees, common to all digits
ROTATION = 6.0  # maximum rotation of each digit in degrees
BACKGROUND = (0.0, 70.0)  # grey level
INK = (150.0, 255.0)  # grey level
NOISE = (-8.0, 12.0)  # standard deviation in levels; values below 0 mean none


def compose(digits: list[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Compose digits side by side on a canvas.

    Args:
        digits: one or more uint8 arrays (height, width), light on black, in reading order.
        rng: generator of all random amounts.

    Returns:
        uint8 image (height, width), and float32 boxes (digits, 4) around each digit's ink:
        left, top, right, bottom in pixels, inside the image.
    """
    inks = [_ink(digit) for digit in digits]
    sizes, lefts, tops = _place(inks, rng)
    slant = np.tan(np.deg2rad(rng.uniform(-SLANT, SLANT)))
    ink = np.zeros(CANVAS, np.uint8)
    boxes = np.empty((len(inks), 4), np.float32)
    for index, (digit, size, left, top) in enumerate(zip(inks, sizes, lefts, tops, strict=True)):
        rotation = np.deg2rad(rng.uniform(-ROTATION, ROTATION))
        drawn = _draw(digit, size, left, top, slant, rotation)
        boxes[index] = _extent(drawn)
        np.maximum(ink, drawn, out=ink)
    return _set_levels(ink, rng), boxes


def _ink(digit: np.ndarray) -> np.ndarray:
    left, top, right, bottom = _extent(digit).astype(int)
    return digit[top:bottom, left:right]


def _extent(image: np.ndarray) -> np.ndarray:
    """left, top, right, bottom of all pixels well above the background."""
    rows = np.flatnonzero((image > 40).any(axis=1))
    columns = np.flatnonzero((image > 40).any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def _place(inks: list[np.ndarray], rng: np.random.Generator):
    """Width and height, left and top of each digit, all within the canvas."""
    count, (height, width) = len(inks), CANVAS
    jitter = 1 + rng.uniform(-1, 1, count) * HEIGHT_JITTER
    heights = rng.uniform(*DIGIT_HEIGHT) * jitter
    stretch = rng.uniform(*STRETCH)
    widths = np.array([ink.shape[1] / ink.shape[0] for ink in inks]) * heights * stretch
    gaps = rng.uniform(*GAP) * rng.uniform(0.6, 1.4, count - 1) * heights.mean()
    slope = np.tan(np.deg2rad(rng.uniform(-SLOPE, SLOPE)))
    rises = rng.uniform(-RISE, RISE, count) * heights

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
    digit: np.ndarray, size: np.ndarray, left: float, top: float, slant: float, rotation: float
) -> np.ndarray:
    """Draw one digit on a black canvas, slanted and rotated about its centre."""
    rows, columns = digit.shape
    scale = np.diag([size[0] / columns, size[1] / rows])
    cos, sin = np.cos(rotation), np.sin(rotation)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, -slant], [0, 1]]) @ scale
    source = np.array([(columns - 1) / 2, (rows - 1) / 2])
    target = np.array([left + size[0] / 2 - 0.5, top + size[1] / 2 - 0.5])
    affine = np.column_stack([matrix, target - matrix @ source])
    return cv2.warpAffine(digit, affine, CANVAS[::-1], flags=cv2.INTER_LINEAR)


def _set_levels(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Set the levels of ink and background, and add noise."""
    background, level = rng.uniform(*BACKGROUND), rng.uniform(*INK)
    image = background + ink.astype(np.float32) / 255 * (level - background)
    noise = rng.uniform(*NOISE)
    if noise > 0:
        image += rng.standard_normal(image.shape, np.float32) * np.float32(noise)
    return (image + 0.5).clip(0, 255).astype(np.uint8)
