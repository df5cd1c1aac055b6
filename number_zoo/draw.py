"""Draw readings on images: box, number and confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from number_zoo.predictions import Reading

MIN_WIDTH, MAX_SIDE = 320, 1600
"""Smaller images are enlarged to this width, so that the text fits; larger ones are reduced to this
width and height. In pixels."""

_CONFIDENT, _UNSURE = (20, 130, 50), (200, 90, 0)


def draw_reading(
    image: np.ndarray, reading: Reading, *, min_confidence: float = 0.0
) -> Image.Image:
    """Draw a reading on its image.

    Args:
        image: uint8 array (height, width, 3), RGB.
        reading: the reading of the image.
        min_confidence: below it the reading is marked as unsure, in another color.

    Returns:
        The image, `MIN_WIDTH` to `MAX_SIDE` pixels wide, with the box of the number, and below it
        a band with the number and its confidence.
    """
    resized, scale = _resized(image)
    width = max(resized.width, MIN_WIDTH)
    confident = reading.confidence >= min_confidence
    color = _CONFIDENT if confident else _UNSURE
    font_size = max(19, round(0.05 * width))
    drawn = Image.new("RGB", (width, resized.height + round(1.5 * font_size)), "white")
    drawn.paste(resized, (0, 0))
    draw = ImageDraw.Draw(drawn)
    if reading.box is not None:
        edges = [round(edge * scale) for edge in reading.box]
        draw.rectangle(edges, outline=color, width=max(2, resized.width // 200))
    text = f"{reading.number or 'no number'}   {reading.confidence:.1%}"
    draw.text(
        (font_size // 2, resized.height + font_size // 6),
        text if confident else f"{text}   unsure",
        fill=color,
        font=ImageFont.load_default(font_size),
    )
    return drawn


def draw_all(
    image: np.ndarray, readings: Sequence[Reading], *, min_confidence: float = 0.0
) -> Image.Image:
    """Draw the readings of all numbers in an image on it.

    Args:
        image: uint8 array (height, width, 3), RGB.
        readings: those of the image; with boxes.
        min_confidence: below it a reading is marked as unsure, in another color.

    Returns:
        The image, `MIN_WIDTH` to `MAX_SIDE` pixels wide, with the box of each number and beside it
        the number and its confidence.
    """
    drawn, scale = _resized(image)
    draw = ImageDraw.Draw(drawn)
    line = max(1, drawn.width // 500)
    font = ImageFont.load_default(max(12, round(0.009 * drawn.width)))
    for reading in readings:
        confident = reading.confidence >= min_confidence
        color = _CONFIDENT if confident else _UNSURE
        left, top, right, bottom = (round(edge * scale) for edge in reading.box)
        draw.rectangle((left, top, right, bottom), outline=color, width=line)
        text = f"{reading.number}{'' if confident else '?'} {int(100 * reading.confidence)}%"
        edges = draw.textbbox((0, 0), text, font)
        width, height = edges[2] + 4, edges[3] + 4
        x = max(0, min(left, drawn.width - width))
        above = top - height - 1
        y = above if above >= 0 else min(bottom, drawn.height - height)
        draw.rectangle((x, y, x + width, y + height), fill=color)
        draw.text((x + 2, y + 1), text, "white", font)
    return drawn


def _resized(image: np.ndarray) -> tuple[Image.Image, float]:
    """An image at the size that it is drawn at, and the factor."""
    height, width = image.shape[:2]
    scale = min(max(1.0, MIN_WIDTH / width), MAX_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return Image.fromarray(image).resize(size, Image.Resampling.BICUBIC), scale
