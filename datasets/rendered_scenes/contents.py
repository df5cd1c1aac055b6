"""What is in a scene: objects of mixed kinds or a series of alike ones, and distractors."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from ..rendered_numbers.drawing import Box, project_points
from ..rendered_numbers.object_scene import OBJECTS
from ..rendered_numbers.planar_object import PlanarObject, is_unreadable_rotated, sample_digits
from ..rendered_numbers.rng import Rng
from .objects import (
    PRODUCTS,
    layer_covers,
    render_device,
    render_house_number,
    render_paragraph,
    render_tag,
    render_wheel,
    sample_price,
)
from .styles import SceneStyle
from .wall import Wall

_KINDS = (
    (12.0, "house"), (5.0, "device"), (4.0, "lcd"), (3.5, "led"), (5.0, "counter"),
    (3.0, "ink-jet"), (2.0, "dot-display"), (4.0, "code label"), (6.0, "bib"), (3.0, "jersey"),
    (5.0, "number plate"), (2.0, "card"), (4.0, "handwriting"), (14.0, "print"), (3.0, "vertical"),
    (1.5, "diagonal"), (6.0, "tag"), (5.0, "notice"),
)  # fmt: skip
_SERIES = ((4.0, "tag"), (4.0, "page"), (3.5, "bib"), (2.0, "code label"), (2.0, "house"),
           (3.0, "print"))  # fmt: skip
_DISTRACTORS = ((6.0, "words"), (3.0, "paragraph"), (2.0, "wheel"), (6.0, "blank"))
_RENDERERS: dict[str, Callable[..., PlanarObject]] = OBJECTS | {
    "house": render_house_number,  # also takes the colour of the wall
    "device": render_device,
    "tag": render_tag,
    "page": OBJECTS["print"],
    "notice": functools.partial(render_paragraph, with_numbers=True),
    "paragraph": render_paragraph,
    "wheel": render_wheel,
}
_MOST_DIAGONAL = math.radians(38)  # beyond it the orientation is not clear


def populate(wall: Wall, style: SceneStyle, rng: Rng) -> None:
    """Place the objects of a scene on a wall, and set the wall's colour."""
    crowded = rng.bernoulli(style.crowded)
    count = 6 + rng.randrange(9) if crowded else rng.weighted_choice(style.counts)
    if count > 1 and (crowded or rng.bernoulli(style.series)):
        _place_series(wall, count, style, rng)
    elif count:
        _place_mixed(wall, count, style, rng)
    if rng.bernoulli(style.cut):
        height = rng.log_uniform(12.0, 0.3 * min(wall.size))
        _place(wall, _render_kind(wall, height, style, rng), height, rng, cut=True)
    elif count and rng.bernoulli(0.25):
        return
    for _ in range(1 + rng.randrange(5 if count else 9)):
        _place_distractor(wall, rng)


def _layer_height(height: float) -> float:
    """The height of a digit in the layer for one in the image, both in pixels."""
    return min(max(1.1 * height, 22.0), 88.0)


def _render_kind(wall: Wall, height: float, style: SceneStyle, rng: Rng) -> PlanarObject:
    kind = rng.weighted_choice(_KINDS)
    options = {"house": {"wall": wall.colour}, "handwriting": {"glyphs": style.glyphs}}
    planar = _RENDERERS[kind](rng, _layer_height(height), **options.get(kind, {}))
    planar.rotation = min(max(planar.rotation, -_MOST_DIAGONAL), _MOST_DIAGONAL)
    return planar


def _place(wall: Wall, planar: PlanarObject, height: float, rng: Rng, **options) -> bool:
    return wall.place(planar, height / _layer_height(height), rng, **options)


def _share_background(wall: Wall, planar: PlanarObject, probability: float, rng: Rng) -> None:
    """Use the first object's background for the wall, with a probability."""
    if planar.background is None or not rng.bernoulli(probability):
        return
    if not layer_covers(planar.layer, planar.content):
        wall.colour, wall.plain = planar.background, not planar.textured


def _place_mixed(wall: Wall, count: int, style: SceneStyle, rng: Rng) -> None:
    """Place numbers of different kinds and sizes, the largest first."""
    largest = style.largest * wall.size[1] / math.sqrt(count)
    heights = [rng.log_uniform(style.smallest, max(largest, 12.0)) for _ in range(count)]
    for index, height in enumerate(sorted(heights, reverse=True)):
        planar = _render_kind(wall, height, style, rng)
        if not index:
            _share_background(wall, planar, 0.5, rng)
        can_turn = planar.rotatable and is_unreadable_rotated(planar.label)
        turn = 1 + rng.randrange(3) if can_turn and rng.bernoulli(style.turned_objects) else 0
        _place(wall, planar, height, rng, turn=turn)


def _place_series(wall: Wall, count: int, style: SceneStyle, rng: Rng) -> None:
    """Place alike objects with different numbers, in a grid or scattered."""
    kind = rng.weighted_choice(_SERIES)
    design, texts = rng.randrange(1 << 40), _sample_texts(kind, count, rng)
    columns, rows = wall.size
    scattered = kind in ("bib", "house") or rng.bernoulli(0.2)
    largest = style.largest * rows / count ** (0.5 if scattered else 0.75)
    height = rng.log_uniform(1.15 * style.smallest, max(largest, 14.0))
    size = _layer_height(height)
    options = {"wall": wall.colour} if kind == "house" else {}
    if kind == "print" and rng.bernoulli(0.3):
        kind = "device"
    planars = [_RENDERERS[kind](Rng(design, 0), size, text=text, **options) for text in texts]
    _share_background(wall, planars[0], 0.7, rng)
    scale = height / size
    if scattered:
        for planar in planars:
            wall.place(planar, scale * rng.log_uniform(0.6, 1.25), rng)
        return
    boxes = [_extent(planar, size) for planar in planars]
    gap = 1.3 * size if planars[0].background or min(map(len, texts)) == 1 else 0.5 * size
    wide = max(box[2] - box[0] for box in boxes) * rng.uniform(1.0, 1.3) + gap
    high = max(box[3] - box[1] for box in boxes) * rng.uniform(1.0, 1.4) + 0.5 * gap
    # Reduce the scale until the grid has room.
    for _ in range(6):
        across = max(int(0.96 * columns / (wide * scale)), 1)
        down = max(int(0.94 * rows / (high * scale)), 1)
        if across * down >= count:
            break
        scale *= 0.85
    across = min(across, 1 + rng.randrange(across) if rng.bernoulli(0.4) else across, count)
    down = min(down, -(-count // across))
    left = rng.uniform(-0.5, 0.5) * max(0.94 * columns - across * wide * scale, 0)
    top = rng.uniform(-0.5, 0.5) * max(0.92 * rows - down * high * scale, 0)
    jitter = rng.uniform(0.0, 0.05) if rng.bernoulli(0.4) else 0.0
    for index, planar in enumerate(planars[: across * down]):
        x = left + (index % across - (across - 1) / 2) * wide * scale
        y = top + (index // across - (down - 1) / 2) * high * scale
        x, y = x + rng.normal(0, jitter) * wide * scale, y + rng.normal(0, jitter) * high * scale
        target = tuple(project_points(np.array([[x, y]]), wall.from_wall)[0])
        wall.place(planar, scale, rng, target=target, tries=1)


def _extent(planar: PlanarObject, height: float) -> Box:
    """The box of an object in its layer for the pitch of a grid."""
    left, top, right, bottom = planar.layer.box
    pad = 0.0 if layer_covers(planar.layer, planar.content) else 0.4 * height
    return left - pad, top - pad, right + pad, bottom + pad


def _sample_texts(kind: str, count: int, rng: Rng) -> list[str]:
    """Sample the texts of a series: prices, lines of a page, consecutive or random numbers."""
    length = 1 + rng.randrange(4)
    if kind == "tag":
        return [sample_price(rng) for _ in range(count)]
    if kind == "page":
        pages = rng.choice(("price", "number", "line", "line price"))
        numbers = [
            sample_price(rng) if "price" in pages else sample_digits(length, rng)
            for _ in range(count)
        ]
        words = [rng.choice(PRODUCTS) + "  " if "line" in pages else "" for _ in range(count)]
        return [word + number for word, number in zip(words, numbers, strict=True)]
    if kind == "house" or rng.bernoulli(0.15):
        first, step = 1 + rng.randrange(10**length), 1 + rng.randrange(2)
        return [str(first + index * step) for index in range(count)]
    if kind == "bib":
        length = max(length, 2 + rng.randrange(3))
    elif kind == "code label":
        length = 3 + rng.randrange(6)
    return [sample_digits(length, rng) for _ in range(count)]


def _place_distractor(wall: Wall, rng: Rng) -> None:
    """Place an object without a number."""
    height = rng.log_uniform(6.0, 0.22 * min(wall.size))
    kind, size = rng.weighted_choice(_DISTRACTORS), _layer_height(height)
    planar = _RENDERERS[kind](rng, size)
    if kind == "paragraph":
        height *= 0.6
    if not wall.placed:
        _share_background(wall, planar, 0.4, rng)
    _place(wall, planar, height, rng, tries=6)
