"""Images with what was read in them: the box, the number, how sure."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inference.reader import Reading

LEAST_WIDTH, MOST = 320, 1600
"""Smaller images are enlarged to this width, or the text would hide them; larger ones are made
smaller, to this many pixels in width and height, which is enough to look at."""

_SURE, _UNSURE = (20, 130, 50), (200, 90, 0)


def draw_reading(
    image: np.ndarray, reading: Reading, *, min_confidence: float = 0.0
) -> Image.Image:
    """Draw a reading on its image.

    Args:
        image: uint8 array (height, width, 3), RGB.
        reading: what was read in it.
        min_confidence: below it the reading is drawn as unsure, in another colour.

    Returns:
        The image, from `LEAST_WIDTH` to `MOST` wide, with the number's box, and below it a band
        with the number and its confidence.
    """
    height, width = image.shape[:2]
    scale = min(max(1.0, LEAST_WIDTH / width), MOST / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    band = max(size[0], LEAST_WIDTH)
    shown = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
    sure = reading.confidence >= min_confidence
    colour = _SURE if sure else _UNSURE
    letters = max(19, round(0.05 * band))
    drawn = Image.new("RGB", (band, size[1] + round(1.5 * letters)), "white")
    drawn.paste(shown, (0, 0))
    draw = ImageDraw.Draw(drawn)
    if reading.box is not None:
        edges = [round(edge * scale) for edge in reading.box]
        draw.rectangle(edges, outline=colour, width=max(2, size[0] // 200))
    text = f"{reading.number or 'no number'}   {reading.confidence:.1%}"
    draw.text(
        (letters // 2, size[1] + letters // 6),
        text if sure else f"{text}   unsure",
        fill=colour,
        font=ImageFont.load_default(letters),
    )
    return drawn
