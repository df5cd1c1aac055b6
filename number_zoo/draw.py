"""Draw readings on images: box, number and confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from number_zoo.boxes import intersections
from number_zoo.predictions import Reading

MIN_WIDTH, MAX_SIDE = 320, 1600
"""Smaller images are enlarged to this width, so that the text fits; larger ones are reduced to this
width and height. In pixels."""

MIN_NUMBER = 16
"""Images of all numbers are reduced less where the smaller side of a number would have fewer
pixels."""

Edges = tuple[float, float, float, float]

_CONFIDENT, _UNSURE = (20, 130, 50), (200, 90, 0)


def draw_reading(
    image: np.ndarray, reading: Reading, *, min_confidence: float = 0.0
) -> Image.Image:
    """Draw a reading on its image.

    Args:
        image: uint8 array (height, width, 3), RGB.
        reading: the reading of the image.
        min_confidence: a reading of a lower confidence is marked as unsure, in another color.

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
        readings: the readings of the image, with boxes.
        min_confidence: readings of a lower confidence are marked as unsure, in another color.

    Returns:
        The image, `MIN_WIDTH` to `MAX_SIDE` pixels wide (wider for small numbers), with the box
        around each number and beside it the number and its confidence.
    """
    numbers = np.array([reading.box for reading in readings]).reshape(-1, 4)
    smallest = (numbers[:, 2:] - numbers[:, :2]).min(initial=np.inf)
    drawn, scale = _resized(image, min(1.0, MIN_NUMBER / max(smallest, 1.0)))
    draw = ImageDraw.Draw(drawn)
    visible = min(drawn.width, MAX_SIDE)
    line = max(1, visible // 500)
    font = ImageFont.load_default(max(12, round(0.009 * visible)))
    boxes = [tuple(round(edge * scale) for edge in reading.box) for reading in readings]
    labels: list[Edges] = []
    for reading, (left, top, right, bottom) in zip(readings, boxes, strict=True):
        confident = reading.confidence >= min_confidence
        color = _CONFIDENT if confident else _UNSURE
        outline = left - line, top - line, right + line, bottom + line  # covers no digit
        draw.rectangle(_inside(outline, drawn.size), outline=color, width=line)
        text = f"{reading.number}{'' if confident else '?'} {int(100 * reading.confidence)}%"
        edges = draw.textbbox((0, 0), text, font)
        label = _place_label(outline, (edges[2] + 4, edges[3] + 4), drawn.size, boxes + labels)
        labels.append(label)
        draw.rectangle(label, fill=color)
        draw.text((label[0] + 2, label[1] + 1), text, "white", font)
    return drawn


def _inside(edges: Edges, size: tuple[int, int]) -> Edges:
    """Clip a box to an image of the given size."""
    return tuple(max(0, min(edge, size[i % 2] - 1)) for i, edge in enumerate(edges))


def _place_label(
    box: Edges, size: tuple[int, int], within: tuple[int, int], taken: Sequence[Edges]
) -> Edges:
    """Position of a label of the given size next to a box, above it if nothing else is covered."""
    (left, top, right, bottom), (width, height) = box, size
    corners = (left, top - height), (left, bottom), (right, top), (left - width, top)
    places = []
    for corner in corners:
        x, y = (max(0, min(at, within[i] - size[i])) for i, at in enumerate(corner))
        places.append((x, y, x + width, y + height))
    covered = intersections(np.array(places), np.array(taken)).sum(axis=1)
    return places[covered.argmin()]


def _resized(image: np.ndarray, least: float = 0.0) -> tuple[Image.Image, float]:
    """The image, resized for drawing, and the factor of the resize, which is at least `least`."""
    height, width = image.shape[:2]
    scale = min(max(1.0, MIN_WIDTH / width), max(MAX_SIDE / max(height, width), least))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return Image.fromarray(image).resize(size, Image.Resampling.BICUBIC), scale
