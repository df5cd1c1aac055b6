"""Panels: what carries a number, seen flat, before it is put into a scene."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from datasets.rendered_numbers.fonts import families
from datasets.rendered_numbers.layer import Layer
from datasets.rendered_numbers.lettering import Lettering
from datasets.rendered_numbers.planes import Box
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.setting import set_line
from datasets.rendered_numbers.surfaces import MIDDLE, STEP, Colour, crop

PLAIN = Lettering(
    face="", brush=None, stretch=1.0, slant=0.0, growth=0, wobble=0.0, rounding=0.0,
    stencil=False, spacing=0.1, turn=0.0, shift=0.0, size=0.0, slope=0.0, bow=0.0,
)  # fmt: skip
"""Upright letters without any effect, of a face yet to be chosen."""


@dataclass
class Panel:
    """What carries a number, seen flat.

    Attributes:
        layer: the object and the ink on it, partly transparent.
        number: the label, "" for none.
        hulls: for each digit of the label float32 (n, 2), its convex hull in pixels of the layer.
        height: height of a digit, in pixels.
        content: left, top, right, bottom of what the image is cut around.
        text: hulls of all characters of a number's line where it has others than its digits:
            cut in half, a letter could be a digit.
        beside: hulls, in pixels of the layer, of a digit to the left and one to the right, of
            which no more than a sliver may be in the image.
        sliver: the largest share of their widths that may be.
        crops: how images of it are cut, as in `KindStyle`; the style's way where it is empty.
        fine: factor on the camera's blur, less than 1 for fine strokes.
        turn: rotation in the image plane, in radians.
        turnable: whether the panel, turned by a quarter or a half, shows no readable number.
        wall: colour of what is around it, or None to draw one.
        masonry: whether the wall may be of bricks or boards; else it is almost even.
    """

    layer: Layer
    number: str
    hulls: list[np.ndarray]
    height: float
    content: Box
    text: tuple[np.ndarray, ...] = ()
    beside: tuple[np.ndarray, ...] = ()
    sliver: float = 0.2
    crops: tuple[tuple[float, str], ...] = ()
    fine: float = 0.85
    turn: float = 0.0
    turnable: bool = False
    wall: Colour | None = None
    masonry: bool = True


def can_be_turned(number: str) -> bool:
    """Whether a number shows by its digits that it is turned: 6908 and 152 do not."""
    return len(number) > 1 and any(digit in "347" for digit in number)


def draw_length(weights: Sequence[tuple[float, int]], chance: Rng) -> int:
    """Draw how many digits a number has from (weight, digits)."""
    return chance.weighted(weights)


def draw_digits(length: int, chance: Rng, zeros: float = 0.1) -> str:
    """Draw a number: any digit as likely as another.

    Args:
        length: how many digits.
        chance: source of chance.
        zeros: share of numbers that begin with one zero or more.
    """
    if length > 1 and chance.happens(zeros):
        shown = 1 + chance.below(length)
        return "".join(str(chance.below(10)) for _ in range(shown)).zfill(length)
    first = chance.below(10) if length == 1 or chance.happens(0.1) else 1 + chance.below(9)
    return str(first) + "".join(str(chance.below(10)) for _ in range(length - 1))


@functools.cache
def faces(*words: str) -> tuple[str, ...]:
    """Font files whose names hold one of the words; all of them for none."""
    every = [face for family in families() for face in family]
    every += [face.replace("-Bold.ttf", ".ttf") for face in every if "DejaVuSans-Bold.ttf" in face]
    # Greek letters and arrows are where others have punctuation.
    every = [face for face in every if "cmmi10" not in face]
    named = tuple(face for face in every if not words or any(word in face for word in words))
    if not named:
        raise ValueError(f"No font file has one of these in its name. Received: {words}")
    return named


def face_for(text: str, face: str) -> str:
    """The face, or one that has all characters of the text: some lack signs or have others."""
    lacking = "€£°³" if face.rpartition("/")[2].startswith("cm") else "³"
    lacks = any(sign in text for sign in lacking) and "DejaVu" not in face
    return faces("DejaVuSans.ttf")[0] if lacks else face


def rectangle(shape: tuple[int, int], box: Box, corner: float = 0.0) -> np.ndarray:
    """A filled rectangle as a mask.

    Args:
        shape: height and width of the mask.
        box: left, top, right, bottom, in pixels.
        corner: radius of its corners, in pixels.

    Returns:
        uint8 (h, w).
    """
    mask = np.zeros(shape, np.uint8)
    left, top, right, bottom = box
    corner = min(corner, (right - left) / 2, (bottom - top) / 2)
    if corner < 1:
        points = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    else:
        angles = np.linspace(0, np.pi / 2, 6)
        arc = corner * np.column_stack([np.cos(angles), np.sin(angles)])
        points = np.concatenate([
            np.array([right - corner, bottom - corner]) + arc,
            np.array([left + corner, bottom - corner]) + arc[::-1] * (-1, 1),
            np.array([left + corner, top + corner]) - arc,
            np.array([right - corner, top + corner]) + arc[::-1] * (1, -1),
        ])  # fmt: skip
    cv2.fillPoly(mask, [np.rint((points - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def grown(box: Box, x: float, y: float) -> Box:
    """A box with more room to the left and right (x) and above and below (y)."""
    return box[0] - x, box[1] - y, box[2] + x, box[3] + y


def put_box(
    layer: Layer, box: Box, colour: Colour, opacity: float = 1.0, corner: float = 0.0
) -> None:
    """Lay a rectangle on a layer."""
    layer.put(rectangle(layer.paint.shape[:2], box, corner), colour, opacity)


def put_grain(layer: Layer, name: str, depth: float, chance: Rng) -> None:
    """Give what is painted so far the grain of a texture.

    Args:
        layer: changed in place; its opacity stays.
        name: one of `surfaces.tiles()`.
        depth: deviation of the brightness, relative.
        chance: source of the place in the texture.
    """
    rows, columns = layer.paint.shape[:2]
    grain = crop(name, (columns, rows), chance).astype(np.float32)
    scale_brightness(layer, (grain - MIDDLE) * np.float32(depth / STEP) + 1)


def scale_brightness(layer: Layer, factor: np.ndarray) -> None:
    """Multiply a layer's colours by float32 (h, w), in place; its opacity stays."""
    plain = np.ones_like(factor)
    layer.paint *= cv2.merge((factor, factor, factor, plain))
    # Opacity times 255 is the most that a premultiplied colour can be.
    np.clip(layer.paint, 0, 255, out=layer.paint)


def put_words(
    layer: Layer,
    text: str,
    face: str,
    place: tuple[float, float],
    height: float,
    colour: Colour,
    chance: Rng,
    opacity: float = 0.9,
    anchor: float = 0.5,
    keep: Box | None = None,
) -> None:
    """Lay small print on a layer.

    Args:
        layer: where to.
        text: letters.
        face: font file.
        place: x and y of the middle of the print, in pixels.
        height: height of a digit of the face, in pixels.
        colour: of the ink.
        chance: source of chance.
        opacity: of the ink.
        anchor: which part of the print's width lies at x: 0 its left end, 1 its right end.
        keep: a box that the print must not touch; it is left out where it would.
    """
    word = set_line(
        text, replace(PLAIN, face=face_for(text, face)), height, chance, margin=0.1
    ).mask
    rows, columns = layer.paint.shape[:2]
    x = round(place[0] - anchor * word.shape[1])
    y = round(place[1] - word.shape[0] / 2)
    if keep and (
        x < keep[2] and x + word.shape[1] > keep[0] and y < keep[3] and y + word.shape[0] > keep[1]
    ):
        return
    part = word[max(0, -y) : rows - y, max(0, -x) : columns - x]
    if y >= rows or x >= columns or not part.size:
        return
    mask = np.zeros((rows, columns), np.uint8)
    y, x = max(y, 0), max(x, 0)
    mask[y : y + part.shape[0], x : x + part.shape[1]] = part
    layer.put(mask, colour, opacity)
