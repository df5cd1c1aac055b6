"""Scenes for a locator: rendered ones, real images, and real images pasted on a background."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from datasets import crops
from datasets.rendered_numbers.planar_object import is_unreadable_rotated
from datasets.rendered_scenes.rendering import render_scene, turn_image
from datasets.rendered_scenes.styles import SceneStyle
from training.accelerator import feed
from training.accelerator.compose import composers
from training.accelerator.pack import Packed, write_fonts, write_glyphs

CANVAS = 448
"""Height and width of the canvas; a scene is in its upper left corner."""

MAX_NUMBERS = 24

FIELDS: feed.Fields = {
    "images": ((CANVAS, CANVAS, 3), np.uint8),
    "size": ((2,), np.float32),
    "numbers": ((MAX_NUMBERS, 5), np.float32),
}
"""`images` are zero outside of the scene, `size` is its width and height in pixels, and `numbers`
is `y_true` of `models.LocatorLoss`."""

WEIGHTS = {"rendered": 0.55, "typefaces": 0.25, "empty": 0.05, "photos": 0.25, "pasted": 0.15}
"""Weight of each source in a batch, relative to those that there are."""


Annotated = tuple[np.ndarray, np.ndarray]
"""uint8 image (h, w, 3) and float32 rows (n, 5) as for `models.LocatorLoss`."""


def writers(packs: dict[str, Packed], seed: int, folder: Path) -> dict[str, feed.Writer]:
    """Writers of scenes for `feed.start`, one for each source in `WEIGHTS`; `typefaces` only if
    fonts are packed.

    Args:
        packs: the real images.
        seed: seed of all drawing.
        folder: an empty folder for files that the writers need.
    """
    photos, seed = _photos(packs), feed.FIRST_SEED + seed
    makers = [maker for _, maker in sorted(composers(packs, seed).items())]
    style = SceneStyle(glyphs=write_glyphs(packs, folder))
    empty_style = replace(style, counts=((1.0, 0),), crowded=0.0, cut=0.0)

    def scene(style: SceneStyle, index: int, rng: np.random.Generator) -> Annotated:
        scene = render_scene(seed, index, style)
        boxes = np.concatenate([scene.boxes, scene.ignored_boxes])
        turns = np.full((len(boxes), 1), np.nan)  # of boxes to ignore
        turns[: len(scene.turns), 0] = scene.turns
        return scene.image, np.concatenate([boxes, turns], axis=1, dtype=np.float32)

    def photo(index: int, rng: np.random.Generator) -> Annotated:
        if rng.random() < 0.25:
            return _annotated(*makers[rng.integers(len(makers))](index))
        return photos[rng.integers(len(photos))][0]

    def pasted(index: int, rng: np.random.Generator) -> Annotated:
        return _paste(scene(empty_style, index, rng)[0], photos, rng)

    sources = {
        "rendered": functools.partial(scene, style),
        "empty": functools.partial(scene, empty_style),
        "photos": photo,
        "pasted": pasted,
    }
    if fonts := write_fonts(packs, folder):
        sources["typefaces"] = functools.partial(scene, replace(style, fonts=fonts))
    return {name: _writer(name, source) for name, source in sources.items()}


def _writer(name: str, source: Callable[[int, np.random.Generator], Annotated]) -> feed.Writer:
    def write(arrays, row, index, rng):
        image, numbers = source(index, rng)
        largest = CANVAS / max(image.shape[:2])
        scale = min(largest, 1.0)
        if name == "photos":  # of random size, but not enlarged too much
            scale = min(largest, max(0.35, 6.0 ** rng.uniform(-0.4, 1.0)))
        store(arrays, row, image, numbers, scale)

    return write


def store(
    arrays: dict[str, np.ndarray], row: int, image: np.ndarray, numbers: np.ndarray, scale: float
) -> None:
    """Write a scene into `arrays`, resized by a factor.

    Raises:
        ValueError: if it has more than `MAX_NUMBERS` numbers.
    """
    if len(numbers) > MAX_NUMBERS:
        raise ValueError(f"at most {MAX_NUMBERS} numbers. Received: {len(numbers)}")
    height, width = (min(CANVAS, max(1, round(scale * side))) for side in image.shape[:2])
    factors = np.float32([width, height] * 2) / np.float32([*image.shape[1::-1]] * 2)
    if (height, width) != image.shape[:2]:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = cv2.resize(image, (width, height), interpolation=method)
    arrays["images"][row] = 0
    arrays["images"][row, :height, :width] = image
    arrays["size"][row] = width, height
    arrays["numbers"][row] = np.nan
    arrays["numbers"][row, : len(numbers)] = numbers
    arrays["numbers"][row, : len(numbers), :4] *= factors


def _annotated(image: np.ndarray, label: str, boxes: np.ndarray) -> Annotated:
    rows = [[*crops.union_box(boxes), 0]] if label else []
    return image, np.array(rows, np.float32).reshape(-1, 5)


def _photos(packs: dict[str, Packed]) -> list[tuple[Annotated, str]]:
    """The real images of the train splits with known boxes, and their labels."""
    return [
        (_annotated(image, label, boxes), label)
        for name, packed in packs.items()
        if name.endswith("/train")
        for image, label, boxes in packed.drawings()
        if len(boxes) or not label
    ]


def _paste(background: np.ndarray, photos, rng: np.random.Generator) -> Annotated:
    """Paste real images on a background without overlap, some of them turned."""
    image = background.copy()
    height, width = image.shape[:2]
    covered = np.zeros((height, width), bool)
    numbers = [np.zeros((0, 5), np.float32)]
    for _ in range(rng.integers(1, 9)):
        (part, rows), label = photos[rng.integers(len(photos))]
        if rng.random() < 0.08 and is_unreadable_rotated(label):
            quarters = int(rng.integers(1, 4))
            part, boxes = turn_image(part, rows[:, :4], quarters)
            rows = np.concatenate([boxes, (rows[:, 4:] - quarters) % 4], axis=1)
        scale = min(rng.uniform(0.12, 0.55) * max(height, width) / max(part.shape[:2]), 3.0)
        size = round(scale * part.shape[1]), round(scale * part.shape[0])
        if min(size) < 8 or size[0] >= width or size[1] >= height:
            continue
        left, top = int(rng.integers(width - size[0])), int(rng.integers(height - size[1]))
        area = slice(top, top + size[1]), slice(left, left + size[0])
        if covered[area].any():
            continue
        covered[area] = True
        image[area] = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        factors = np.float32(size * 2) / np.float32([*part.shape[1::-1]] * 2)
        boxes = rows[:, :4] * factors + np.float32([left, top] * 2)
        numbers.append(np.concatenate([boxes, rows[:, 4:]], axis=1))
    return image, np.concatenate(numbers)
