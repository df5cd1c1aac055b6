"""Draw readings on images: box, number and confidence."""

from __future__ import annotations

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
    height, width = image.shape[:2]
    scale = min(max(1.0, MIN_WIDTH / width), MAX_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    width = max(size[0], MIN_WIDTH)
    resized = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
    confident = reading.confidence >= min_confidence
    color = _CONFIDENT if confident else _UNSURE
    font_size = max(19, round(0.05 * width))
    drawn = Image.new("RGB", (width, size[1] + round(1.5 * font_size)), "white")
    drawn.paste(resized, (0, 0))
    draw = ImageDraw.Draw(drawn)
    if reading.box is not None:
        edges = [round(edge * scale) for edge in reading.box]
        draw.rectangle(edges, outline=color, width=max(2, size[0] // 200))
    text = f"{reading.number or 'no number'}   {reading.confidence:.1%}"
    draw.text(
        (font_size // 2, size[1] + font_size // 6),
        text if confident else f"{text}   unsure",
        fill=color,
        font=ImageFont.load_default(font_size),
    )
    return drawn
