"""Draws images of house numbers: one call, one image, from a seed and an index."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import cv2
import numpy as np

from datasets.rendered_numbers import camera, scene
from datasets.rendered_numbers.devices import MARGIN, Device, draw_device, put_device
from datasets.rendered_numbers.kinds import draw_kind_scene
from datasets.rendered_numbers.kinds_style import KindStyle
from datasets.rendered_numbers.layer import Layer
from datasets.rendered_numbers.lettering import Lettering, draw_lettering
from datasets.rendered_numbers.planes import (
    Box,
    centres,
    extents,
    placed,
    placing,
    seen_box,
    union,
    warp,
)
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.setting import Line, set_line
from datasets.rendered_numbers.signs import Look, draw_look, put_ink, put_plate, put_tiles
from datasets.rendered_numbers.style import DEFAULT, Framing, Style
from datasets.rendered_numbers.surfaces import wall_colour

_LETTERS = "ABCDEFGHJKLMNPRTUVWXY"


@dataclass(frozen=True)
class Drawn:
    """A drawn image and what is to be read in it.

    Attributes:
        jpeg: the image as the bytes of a JPEG file; its artefacts are part of the image.
        number: its digits, "" where there are none.
        boxes: float32 (L, 4), left, top, right, bottom of each digit, in pixels.
    """

    jpeg: bytes
    number: str
    boxes: np.ndarray

    @property
    def image(self) -> np.ndarray:
        """The image: uint8 (h, w, 3), RGB."""
        stored = np.frombuffer(self.jpeg, np.uint8)
        return cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


@dataclass(frozen=True)
class Scene:
    """A scene before the camera.

    Attributes:
        view: float32 (h, w, 3), RGB, 0 to 255 and a little beyond.
        number: the digits.
        boxes: float32 (L, 4), as in `Drawn`.
        height: height of a digit, in pixels.
        line: the number's ink before it is seen at an angle.
        seen: 3x3 matrix from the line's mask to the view, counted from pixels' corners.
    """

    view: np.ndarray
    number: str
    boxes: np.ndarray
    height: float
    line: Line
    seen: np.ndarray

    def ink(self) -> np.ndarray:
        """Where the number and its letters are: uint8 (h, w)."""
        height, width = self.view.shape[:2]
        return cv2.warpPerspective(self.line.mask, centres(self.seen), (width, height))


def draw(seed: int, index: int, style: Style | KindStyle = DEFAULT) -> Drawn:
    """Draw an image of a house number.

    The same seed, index and style give the same image, in any order and any process.

    Args:
        seed: seed of the data set, a non-negative integer.
        index: which of its images, a non-negative integer.
        style: the statistics that the images follow.

    Returns:
        The image with its number and the boxes of its digits.
    """
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index are 0 or more. Received: {seed=}, {index=}")
    chance = Rng(seed, index)
    with opencv_alone():
        kinds = isinstance(style, KindStyle)
        drawn = draw_kind_scene(chance, style) if kinds else draw_scene(chance, style)
        view = drawn.view
        light = camera.light(view, chance)
        view = camera.lens(view, drawn.height, chance)
        image = camera.sensor(view, light, chance)
        return Drawn(camera.compress(image, chance), drawn.number, drawn.boxes)


@contextmanager
def opencv_alone() -> Iterator[None]:
    """OpenCV without Intel's IPP: no slower on such small images, and one rounding fewer."""
    used = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        yield
    finally:
        cv2.ipp.setUseIPP(used)


def draw_scene(chance: Rng, style: Style) -> Scene:
    """Draw a scene sharp and evenly lit, as it is before the camera takes it."""
    number = style.draw_number(chance)
    framing = chance.weighted(style.framings)
    median, spread = style.digit_height
    height = min(max(median * math.exp(chance.normal(0, spread)), 9.0), 85.0)
    flat = min(max(1.1 * height, 20.0), 80.0)  # height of a digit on the flat layer

    wall = wall_colour(chance)
    device = draw_device(chance) if style.devices else None
    look = device.look if device else draw_look(wall, style.plates, chance)
    lettering = device.lettering if device else draw_lettering(chance, look.enamel)
    before, after = _letters(style, chance) if number and not device else ("", "")
    # A plate needs room around its number.
    margin = MARGIN if device else 0.9 if look.plate else 0.3
    line = set_line(before + (number or "8") + after, lettering, flat, chance, margin)
    skipped = len(before.replace(" ", ""))
    digits = slice(skipped, skipped + len(number))

    middle = (line.box[0] + line.box[2]) / 2, (line.box[1] + line.box[3]) / 2
    seen = scene.bend(scene.facing(chance), 0.5 * (line.box[2] - line.box[0]) + flat, chance)
    seen[:2] *= height / flat
    wall_seen, seen = seen, seen @ placing(1.0, -middle[0], -middle[1])
    boxes = extents(line.hulls, seen)
    size, place = _frame(union(boxes[digits] or boxes), framing, style, chance)
    height *= float(place[1, 1])
    seen, wall_seen = place @ seen, place @ wall_seen
    boxes = placed(boxes, place)
    box = union(boxes)

    view = scene.draw_wall(size, wall_seen, height, wall, chance)
    if chance.happens(style.clutter):
        scene.put_surroundings(view, wall_seen, box, height, framing.area_share is not None, chance)
    for _ in range(3 if framing.area_share else 1):
        if chance.happens(style.neighbours):
            _put_neighbour(view, box, seen, lettering, look, flat, bool(framing.area_share), chance)
    if number or device:
        layer = (
            _device(line, device, bool(number), flat, chance)
            if device
            else _sign(line, look, flat, chance)
        )
        _put(view, layer, seen)
    if chance.happens(0.05):
        scene.put_before(view, height, chance)
    boxes = np.array(boxes[digits], np.float32).reshape(-1, 4)
    return Scene(view, number, boxes, height, line, seen)


def _letters(style: Style, chance: Rng) -> tuple[str, str]:
    """Letters before and after the number."""
    if not chance.happens(0.5 * style.neighbours):
        return "", ""
    kind = chance.unit()
    if kind < 0.35:
        return chance.choice(("N ", "No ", "N: ", "No. ", "# ")), ""
    if kind < 0.8:
        return "", chance.choice(("", " ", "-")) + chance.choice(_LETTERS)
    return "", chance.choice((" bis", " BIS", " ter", "a", "b"))


def _sign(line: Line, look: Look, flat: float, chance: Rng) -> Layer:
    layer = Layer(*line.mask.shape)
    if look.plate:
        if chance.happens(0.05):
            put_tiles(layer, line, look, flat, chance)
        else:
            put_plate(layer, line.box, look, flat, chance)
    put_ink(layer, line, look, flat, chance)
    return layer


def _device(line: Line, device: Device, shows: bool, flat: float, chance: Rng) -> Layer:
    """A device; one that shows no number is switched off, or its label empty."""
    layer = Layer(*line.mask.shape)
    if not shows:
        line = replace(line, mask=np.zeros_like(line.mask))
    put_device(layer, line, device, flat, chance)
    return layer


def _frame(box: Box, framing: Framing, style: Style, chance: Rng):
    """Choose the image's size, and a 3x3 matrix that moves (and shrinks) the number into it."""
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    if framing.area_share is not None:
        aspect = chance.clipped(*framing.aspect, 0.9, 2.4)
        area = wide * high / chance.log_uniform(*framing.area_share)
        height = np.sqrt(area / aspect)
        width = height * aspect
        x = chance.uniform(0.08, 0.92) * max(width - wide, 0) + wide / 2
        y = chance.uniform(0.08, 0.92) * max(height - high, 0) + high / 2
    else:
        height = high / chance.clipped(*framing.height_share)
        if framing.aspect is not None:
            extra = 0.25 * max(wide / high - 1.3, 0)  # longer numbers have wider images
            width = height * chance.clipped(framing.aspect[0] + extra, framing.aspect[1], 1.4, 4.5)
        else:
            width = wide / chance.clipped(*framing.width_share)
            width = min(max(width, 0.9 * height), 3.2 * height)
        width = max(width, wide * chance.uniform(1.04, 1.2))
        x = width * (0.5 + chance.normal(0, framing.offset))
        y = height * (0.5 + chance.normal(0, framing.offset))
    shrink = min(style.largest / max(width, height), 1.0)
    size = (max(12, round(width * shrink)), max(12, round(height * shrink)))
    middle = (left + right) / 2 * shrink, (top + bottom) / 2 * shrink
    move = x / width * size[0] - middle[0], y / height * size[1] - middle[1]
    return size, placing(shrink, *move)


def _put(view: np.ndarray, layer: Layer, seen: np.ndarray) -> None:
    """Lay a flat layer over the view as the camera sees it, in place."""
    rows, columns = view.shape[:2]
    left, top, right, bottom = seen_box(layer.box, seen)
    left, top = max(int(left) - 1, 0), max(int(top) - 1, 0)
    right, bottom = min(int(right) + 2, columns), min(int(bottom) + 2, rows)
    if right <= left or bottom <= top:
        return
    place = placing(1.0, -left, -top)
    moved = cv2.warpPerspective(layer.paint, place @ centres(seen), (right - left, bottom - top))
    area = view[top:bottom, left:right]
    area *= cv2.cvtColor(1 - cv2.extractChannel(moved, 3), cv2.COLOR_GRAY2RGB)
    area += cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB)


def _put_neighbour(view, box, seen, lettering: Lettering, look: Look, flat, wide, chance) -> None:
    """Lay another number or a word where the image's edge cuts it, or small above or below."""
    rows, columns = view.shape[:2]
    left, top, right, bottom = box
    middle = (left + right) / 2, (top + bottom) / 2
    kind = chance.unit()
    if wide or kind < 0.4:  # a word
        text = "".join(chance.choice(_LETTERS) for _ in range(2 + chance.below(7)))
        size = flat * chance.uniform(0.18, 0.5) * (2.0 if wide else 1.0)
        level = chance.sign()
        gap = chance.uniform(0.35, 1.2) * (bottom - top) * level
        edge = bottom if level > 0 else top
        goal = middle[0] + chance.normal(0, 0.2) * columns, edge + gap
        if wide:
            goal = chance.uniform(0, columns), chance.uniform(0, rows)
            if left - 5 < goal[0] < right + 5 or top - 5 < goal[1] < bottom + 5:
                return
    else:  # digits of the house next door, cut by the image's edge
        text, size = str(chance.below(10)), flat
        on_right = chance.happens(0.5)
        room = columns - right if on_right else left
        away = room + chance.uniform(-0.1, 0.15) * (bottom - top)
        goal = right + away if on_right else left - away, middle[1]
    line = set_line(text, lettering, size, chance, margin=0.6)
    layer = _sign(line, look, size, chance)
    centre = np.array([[(line.box[0] + line.box[2]) / 2, (line.box[1] + line.box[3]) / 2]])
    move = goal - warp(centre, seen)[0]
    _put(view, layer, placing(1.0, *move) @ seen)
