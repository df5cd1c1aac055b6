"""Planar objects that carry a number, before they are placed in a scene."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from .drawing import Box, Colour, Layer
from .fonts import face_for
from .layout import TextLine, layout_line
from .rng import Rng
from .text_style import TextStyle
from .textures import TEXTURE_MEAN, TEXTURE_STD, crop_texture


@dataclass
class PlanarObject:
    """A planar object that carries a number.

    Attributes:
        layer: the object with its ink.
        label: the number's digits, "" for none.
        hulls: convex hull of each digit of the label: float32 (n, 2), in pixels of the layer.
        content: the box around which the image is cropped.
        line_hulls: hulls of all characters of the number's line if it has more than the digits; the
            crop contains all of them completely, since a letter cut in half may look like a digit.
        neighbour_hulls: hulls of a digit to the left and one to the right, which the crop contains
            at most in part.
        max_neighbour_fraction: the maximum fraction of their widths.
        crops: crops as in `ObjectStyle`; the style's if empty.
        blur_scale: factor on the camera's blur; less than 1 for fine strokes.
        rotation: rotation in the image plane, in radians.
        rotatable: whether the object may be shown rotated by multiples of 90 degrees.
        background: colour around the object, or None to sample one.
        textured: whether the background may be of bricks or boards; it is plain otherwise.
        others: further numbers on the object: the digits ("" if they are too small or cut off) and
            the hulls, as in `hulls`.
    """

    layer: Layer
    label: str
    hulls: list[np.ndarray]
    content: Box
    line_hulls: list[np.ndarray] | None = None
    neighbour_hulls: list[np.ndarray] | None = None
    max_neighbour_fraction: float = 0.2
    crops: tuple[tuple[float, str], ...] = ()
    blur_scale: float = 0.85
    rotation: float = 0.0
    rotatable: bool = True
    background: Colour | None = None
    textured: bool = True
    others: list[tuple[str, list[np.ndarray]]] = field(default_factory=list)


def is_unreadable_rotated(label: str) -> bool:
    """Return whether a number that is turned upside down is not another number.

    Other digits than 3, 4 and 7 may be read upside down: 6908 as 8069, 152 as 251.
    """
    return len(label) > 1 and any(digit in "347" for digit in label)


def find_numbers(text: str) -> list[list[int]]:
    """Return the indices of the digits of each number in a line of characters of one size.

    A number is its digits in reading order. A decimal point, comma or colon between two digits is
    part of the number and omitted from the label. Letters, slashes, hyphens, signs and spaces end a
    number.

    Example:
        >>> find_numbers("No. 14.69 kg")
        [[4, 5, 7, 8]]
    """
    return [
        [index for index in range(*match.span()) if text[index].isdigit()]
        for match in re.finditer(r"[0-9]+(?:[.,:][0-9]+)*", text)
    ]


def line_object(layer: Layer, text: str, line: TextLine, **attributes) -> PlanarObject:
    """Return the planar object of a line of text, with further attributes.

    If there are several numbers, the label is the longest one, or the first of the longest ones.
    """
    numbers = numbers_of_line(text, line)
    label, hulls = max(numbers, key=lambda number: len(number[0]), default=("", []))
    others = [number for number in numbers if number[1] is not hulls]
    others += attributes.pop("others", [])
    return PlanarObject(layer, label, hulls, line.box, line.hulls, others=others, **attributes)


def numbers_of_line(text: str, line: TextLine) -> list[tuple[str, list[np.ndarray]]]:
    """Return the digits and their hulls of each number in a line."""
    return [
        (
            "".join(text[index] for index in indices),
            [line.hulls[index - text.count(" ", 0, index)] for index in indices],
        )
        for indices in find_numbers(text)
    ]


def sample_digits(length: int, rng: Rng, leading_zeros: float = 0.1) -> str:
    """Sample uniformly distributed digits, with leading zeros by a probability."""
    if length > 1 and rng.bernoulli(leading_zeros):
        return rng.digits(1 + rng.randrange(length)).zfill(length)
    first = rng.randrange(10) if length == 1 or rng.bernoulli(0.1) else 1 + rng.randrange(9)
    return str(first) + rng.digits(length - 1)


def add_grain(layer: Layer, texture: str, depth: float, rng: Rng) -> None:
    """Modulate the brightness of a layer by a texture, by a relative deviation of `depth`."""
    grain = crop_texture(texture, layer.shape[::-1], rng).astype(np.float32)
    layer.scale_brightness((grain - TEXTURE_MEAN) * np.float32(depth / TEXTURE_STD) + 1)


def paint_words(
    layer: Layer,
    text: str,
    face: str,
    position: tuple[float, float],
    height: float,
    colour: Colour,
    rng: Rng,
    opacity: float = 0.9,
    anchor: float = 0.5,
    keep_free: Box | None = None,
) -> Box | None:
    """Paint small print on a layer, in place; returns its box, None if nothing was painted.

    Args:
        position: x and y of the text's anchor, in pixels.
        height: height of a digit of the face, in pixels.
        anchor: horizontal position of the anchor in the text: 0 left, 0.5 middle, 1 right.
        keep_free: nothing is painted if the text would overlap this box.
    """
    style = TextStyle(face=face_for(text, face))
    word = layout_line(text, style, height, rng, margin=0.1).mask
    rows, columns = word.shape
    x, y = round(position[0] - anchor * columns), round(position[1] - rows / 2)
    if keep_free:
        left, top, right, bottom = keep_free
        if x < right and x + columns > left and y < bottom and y + rows > top:
            return None
    paste_ink(layer, word, x, y, colour, opacity)
    return x, y, x + columns, y + rows


def paste_ink(
    layer: Layer, ink: np.ndarray, x: int, y: int, colour: Colour, opacity: float
) -> None:
    """Paint a mask of ink with its upper left corner at (x, y), cut at the layer's edges."""
    rows, columns = layer.shape
    part = ink[max(0, -y) : rows - y, max(0, -x) : columns - x]
    if y >= rows or x >= columns or not part.size:
        return
    mask = np.zeros((rows, columns), np.uint8)
    y, x = max(y, 0), max(x, 0)
    mask[y : y + part.shape[0], x : x + part.shape[1]] = part
    layer.paint(mask, colour, opacity)
