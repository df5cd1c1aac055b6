"""Scenes of objects with numbers of any kind."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from .bibs import render_bib, render_card, render_jersey, render_number_plate
from .codes import render_code_label, render_dot_display, render_ink_jet
from .colours import wall_colour
from .counters import render_counter
from .drawing import (
    Box,
    box_corners,
    centre,
    composite,
    project_hulls,
    scale_translate,
    transform_boxes,
    union,
)
from .fonts import fonts_in
from .handwriting import render_handwriting
from .measures import render_decimal, render_measure, render_time
from .negatives import render_blank, render_fitting, render_page, render_words
from .planar_object import PlanarObject, is_unreadable_rotated
from .printed import render_cut, render_diagonal, render_print, render_vertical
from .rng import Rng
from .scene import (
    Scene,
    add_perspective,
    paint_clutter,
    paint_glare,
    paint_occluder,
    render_plain_wall,
    render_wall,
    view_matrix,
)
from .segments import render_segment_display
from .styles import ObjectStyle

OBJECTS: dict[str, Callable[..., PlanarObject]] = {
    "lcd": functools.partial(render_segment_display, emits_light=False),
    "led": functools.partial(render_segment_display, emits_light=True),
    "counter": render_counter,
    "ink-jet": render_ink_jet,
    "dot-display": render_dot_display,
    "code label": render_code_label,
    "bib": render_bib,
    "jersey": render_jersey,
    "number plate": render_number_plate,
    "card": render_card,
    "handwriting": render_handwriting,
    "print": render_print,
    "cut": render_cut,
    "vertical": render_vertical,
    "diagonal": render_diagonal,
    "words": render_words,
    "blank": render_blank,
    "time": render_time,
    "decimal": render_decimal,
    "measure": render_measure,
    "page": render_page,
    "fitting": render_fitting,
}
"""For each kind, the function that renders an object from (rng, height of a digit in pixels)."""


def render_object_scene(rng: Rng, style: ObjectStyle) -> Scene:
    """Render a scene with an object of one of a style's kinds; boxes are clipped to the image."""
    kind = rng.weighted_choice(style.kinds)
    rotated = rng.bernoulli(style.rotated)
    quarter_turns = 1 + rng.randrange(3)
    if rng.bernoulli(style.tiny):
        height = rng.uniform(8.0, 15.0)
    else:
        median, std = style.digit_height
        height = min(max(median * math.exp(rng.normal(0, std)), 10.0), 120.0)
    layer_height = min(max(1.1 * height, 22.0), 64.0)  # height of a digit in the layer
    options = {"glyphs": style.glyphs} if kind == "handwriting" else {}
    with fonts_in(style.fonts):
        planar = OBJECTS[kind](rng, layer_height, **options)

    # From the wall with its origin at the content's centre, and from the layer, to the image.
    from_wall = add_perspective(_sample_view(planar.rotation, rng), 4 * layer_height, rng)
    from_wall[:2] *= height / layer_height
    x, y = centre(planar.content)
    from_layer = from_wall @ scale_translate(1.0, -x, -y)
    boxes = project_hulls(planar.hulls, from_layer)
    contents = planar.line_hulls or planar.hulls or [box_corners(planar.content)]
    content = union(project_hulls(contents, from_layer))
    neighbours = project_hulls(planar.neighbour_hulls or [], from_layer)
    size, crop = _sample_crop(content, neighbours, planar, height, style, rng)
    height *= float(crop[1, 1])
    from_layer, from_wall = crop @ from_layer, crop @ from_wall
    boxes = transform_boxes(boxes, crop)
    content = tuple(transform_boxes(np.array(content), crop).tolist())
    image = _render_background(planar, size, from_wall, height, content, rng)
    composite(image, planar.layer, from_layer)
    if rng.bernoulli(0.03):
        paint_occluder(image, height, rng)
    if style.glare and rng.bernoulli(style.glare):
        paint_glare(image, content, height, rng)
    height *= planar.blur_scale
    if rotated and planar.rotatable and is_unreadable_rotated(planar.label):
        image = np.ascontiguousarray(np.rot90(image, quarter_turns))
        no_boxes = np.zeros((0, 4), np.float32)
        return Scene(image, "", no_boxes, height, kind, quarter_turns=quarter_turns)
    boxes = np.clip(boxes.astype(np.float32), 0, (*size, *size)).astype(np.float32)
    return Scene(image, planar.label, boxes, height, kind)


def _sample_view(rotation: float, rng: Rng) -> np.ndarray:
    """Sample the (3, 3) matrix from the object, mostly seen from the front, to the image."""
    if rng.bernoulli(0.7):
        rotation += rng.normal(0.0, 0.025)
    else:
        rotation += rng.clipped_normal(0, 0.12, -0.3, 0.3)
    yaw = rng.clipped_normal(0.0, 0.12, -0.35, 0.35) if rng.bernoulli(0.4) else 0.0
    tilt = rng.clipped_normal(0.0, 0.04, -0.15, 0.15)
    return view_matrix(rotation, tilt, 0.5 * yaw, 1.0 - 0.9 * yaw * yaw)


def _sample_margins(
    crop: str, width: float, height: float, digit_height: float, rng: Rng
) -> list[float]:
    """Sample the margins at the left, top, right and bottom of content of the given size."""
    if crop == "tight":
        return [rng.uniform(0.0, 2.2) for _ in range(4)]
    if crop == "close":
        x, y = rng.uniform(0.03, 0.9) * digit_height, rng.uniform(0.04, 0.6) * digit_height
        return [x * rng.uniform(0.5, 1.5), y * rng.uniform(0.6, 1.4),
                x * rng.uniform(0.5, 1.5), y * rng.uniform(0.6, 1.4)]  # fmt: skip
    if crop == "loose":
        return [digit_height * rng.log_uniform(0.2, most) for most in (3.5, 2.0, 3.5, 2.0)]
    area = width * height / rng.log_uniform(0.03, 0.1)
    aspect = rng.clipped_normal(1.4, 0.3, 0.8, 2.2)
    x = max(math.sqrt(area * aspect) - width, 0.0)
    y = max(math.sqrt(area / aspect) - height, 0.0)
    left, top = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)
    return [x * left, y * top, x * (1 - left), y * (1 - top)]


def _sample_crop(
    box: Box,
    neighbours: np.ndarray,
    planar: PlanarObject,
    digit_height: float,
    style: ObjectStyle,
    rng: Rng,
) -> tuple[tuple[int, int], np.ndarray]:
    """Sample the image's size and the (3, 3) matrix that moves the number into it.

    `box` is that of the whole line, `neighbours` those beside it, float (2, 4), or none.
    """
    left, top, right, bottom = box
    crop = rng.weighted_choice(planar.crops or style.crops)
    margins = _sample_margins(crop, right - left, bottom - top, digit_height, rng)
    # An image of at most `max_side` pixels keeps digits at least 8 pixels high.
    longest = 0.125 * style.max_side * digit_height
    margins[0::2] = _limited(margins[0::2], longest - (right - left))
    margins[1::2] = _limited(margins[1::2], longest - (bottom - top))
    left, top = left - margins[0], top - margins[1]
    right, bottom = right + margins[2], bottom + margins[3]
    if len(neighbours):
        before, after = neighbours.tolist()
        visible = rng.uniform(0.0, planar.max_neighbour_fraction)
        left = max(left, min(before[2] - visible * (before[2] - before[0]), box[0]))
        right = min(right, max(after[0] + visible * (after[2] - after[0]), box[2]))
    width, height = right - left, bottom - top
    scale = min(style.max_side / max(width, height), 1.0)
    size = max(8, math.ceil(width * scale)), max(8, math.ceil(height * scale))
    return size, scale_translate(scale, -left * scale, -top * scale)


def _limited(margins: list[float], room: float) -> list[float]:
    """Scale two margins down such that their sum is at most `room`."""
    scale = min(max(room, 0.0) / max(sum(margins), 1e-6), 1.0)
    return [scale * margin for margin in margins]


def _render_background(
    planar: PlanarObject,
    size: tuple[int, int],
    homography: np.ndarray,
    digit_height: float,
    box: Box,
    rng: Rng,
) -> np.ndarray:
    """Render what is around an object: float32 (h, w, 3)."""
    colour = planar.background or wall_colour(rng)
    if planar.textured:
        image = render_wall(size, homography, digit_height, colour, rng)
        if rng.bernoulli(0.35):
            paint_clutter(image, homography, box, digit_height, False, rng)
        return image
    return render_plain_wall(size, colour, rng)
