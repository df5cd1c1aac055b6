"""`tf.data` pipelines of images with any number of numbers, whole or as random crops.

A training batch depends only on the seed and its number, so that training resumes at any epoch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from datasets import mixing
from datasets.augmentation import MOVES, Augmentation
from datasets.distort import augment
from datasets.example import Example
from datasets.pipeline import epoch_batches, map_batches, numpy_batch
from datasets.rendered_numbers.planar_object import is_unreadable_rotated
from datasets.rendered_scenes.rendering import turn_image
from datasets.sources import examples

MAX_NUMBERS = 32
"""Number of rows in the targets of an image."""

LEAST_VISIBLE = 0.8
"""Minimum fraction of a number's box in a crop; numbers with less are ignored."""

LEAST_HEIGHT = 5.0
"""Minimum side of a number's box in a crop, in pixels; smaller numbers are ignored."""

_SCALES = (0.5, 2.0)  # of a crop, relative to the scale that shows the whole image
_TURNED = 0.08  # fraction of crops that are turned by quarter turns
_CENTRED = 0.5  # fraction of crops around a random number


def load_scene_batches(
    source: str | Path,
    split: str,
    *,
    image_size: tuple[int, int] = (320, 320),
    batch_size: int = 32,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> tf.data.Dataset:
    """Load one pass over whole images, resized to fit and padded with black, for a locator.

    Args:
        source: as for `datasets.examples`.
        split: `"train"`, `"validation"` or `"test"`.
        image_size: `(height, width)` of the images in pixels.
        batch_size: images in a batch; the last one may have fewer.
        data_dir: folder of prepared TFDS data.
        limit: maximum number of images of each source, from the first.

    Returns:
        `tf.data.Dataset` of known cardinality with batches `(images, targets)`: float32
        (B, height, width, 3) in [0, 255] and float32 (B, MAX_NUMBERS, 5) as from
        `datasets.scene_pipeline.view_targets`.

    Raises:
        ValueError: if the box of a number is unknown.
    """
    images = _with_boxes(examples(source, split, data_dir, limit, several=True))

    def load_rows(indices: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return (_whole(images[index], image_size) for index in indices)

    def make_batch(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, targets = _load(load_rows, [indices], indices.shape[0], image_size)
        return tf.cast(images, tf.float32), targets

    return map_batches(tf.data.Dataset.range(len(images)).batch(batch_size), make_batch)


def load_scene_training(
    source: str | Path,
    *,
    epochs: int,
    seed: int,
    start_epoch: int = 0,
    steps_per_epoch: int | None = None,
    image_size: tuple[int, int] = (320, 320),
    batch_size: int = 32,
    augmentation: Augmentation | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> tf.data.Dataset:
    """Load shuffled and mixed batches of random crops for a locator.

    A crop shows the image at 0.5 to 2 times the scale at which the whole image fits, around a
    random number or anywhere. Some crops are rotated by quarter turns; numbers in them that can be
    read in several orientations are ignored. Images are encoded in memory.

    Args:
        source: as for `datasets.examples`; batches contain the sources of a mixture by weight.
        epochs: number of epochs, including those before `start_epoch`.
        seed: seed of the order and of all random changes.
        start_epoch: first epoch.
        steps_per_epoch: batches in an epoch. Defaults to one pass over all images.
        image_size: `(height, width)` of crops in pixels.
        batch_size: crops in a batch.
        augmentation: strengths of changes of light, colour and noise; changes that move, cover or
            blur parts of the image are not applied. Defaults to none.
        data_dir: folder of prepared TFDS data.
        limit: maximum number of images of each source, from the first.

    Returns:
        `tf.data.Dataset` of known cardinality with batches as from `load_scene_batches`.

    Raises:
        ValueError: if the box of a number is unknown.
    """
    mix = mixing.parse_mix(source)
    parts = [
        _with_boxes(examples(part.source, "train", data_dir, limit, several=True)) for part in mix
    ]
    sizes, weights = [len(part) for part in parts], [part.weight for part in mix]
    steps = steps_per_epoch or math.ceil(sum(sizes) / batch_size)
    light = _light(augmentation or Augmentation())

    def load_rows(
        number: np.ndarray, places: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for row, (part, index) in enumerate(places.tolist()):
            rng = np.random.default_rng([seed, int(number), row])
            yield _crop(parts[part][index], image_size, rng)

    def make_batch(number: tf.Tensor, places: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, targets = _load(load_rows, [number, places], batch_size, image_size)
        step_seed = tf.random.fold_in(tf.constant([seed, 1], tf.int64), number)
        images, _ = augment(images, light, tf.cast(step_seed, tf.int32), image_size)
        return images, targets

    plan = functools.partial(mixing.plan_epoch, sizes, weights, steps, batch_size, seed)
    return epoch_batches(plan, make_batch, range(start_epoch, epochs))


def _with_boxes(stream: Iterable[Example]) -> list[Example]:
    images = list(stream)
    missing = [image.id for image in images if np.isnan(image.boxes).any()]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(images)} images have a number without a box, such as "
            f"{missing[0]}: a locator needs the box of every number, for example in the column "
            "boxes of labels.csv"
        )
    return images


def _light(augmentation: Augmentation) -> Augmentation:
    """Select the changes that neither move nor hide a number of a few pixels."""
    return replace(augmentation, **dict.fromkeys((*MOVES, "blur", "downscale", "erase"), 0.0))


def _load(
    load_rows: Callable, arguments: list[tf.Tensor], count: int | None, size: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """A batch of `count` images and their targets, which a NumPy function yields row by row."""

    def load(*arguments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        images, targets = zip(*load_rows(*arguments), strict=True)
        return np.stack(images), np.stack(targets)

    shapes = [(count, *size, 3), (count, MAX_NUMBERS, 5)]
    return numpy_batch(load, arguments, (tf.uint8, tf.float32), shapes)


def _whole(example: Example, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    image = example.decode()
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    return view(image, size, scale), view_targets(example, size, scale)


def _crop(
    example: Example, size: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    image = example.decode()
    if rng.random() < _TURNED:
        image, example = _turn(image, example, int(rng.integers(1, 4)))
    sides = np.array([image.shape[1], image.shape[0]])
    room = np.array([size[1], size[0]])
    scale = float((room / sides).min() * np.exp(rng.uniform(*np.log(_SCALES))))
    shown = room / scale
    corner = rng.uniform(np.minimum(sides - shown, 0), np.maximum(sides - shown, 0))
    if len(example.boxes) and rng.random() < _CENTRED:
        box = example.boxes[rng.integers(len(example.boxes))]
        corner = (box[:2] + box[2:]) / 2 - shown * rng.uniform(0.2, 0.8, 2)
    padding = tuple(rng.integers(0, 256, 3).tolist()) if rng.random() < 0.5 else (0, 0, 0)
    return view(image, size, scale, corner, padding), view_targets(example, size, scale, corner)


def _turn(image: np.ndarray, example: Example, quarters: int) -> tuple[np.ndarray, Example]:
    """Rotate an image counter-clockwise; numbers that can be read in another turn are ignored."""
    clear = np.array([is_unreadable_rotated(label) for label in example.labels], bool)
    count = len(clear)
    boxes = np.concatenate([example.boxes, example.ignored_boxes])
    image, boxes = turn_image(image, boxes, quarters)
    numbers = boxes[:count]
    return image, replace(
        example,
        boxes=numbers[clear],
        labels=[label for label, is_clear in zip(example.labels, clear, strict=True) if is_clear],
        turns=((example.turns - quarters) % 4).astype(np.int32)[clear],
        ignored_boxes=np.concatenate([numbers[~clear], boxes[count:]]),
    )


def view(
    image: np.ndarray,
    size: tuple[int, int],
    scale: float,
    corner: tuple[float, float] = (0.0, 0.0),
    padding: tuple[int, int, int] = (0, 0, 0),
) -> np.ndarray:
    """Resize an image by a factor, antialiased, and crop it.

    Args:
        image: uint8 (h, w, 3).
        size: `(height, width)` of the result in pixels.
        scale: pixels of the result per pixel of the image.
        corner: x and y of the upper left corner of the result, in pixels of the image.
        padding: colour outside of the image.

    Returns:
        uint8 (*size, 3).
    """
    height, width = image.shape[:2]
    canvas = np.empty((*size, 3), np.uint8)
    canvas[:] = padding
    # The visible part of the image, in whole pixels of the result.
    x0, x1 = _visible(corner[0], width, scale, size[1])
    y0, y1 = _visible(corner[1], height, scale, size[0])
    if x1 > x0 and y1 > y0:
        box = [
            corner[0] + x0 / scale, corner[1] + y0 / scale,
            corner[0] + x1 / scale, corner[1] + y1 / scale,
        ]  # fmt: skip
        box = np.clip(box, 0, [width, height] * 2).tolist()
        part = Image.fromarray(image).resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR, box)
        canvas[y0:y1, x0:x1] = np.asarray(part)
    return canvas


def _visible(corner: float, side: int, scale: float, target: int) -> tuple[int, int]:
    """First and last pixel of the result, along one axis, that show the image."""
    first, last = -corner * scale, (side - corner) * scale
    return max(round(first), 0), min(max(round(last), round(first) + 1), target)


def view_targets(
    example: Example,
    size: tuple[int, int],
    scale: float,
    corner: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """The targets of a locator for the result of `view`.

    Returns:
        float32 (MAX_NUMBERS, 5): left, top, right, bottom in pixels of the result, and the turn;
        NaN in unused rows. Only the turn is NaN for boxes to be ignored: those of the example,
        numbers of which less than `LEAST_VISIBLE` is visible, and numbers below `LEAST_HEIGHT`. If
        there are more than `MAX_NUMBERS`, the largest are included.
    """
    turns = np.concatenate([example.turns, np.full(len(example.ignored_boxes), np.nan)])
    boxes = np.concatenate([example.boxes, example.ignored_boxes]).astype(np.float64)
    boxes = scale * (boxes - np.tile(corner, 2))
    clipped = np.clip(boxes, 0, [size[1], size[0]] * 2)
    sides = clipped[:, 2:] - clipped[:, :2]
    areas = sides.prod(axis=1)
    visible = areas / np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-6)
    turns[(visible < LEAST_VISIBLE) | (sides.min(axis=1, initial=np.inf) < LEAST_HEIGHT)] = np.nan
    rows = np.column_stack([clipped, turns])[areas > 0]
    rows = rows[np.argsort(-areas[areas > 0], kind="stable")][:MAX_NUMBERS]
    targets = np.full((MAX_NUMBERS, 5), np.nan, np.float32)
    targets[: len(rows)] = rows
    return targets
