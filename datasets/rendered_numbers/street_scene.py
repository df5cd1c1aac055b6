"""Street scenes: a house number on a wall or plate, or a number on a device."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from .colours import wall_colour
from .devices import DEVICE_MARGIN, paint_device, sample_device
from .drawing import (
    Box,
    Layer,
    centre,
    composite,
    project_hulls,
    project_points,
    scale_translate,
    to_pixel_centres,
    transform_boxes,
    union,
)
from .layout import TextLine, layout_line
from .plates import Finish, paint_ink, paint_plate, paint_tiles, sample_finish
from .rng import Rng
from .scene import Scene, add_perspective, paint_clutter, paint_occluder, render_wall, view_matrix
from .styles import Framing, StreetStyle
from .text_style import TextStyle, sample_text_style

_HOUSE_LETTERS = "ABCDEFGHJKLMNPRTUVWXY"
# Without I, O and l, which are digits in many fonts.
_SUFFIX_LETTERS = "ABCDEF" * 3 + "BGHJKLMNPQRSTUVWXYZ" + "abcdef" * 2 + "bghjknpqrstuz"
_SUFFIX_WORDS = (
    "BIS", "Bis", "bis", "BIS", "Bis", "bis", "TER", "Ter", "ter", "QUATER", "HS", "hs", "Hs",
    "bs", "rd", "OG", "EG", "re", "sx", "dx", "LT", "St.", "bus", "zw", "SNC",
)  # fmt: skip


def render_street_scene(rng: Rng, style: StreetStyle, with_ink: bool = False) -> Scene:
    """Render a scene of a street style; `with_ink` adds the mask of the number's ink."""
    label = style.sample_label(rng)
    framing = rng.weighted_choice(style.framings)
    crowded = framing.area_fraction is not None
    median, std = style.digit_height
    height = min(max(median * math.exp(rng.normal(0, std)), 9.0), 85.0)
    layer_height = min(max(1.1 * height, 20.0), 80.0)  # height of a digit in the layer

    wall = wall_colour(rng)
    device = sample_device(rng) if style.devices else None
    finish = device.finish if device else sample_finish(wall, style.plates, rng)
    text_style = device.text_style if device else sample_text_style(rng, finish.enamel)
    before, after = _sample_letters(style, rng) if label and not device else ("", "")
    apart = ""  # the suffix has a sign of its own
    if style.suffixes and label and not device and rng.bernoulli(style.suffixes):
        before, after = "", _sample_suffix(len(label), rng)
        if after[-1].isalpha() and rng.bernoulli(0.4):
            after, apart = "", after.strip(" -/.")
    margin = DEVICE_MARGIN if device else 0.9 if finish.plate else 0.3
    line = layout_line(before + (label or "8") + after, text_style, layer_height, rng, margin)
    first = len(before.replace(" ", ""))
    digits = slice(first, first + len(label))

    # From the wall with its origin at the number's centre, and from the layer, to the image.
    reach = 0.5 * (line.box[2] - line.box[0]) + layer_height
    from_wall = add_perspective(_sample_view(rng), reach, rng)
    from_wall[:2] *= height / layer_height
    x, y = centre(line.box)
    from_layer = from_wall @ scale_translate(1.0, -x, -y)
    boxes = project_hulls(line.hulls, from_layer)
    number_box = union(boxes[digits] if label else boxes)
    size, crop = _sample_crop(number_box, framing, style.max_side, rng)
    height *= float(crop[1, 1])
    from_layer, from_wall = crop @ from_layer, crop @ from_wall
    boxes = transform_boxes(boxes, crop)
    number_box = union(boxes)

    image = render_wall(size, from_wall, height, wall, rng)
    if rng.bernoulli(style.clutter):
        paint_clutter(image, from_wall, number_box, height, crowded, rng)
    for _ in range(3 if crowded else 1):
        if rng.bernoulli(style.neighbours):
            neighbour = _place_neighbour(number_box, size, layer_height, crowded, rng)
            _paint_neighbour(image, neighbour, from_layer, text_style, finish, rng)
    if apart:
        suffix = _place_suffix(apart, number_box, layer_height, rng)
        _paint_neighbour(image, suffix, from_layer, text_style, finish, rng)
    if device:
        if not label:  # switched off, or empty
            line = replace(line, mask=np.zeros_like(line.mask))
        layer = Layer(*line.mask.shape)
        paint_device(layer, line, device, layer_height, rng)
        composite(image, layer, from_layer)
    elif label:
        composite(image, render_sign(line, finish, layer_height, rng), from_layer)
    if rng.bernoulli(0.05):
        paint_occluder(image, height, rng)
    ink = cv2.warpPerspective(line.mask, to_pixel_centres(from_layer), size) if with_ink else None
    return Scene(image, label, boxes[digits].astype(np.float32), height, ink=ink)


def _sample_view(rng: Rng) -> np.ndarray:
    """Sample the (3, 3) matrix from the wall, with its origin at the number's centre."""
    if rng.bernoulli(0.3):
        roll = rng.clipped_normal(0.0, 0.16, -0.45, 0.45)
    else:
        roll = rng.normal(0.0, 0.035)
    # Walls are seen from the street: yaw makes their horizontal lines slope.
    yaw = rng.clipped_normal(0.0, 0.16, -0.5, 0.5) if rng.bernoulli(0.6) else 0.0
    foreshortening = 1.0 - 0.9 * yaw * yaw - (rng.uniform(0, 0.25) if yaw else 0.0)
    return view_matrix(roll, rng.clipped_normal(0.0, 0.05, -0.2, 0.2), 0.7 * yaw, foreshortening)


def _sample_letters(style: StreetStyle, rng: Rng) -> tuple[str, str]:
    """Sample the letters before and after the number."""
    if not rng.bernoulli(0.5 * style.neighbours):
        return "", ""
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(("N ", "No ", "N: ", "No. ", "# ")), ""
    if kind < 0.8:
        return "", rng.choice(("", " ", "-")) + rng.choice(_HOUSE_LETTERS)
    return "", rng.choice((" bis", " BIS", " ter", "a", "b"))


def _sample_suffix(length: int, rng: Rng) -> str:
    """Sample what may follow a house number of `length` digits without belonging to it."""
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(("", "", " ", "-", "/", ".")) + rng.choice(_SUFFIX_LETTERS)
    if kind < 0.8:
        return rng.choice(("", " ", " ", "-")) + rng.choice(_SUFFIX_WORDS)
    # A number that is not longer: of a range, or of a flat.
    return rng.choice(("-", " - ", "-", "/")) + rng.digits(1 + rng.randrange(length))


def render_sign(line: TextLine, finish: Finish, height: float, rng: Rng) -> Layer:
    """Render a number with its plate, if its finish has one."""
    layer = Layer(*line.mask.shape)
    if finish.plate:
        if rng.bernoulli(0.05):
            paint_tiles(layer, line, finish, height, rng)
        else:
            paint_plate(layer, line.box, finish, height, rng)
    paint_ink(layer, line, finish, height, rng)
    return layer


def _sample_crop(
    box: Box, framing: Framing, max_side: int, rng: Rng
) -> tuple[tuple[int, int], np.ndarray]:
    """Sample the image's size and the (3, 3) matrix that moves the number's box into it."""
    number_width, number_height = box[2] - box[0], box[3] - box[1]
    if framing.area_fraction is not None:
        aspect = rng.clipped_normal(*framing.aspect, 0.9, 2.4)
        area = number_width * number_height / rng.log_uniform(*framing.area_fraction)
        height = np.sqrt(area / aspect)
        width = height * aspect
        x = rng.uniform(0.08, 0.92) * max(width - number_width, 0) + number_width / 2
        y = rng.uniform(0.08, 0.92) * max(height - number_height, 0) + number_height / 2
    else:
        height = number_height / rng.clipped_normal(*framing.height_fraction)
        if framing.aspect is not None:
            mean, std = framing.aspect
            mean += 0.25 * max(number_width / number_height - 1.3, 0)  # longer numbers: wider
            width = height * rng.clipped_normal(mean, std, 1.4, 4.5)
        else:
            width = number_width / rng.clipped_normal(*framing.width_fraction)
            width = min(max(width, 0.9 * height), 3.2 * height)
        width = max(width, number_width * rng.uniform(1.04, 1.2))
        x = width * (0.5 + rng.normal(0, framing.offset))
        y = height * (0.5 + rng.normal(0, framing.offset))
    scale = min(max_side / max(width, height), 1.0)
    size = (max(12, round(width * scale)), max(12, round(height * scale)))
    number_x, number_y = (box[0] + box[2]) / 2 * scale, (box[1] + box[3]) / 2 * scale
    shift_x, shift_y = x / width * size[0] - number_x, y / height * size[1] - number_y
    return size, scale_translate(scale, shift_x, shift_y)


def _place_neighbour(
    box: Box, size: tuple[int, int], height: float, anywhere: bool, rng: Rng
) -> tuple[str, float, tuple[float, float]] | None:
    """Sample a digit that the image's edge cuts, or a word near the number or anywhere.

    Returns its text, the height of a digit in its layer, and its centre in the image; or None.
    """
    columns, rows = size
    left, top, right, bottom = box
    x, y = centre(box)
    is_word = rng.random() < 0.4
    if anywhere or is_word:
        text = "".join(rng.choice(_HOUSE_LETTERS) for _ in range(2 + rng.randrange(7)))
        height *= rng.uniform(0.18, 0.5) * (2.0 if anywhere else 1.0)
        side = rng.sign()
        gap = rng.uniform(0.35, 1.2) * (bottom - top) * side
        goal = x + rng.normal(0, 0.2) * columns, (bottom if side > 0 else top) + gap
        if anywhere:
            goal = rng.uniform(0, columns), rng.uniform(0, rows)
            if left - 5 < goal[0] < right + 5 or top - 5 < goal[1] < bottom + 5:
                return None
        return text, height, goal
    text = str(rng.randrange(10))
    on_right = rng.bernoulli(0.5)
    distance = columns - right if on_right else left
    distance += rng.uniform(-0.1, 0.15) * (bottom - top)
    return text, height, (right + distance if on_right else left - distance, y)


def _place_suffix(
    text: str, box: Box, height: float, rng: Rng
) -> tuple[str, float, tuple[float, float]]:
    """Sample the place of a sign to the right of the number.

    Returns:
        The text, its height in pixels, and its centre (x, y), as from `_place_neighbour`.
    """
    _, top, right, bottom = box
    digit = bottom - top
    factor = rng.uniform(0.45, 1.05)
    half = 0.32 * factor * digit * len(text)  # a character is about 0.64 of its height wide
    x = right + half + digit * rng.uniform(0.35, 0.9)
    return text, height * factor, (x, (top + bottom) / 2 + digit * rng.normal(0, 0.15))


def _paint_neighbour(
    image: np.ndarray, neighbour, homography: np.ndarray, style: TextStyle, finish: Finish, rng: Rng
) -> None:
    """Paint what `_place_neighbour` returned in the style of the number, in place."""
    if neighbour is None:
        return
    text, height, goal = neighbour
    line = layout_line(text, style, height, rng, margin=0.6)
    layer = render_sign(line, finish, height, rng)
    shift = goal - project_points(np.array([centre(line.box)]), homography)[0]
    composite(image, layer, scale_translate(1.0, *shift) @ homography)
