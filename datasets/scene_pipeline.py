"""`tf.data` pipelines of images with any number of numbers: single images, or batches of crops.

A batch for training depends on the seed and its number alone, so training resumes at any epoch.
"""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from datasets import mixing
from datasets.augmentation import Augmentation
from datasets.distort import augment
from datasets.images import decode_image
from datasets.rendered_numbers.planar_object import is_unreadable_rotated
from datasets.rendered_scenes.rendering import turn_image
from datasets.scenes import SceneExample, scene_examples, view, view_targets
from datasets.sources import without_autotune

MAX_NUMBERS = 32
"""Rows of the targets of an image."""

_WORKERS = min(8, os.cpu_count() or 1)
_SCALES = (0.5, 2.0)  # of a crop, relative to the scale that shows the whole image
_TURNED = 0.08  # fraction of crops that are turned by quarter turns
_CENTRED = 0.5  # fraction of crops around a random number


def load_scenes(
    source: str | Path,
    split: str,
    *,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> tf.data.Dataset:
    """Load the images of a split with all of their numbers, in a fixed order.

    Args:
        source: as for `datasets.scene_examples`.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: folder of prepared TFDS data.
        limit: only the first so many of each source.

    Returns:
        `tf.data.Dataset` of dictionaries: `id`; `image`, uint8 (height, width, 3); `boxes`,
        float32 (n, 4), left, top, right, bottom in pixels; `labels`, strings (n,) of digits;
        `turns`, int32 (n,), counter-clockwise quarter turns that make each number upright;
        `ignored_boxes`, float32 (k, 4).
    """
    spec = {
        "id": tf.TensorSpec((), tf.string),
        "image": tf.TensorSpec((None, None, 3), tf.uint8),
        "boxes": tf.TensorSpec((None, 4), tf.float32),
        "labels": tf.TensorSpec((None,), tf.string),
        "turns": tf.TensorSpec((None,), tf.int32),
        "ignored_boxes": tf.TensorSpec((None, 4), tf.float32),
    }

    def generate():
        for example in scene_examples(source, split, data_dir, limit):
            row = {name: getattr(example, name) for name in spec if name != "image"}
            row["labels"] = np.array([label.encode() for label in example.labels], object)
            yield row | {"image": decode_image(example.image)}

    return without_autotune(tf.data.Dataset.from_generator(generate, output_signature=spec))


def load_scene_batches(
    source: str | Path,
    split: str,
    *,
    image_size: tuple[int, int] = (320, 320),
    batch_size: int = 32,
    max_numbers: int = MAX_NUMBERS,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> tf.data.Dataset:
    """Load one pass over whole images, resized to fit and padded with black, for a locator.

    Returns:
        `tf.data.Dataset` of known cardinality with batches `(images, targets)`: float32
        (B, height, width, 3) in [0, 255] and float32 (B, max_numbers, 5) as from
        `datasets.scenes.view_targets`.
    """
    examples = list(scene_examples(source, split, data_dir, limit))

    def load_batch(indices):
        rows = [_whole(examples[index], image_size, max_numbers) for index in indices]
        return _stacked(rows)

    stream = tf.data.Dataset.range(len(examples)).batch(batch_size)
    stream = stream.map(
        lambda indices: _call(load_batch, [indices], indices.shape[0], image_size, max_numbers),
        num_parallel_calls=_WORKERS,
        deterministic=True,
    )
    stream = stream.map(lambda images, targets: (tf.cast(images, tf.float32), targets))
    return without_autotune(stream.prefetch(2))


def load_scene_training(
    source: str | Path,
    *,
    epochs: int,
    seed: int,
    start_epoch: int = 0,
    steps_per_epoch: int | None = None,
    image_size: tuple[int, int] = (320, 320),
    batch_size: int = 32,
    max_numbers: int = MAX_NUMBERS,
    augmentation: Augmentation | None = None,
    split: str = "train",
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> tf.data.Dataset:
    """Load shuffled and mixed batches of random crops for a locator.

    A crop shows the image at 0.5 to 2 times the scale at which it fits, around a random number or
    anywhere; some are turned by quarter turns, in which numbers that read in several orientations
    are ignored. Images stay encoded in memory.

    Args:
        source: as for `datasets.scene_examples`; of a mix, batches hold the sources by weight.
        epochs: number of the epoch after the last.
        seed: seed of the order and of all random changes.
        start_epoch: first epoch.
        steps_per_epoch: batches in an epoch. Defaults to as many as hold all images once.
        image_size: `(height, width)` of crops in pixels.
        batch_size: crops in a batch.
        max_numbers: rows of the targets.
        augmentation: strengths of changes of light, colour and noise; those that move, cover or
            blur parts of the image do not apply. Defaults to none.
        split: `"train"`, or another.
        data_dir: folder of prepared TFDS data.
        limit: only the first so many images of each source.

    Returns:
        `tf.data.Dataset` of known cardinality with batches as from `load_scene_batches`.
    """
    mix = mixing.parse_mix(source)
    parts = [list(scene_examples(part.source, split, data_dir, limit)) for part in mix]
    sizes, weights = [len(part) for part in parts], [part.weight for part in mix]
    steps = steps_per_epoch or math.ceil(sum(sizes) / batch_size)
    light = _light(augmentation or Augmentation.none())

    def plan(epoch):
        return mixing.plan_epoch(sizes, weights, steps, batch_size, seed, int(epoch))

    @tf.autograph.experimental.do_not_convert  # it takes seconds
    def plan_steps(epoch):
        places = tf.numpy_function(plan, [epoch], tf.int64)
        places.set_shape((steps, batch_size, 2))
        numbers = epoch * steps + tf.range(steps, dtype=tf.int64)
        return tf.data.Dataset.from_tensor_slices((numbers, places))

    def load_batch(number, places):
        rows = [
            _crop(
                parts[part][index],
                image_size,
                max_numbers,
                np.random.default_rng([seed, int(number), row]),
            )
            for row, (part, index) in enumerate(places.tolist())
        ]
        return _stacked(rows)

    @tf.autograph.experimental.do_not_convert  # it takes seconds
    def make_batch(number, places):
        images, targets = _call(load_batch, [number, places], batch_size, image_size, max_numbers)
        step_seed = tf.random.fold_in(tf.constant([seed, 1], tf.int64), number)
        images, _ = augment(images, light, tf.cast(step_seed, tf.int32), image_size)
        return images, targets

    stream = tf.data.Dataset.range(start_epoch, epochs).flat_map(plan_steps)
    stream = stream.map(make_batch, num_parallel_calls=_WORKERS, deterministic=True)
    count = max(0, epochs - start_epoch) * steps
    stream = stream.apply(tf.data.experimental.assert_cardinality(count))
    return without_autotune(stream.prefetch(4))


def _light(augmentation: Augmentation) -> Augmentation:
    """The changes that neither move nor hide a number of a few pixels."""
    moves = ("random_crop", "background_crop", "zoom", "zoom_out", "stretch", "shift", "rotation",
             "shear", "perspective")  # fmt: skip
    return replace(augmentation, **dict.fromkeys((*moves, "blur", "downscale", "erase"), 0.0))


def _call(function, arguments, rows, image_size, max_numbers) -> tuple[tf.Tensor, tf.Tensor]:
    images, targets = tf.numpy_function(function, arguments, (tf.uint8, tf.float32))
    images.set_shape((rows, *image_size, 3))
    targets.set_shape((rows, max_numbers, 5))
    return images, targets


def _stacked(rows: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    images, targets = zip(*rows, strict=True)
    return np.stack(images), np.stack(targets)


def _whole(
    example: SceneExample, size: tuple[int, int], max_numbers: int
) -> tuple[np.ndarray, np.ndarray]:
    image = decode_image(example.image)
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    targets = view_targets(example, size, scale, (0.0, 0.0), max_numbers)
    return view(image, size, scale), targets


def _crop(
    example: SceneExample, size: tuple[int, int], max_numbers: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    image = decode_image(example.image)
    if rng.random() < _TURNED:
        image, example = _turned(image, example, int(rng.integers(1, 4)))
    sides = np.array([image.shape[1], image.shape[0]])
    room = np.array([size[1], size[0]])
    scale = float((room / sides).min() * np.exp(rng.uniform(*np.log(_SCALES))))
    shown = room / scale
    corner = rng.uniform(np.minimum(sides - shown, 0), np.maximum(sides - shown, 0))
    if len(example.boxes) and rng.random() < _CENTRED:
        box = example.boxes[rng.integers(len(example.boxes))]
        corner = (box[:2] + box[2:]) / 2 - shown * rng.uniform(0.2, 0.8, 2)
    padding = tuple(rng.integers(0, 256, 3).tolist()) if rng.random() < 0.5 else (0, 0, 0)
    targets = view_targets(example, size, scale, corner, max_numbers)
    return view(image, size, scale, corner, padding), targets


def _turned(image: np.ndarray, example: SceneExample, quarters: int):
    """Turn an image counter-clockwise; numbers that may be read in another turn are ignored."""
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
