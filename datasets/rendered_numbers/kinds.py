"""Draws scenes with numbers of many kinds: chooses a kind, puts its panel into a scene."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.rendered_numbers import scene
from datasets.rendered_numbers.absent import draw_nothing, draw_words
from datasets.rendered_numbers.bibs import draw_bib, draw_card, draw_jersey, draw_number_plate
from datasets.rendered_numbers.codes import draw_code_label, draw_dot_display, draw_ink_jet
from datasets.rendered_numbers.counters import draw_counter
from datasets.rendered_numbers.handwriting import draw_handwriting
from datasets.rendered_numbers.kinds_style import KindStyle
from datasets.rendered_numbers.panel import Panel
from datasets.rendered_numbers.planes import Box, centres, extents, placed, placing, seen_box, union
from datasets.rendered_numbers.prints import (
    draw_cut,
    draw_diagonal,
    draw_print,
    draw_vertical,
)
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.segments import draw_display
from datasets.rendered_numbers.surfaces import wall_colour

KINDS: dict[str, Callable[[Rng, float], Panel]] = {
    "lcd": functools.partial(draw_display, lamp=False),
    "led": functools.partial(draw_display, lamp=True),
    "counter": draw_counter,
    "ink-jet": draw_ink_jet,
    "dot-display": draw_dot_display,
    "code label": draw_code_label,
    "bib": draw_bib,
    "jersey": draw_jersey,
    "number plate": draw_number_plate,
    "card": draw_card,
    "handwriting": draw_handwriting,
    "print": draw_print,
    "cut": draw_cut,
    "vertical": draw_vertical,
    "diagonal": draw_diagonal,
    "words": draw_words,
    "nothing": draw_nothing,
}
"""Name of each kind, and the function that draws its panel from chance and a digit's height."""


@dataclass(frozen=True)
class KindScene:
    """A scene before the camera.

    Attributes:
        kind: which of `KINDS`.
        view: float32 (h, w, 3), RGB, 0 to 255 and a little beyond.
        number: the digits, "" for none.
        boxes: float32 (L, 4), left, top, right, bottom of each digit, in pixels.
        height: height of a digit, in pixels, to which the camera's blur is in proportion; less
            for fine strokes.
        turned: quarter turns by which an image without a readable number is turned, else 0.
    """

    kind: str
    view: np.ndarray
    number: str
    boxes: np.ndarray
    height: float
    turned: int = 0


def draw_kind_scene(chance: Rng, style: KindStyle) -> KindScene:
    """Draw a scene of one of a style's kinds, sharp and evenly lit.

    Args:
        chance: source of chance.
        style: which kinds, and how images are cut.

    Returns:
        The scene; its boxes lie within the image.
    """
    kind = chance.weighted(style.kinds)
    turn = chance.happens(style.turned)
    quarters = 1 + chance.below(3)
    if chance.happens(style.tiny):
        height = chance.uniform(8.0, 15.0)
    else:
        median, spread = style.digit_height
        height = min(max(median * math.exp(chance.normal(0, spread)), 10.0), 120.0)
    flat = min(max(1.1 * height, 22.0), 64.0)
    arguments = {"glyphs": style.glyphs} if kind == "handwriting" else {}
    panel = KINDS[kind](chance, flat, **arguments)

    seen = scene.bend(_facing(panel.turn, chance), 4 * flat, chance)
    seen[:2] *= height / flat
    content = panel.content
    middle = (content[0] + content[2]) / 2, (content[1] + content[3]) / 2
    wall_seen, seen = seen, seen @ placing(1.0, -middle[0], -middle[1])
    boxes = extents(panel.hulls, seen) if panel.hulls else []
    whole = extents(list(panel.text), seen) if panel.text else boxes
    around = union(whole) if whole else seen_box(content, seen)
    beside = extents(list(panel.beside), seen) if panel.beside else []
    size, place = _frame(around, beside, panel, height, style, chance)
    height *= float(place[1, 1])
    seen, wall_seen = place @ seen, place @ wall_seen
    view = _wall(panel, size, wall_seen, height, placed([around], place)[0], chance)
    _put(view, panel, seen)
    if chance.happens(0.03):
        scene.put_before(view, height, chance)
    boxes = np.array(placed(boxes, place), np.float32).reshape(-1, 4)
    height *= panel.fine
    if turn and panel.turnable:
        view = np.ascontiguousarray(np.rot90(view, quarters))
        return KindScene(kind, view, "", np.zeros((0, 4), np.float32), height, quarters)
    boxes = np.clip(boxes, 0, (*size, *size)).astype(np.float32)
    return KindScene(kind, view, panel.number, boxes, height)


def _facing(turn: float, chance: Rng) -> np.ndarray:
    """How the panel faces the camera: mostly from the front; 3x3 matrix."""
    turn += chance.normal(0.0, 0.025) if chance.happens(0.7) else chance.clipped(0, 0.12, -0.3, 0.3)
    yaw = chance.clipped(0.0, 0.12, -0.35, 0.35) if chance.happens(0.4) else 0.0
    tilt = chance.clipped(0.0, 0.04, -0.15, 0.15)
    narrow = 1.0 - 0.9 * yaw * yaw
    cos, sin, slope = math.cos(turn), math.sin(turn), 0.5 * yaw
    return np.array([
        [cos * narrow - sin * slope, cos * tilt - sin, 0.0],
        [sin * narrow + cos * slope, sin * tilt + cos, 0.0],
        [0.0, 0.0, 1.0],
    ])  # fmt: skip


def _frame(
    box: Box,
    beside: list[Box],
    panel: Panel,
    height: float,
    style: KindStyle,
    chance: Rng,
) -> tuple[tuple[int, int], np.ndarray]:
    """Choose the image's size, and a 3x3 matrix that moves (and shrinks) the number into it.

    Args:
        box: left, top, right, bottom of the number and what is on its line.
        beside: boxes of its neighbours to the left and right, or none.
        panel: what is cut out.
        height: height of a digit.
        style: how images are cut.
        chance: source of chance.
    """
    left, top, right, bottom = box
    crop = chance.weighted(panel.crops or style.crops)
    if crop == "tight":
        sides = [chance.uniform(0.0, 2.2) for _ in range(4)]
    elif crop == "close":
        x, y = chance.uniform(0.03, 0.9) * height, chance.uniform(0.04, 0.6) * height
        sides = [x * chance.uniform(0.5, 1.5), y * chance.uniform(0.6, 1.4),
                 x * chance.uniform(0.5, 1.5), y * chance.uniform(0.6, 1.4)]  # fmt: skip
    elif crop == "loose":
        sides = [height * chance.log_uniform(0.2, reach) for reach in (3.5, 2.0, 3.5, 2.0)]
    else:
        area = (right - left) * (bottom - top) / chance.log_uniform(0.03, 0.1)
        aspect = chance.clipped(1.4, 0.3, 0.8, 2.2)
        wide, high = math.sqrt(area * aspect), math.sqrt(area / aspect)
        x, y = max(wide - (right - left), 0.0), max(high - (bottom - top), 0.0)
        across, down = chance.uniform(0.1, 0.9), chance.uniform(0.1, 0.9)
        sides = [x * across, y * down, x * (1 - across), y * (1 - down)]
    # A small image of a long number keeps its digits at least 8 pixels high.
    most = 0.125 * style.largest * height
    sides[0::2] = _fitting(sides[0::2], most - (right - left))
    sides[1::2] = _fitting(sides[1::2], most - (bottom - top))
    edges = [left - sides[0], top - sides[1], right + sides[2], bottom + sides[3]]
    if beside:
        before, after = beside
        sliver = chance.uniform(0.0, panel.sliver)
        edges[0] = max(edges[0], min(before[2] - sliver * (before[2] - before[0]), left))
        edges[2] = min(edges[2], max(after[0] + sliver * (after[2] - after[0]), right))
    wide, high = edges[2] - edges[0], edges[3] - edges[1]
    shrink = min(style.largest / max(wide, high), 1.0)
    size = max(8, math.ceil(wide * shrink)), max(8, math.ceil(high * shrink))
    return size, placing(shrink, -edges[0] * shrink, -edges[1] * shrink)


def _fitting(sides: list[float], room: float) -> list[float]:
    """Two margins, smaller in proportion where they take more than the room that there is."""
    factor = min(max(room, 0.0) / max(sum(sides), 1e-6), 1.0)
    return [factor * side for side in sides]


def _wall(panel, size, matrix, height, box, chance: Rng) -> np.ndarray:
    colour = panel.wall or wall_colour(chance)
    if not panel.masonry:
        grain = chance.uniform(0.0, 3.0)
        view = np.empty((size[1], size[0], 3), np.float32)
        view[:] = colour
        tile = scene.crop(chance.choice(("plain", "stucco", "noise")), size, chance)
        view += ((tile.astype(np.float32) - 128) * (grain / 24))[..., None]
        return view
    view = scene.draw_wall(size, matrix, height, colour, chance)
    if chance.happens(0.35):
        scene.put_surroundings(view, matrix, box, height, False, chance)
    return view


def _put(view: np.ndarray, panel: Panel, seen: np.ndarray) -> None:
    """Lay a panel over the view as the camera sees it, in place."""
    rows, columns = view.shape[:2]
    left, top, right, bottom = seen_box(panel.layer.box, seen)
    left, top = max(int(left) - 1, 0), max(int(top) - 1, 0)
    right, bottom = min(int(right) + 2, columns), min(int(bottom) + 2, rows)
    if right <= left or bottom <= top:
        return
    place = placing(1.0, -left, -top)
    paint = panel.layer.paint
    moved = cv2.warpPerspective(paint, place @ centres(seen), (right - left, bottom - top))
    area = view[top:bottom, left:right]
    area *= cv2.cvtColor(1 - cv2.extractChannel(moved, 3), cv2.COLOR_GRAY2RGB)
    area += cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB)
