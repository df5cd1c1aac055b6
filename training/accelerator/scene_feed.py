"""Scenes for a locator: rendered ones, real images, and real images pasted on a background."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from datasets import crops
from datasets.rendered_numbers.planar_object import is_unreadable_rotated
from datasets.rendered_scenes.rendering import render_scene, turn_image
from datasets.rendered_scenes.styles import SceneStyle
from training.accelerator import feed, pack

CANVAS = 448
"""Height and width of the square at whose upper left a scene is kept."""

MAX_NUMBERS = 24

FIELDS: feed.Fields = (
    ("images", np.uint8, (CANVAS, CANVAS, 3)),
    ("size", np.float32, (2,)),
    ("numbers", np.float32, (MAX_NUMBERS, 5)),
)
"""`images` with zeros beyond the scene, `size` its width and height in pixels, `numbers` the y_true
of `models.LocatorLoss`."""

WEIGHTS = {"rendered": 0.55, "empty": 0.05, "photos": 0.25, "pasted": 0.15}
"""Weight of each source in a batch."""


@dataclass(frozen=True)
class Annotated:
    """uint8 image (h, w, 3) and float32 rows (n, 5) as `models.LocatorLoss` takes them."""

    image: np.ndarray
    numbers: np.ndarray


def writers(pack_file: Path, seed: int) -> Callable[[], dict[str, feed.Writer]]:
    """What `feed.start` takes for scenes: a writer of each source in `WEIGHTS`.

    Args:
        pack_file: what `pack` wrote; it provides the real images.
        seed: seed of all drawing.
    """
    glyphs = feed.write_glyphs(pack_file)

    def prepare() -> dict[str, feed.Writer]:
        packs, extra = pack.load(pack_file)
        photos = _photos(packs)
        makers = feed.makers(packs, extra, seed, glyphs)
        makers = {name: makers[name] for name in makers if name.startswith(("strips", "written"))}
        styles = {"rendered": SceneStyle(glyphs=glyphs)}
        styles["empty"] = replace(styles["rendered"], counts=((1.0, 0),), crowded=0.0, cut=0.0)

        def rendered(style, index, rng):
            scene = render_scene(seed, index, style)
            ignored = np.full((len(scene.ignored_boxes), 1), np.nan, np.float32)
            turns = scene.turns.astype(np.float32)[:, None]
            rows = [
                np.concatenate([scene.boxes, turns], axis=1),
                np.concatenate([scene.ignored_boxes, ignored], axis=1),
            ]
            return Annotated(scene.image, np.concatenate(rows))

        def photo(index, rng):
            if rng.random() < 0.25:
                name = sorted(makers)[rng.integers(len(makers))]
                return _annotated(*makers[name](index))
            return photos[rng.integers(len(photos))][0]

        def pasted(index, rng):
            return _paste(rendered(styles["empty"], index, rng).image, photos, rng)

        sources = {
            "rendered": functools.partial(rendered, styles["rendered"]),
            "empty": functools.partial(rendered, styles["empty"]),
            "photos": photo,
            "pasted": pasted,
        }
        return {name: _writer(name, source) for name, source in sources.items()}

    return prepare


def _writer(name: str, source) -> feed.Writer:
    def write(arrays, row, index, rng):
        annotated = source(index, rng)
        height, width = annotated.image.shape[:2]
        largest = CANVAS / max(height, width)
        scale = min(largest, 1.0)
        if name == "photos":  # of any size, but not enlarged beyond recognition
            scale = min(largest, max(0.35, 6.0 ** rng.uniform(-0.4, 1.0)))
        keep(arrays, row, annotated, scale)

    return write


def keep(arrays: dict[str, np.ndarray], row: int, annotated: Annotated, scale: float) -> None:
    """Write a scene into `arrays`, resized by a factor.

    Raises:
        ValueError: if it has more than `MAX_NUMBERS` numbers.
    """
    image, numbers = annotated.image, annotated.numbers
    if len(numbers) > MAX_NUMBERS:
        raise ValueError(f"at most {MAX_NUMBERS} numbers. Received: {len(numbers)}")
    height, width = (min(CANVAS, max(1, round(scale * side))) for side in image.shape[:2])
    if (height, width) != image.shape[:2]:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = cv2.resize(image, (width, height), interpolation=method)
    arrays["images"][row] = 0
    arrays["images"][row, :height, :width] = image
    arrays["size"][row] = width, height
    arrays["numbers"][row] = np.nan
    factors = np.float32([width, height, width, height]) / np.float32(
        [*annotated.image.shape[1::-1]] * 2
    )
    arrays["numbers"][row, : len(numbers)] = numbers
    arrays["numbers"][row, : len(numbers), :4] *= factors


def _annotated(image: np.ndarray, label: str, boxes: np.ndarray, turn: int = 0) -> Annotated:
    numbers = np.zeros((0, 5), np.float32)
    if label:
        numbers = np.float32([[*crops.union_box(boxes), turn]])
    return Annotated(image, numbers)


def _photos(packs: dict[str, pack.Packed]) -> list[tuple[Annotated, str]]:
    """The real images of the train splits whose box is known, and their labels."""
    photos = []
    for name, packed in packs.items():
        if not name.endswith("/train"):
            continue
        for image, label, boxes in zip(packed.images(), packed.labels, packed.boxes, strict=True):
            known = boxes[np.isfinite(boxes[:, 0])]
            if len(known) or not label:
                photos.append((_annotated(image, label, known), label))
    return photos


def _paste(background: np.ndarray, photos, rng: np.random.Generator) -> Annotated:
    """Paste real images on a background without overlap, some of them turned."""
    image = background.copy()
    height, width = image.shape[:2]
    covered = np.zeros((height, width), bool)
    numbers = []
    for _ in range(rng.integers(1, 9)):
        annotated, label = photos[rng.integers(len(photos))]
        part, rows = annotated.image, annotated.numbers
        if rng.random() < 0.08 and is_unreadable_rotated(label):
            quarters = int(rng.integers(1, 4))
            part, boxes = turn_image(part, rows[:, :4], quarters)
            rows = np.concatenate([boxes, (rows[:, 4:] - quarters) % 4], axis=1)
        scale = rng.uniform(0.12, 0.55) * max(height, width) / max(part.shape[:2])
        scale = min(scale, 3.0)
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
    return Annotated(image, np.concatenate([np.zeros((0, 5), np.float32), *numbers]))
