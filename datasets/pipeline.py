"""`tf.data` pipelines over prepared images: one pass for evaluation, epochs for training.

1. `prepared.prepare` decodes, crops and resizes a split once and keeps it.
2. `mixing.plan_epoch` lists which image is where in an epoch, from the seed.
3. `_Gather` collects a batch of images and labels.
4. `distort.augment` changes the batch as a whole.

A batch depends on the seed and its number alone, so training resumes at any epoch without running
through the epochs before.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from datasets import contents, mixing
from datasets.augmentation import Augmentation
from datasets.distort import augment
from datasets.prepared import Prepared, PreprocessSpec, prepare
from datasets.sources import without_autotune
from labels import ABSENT, BOX, DIGITS, LENGTH

ROOM = 1.2
"""Factor by which stored training images are larger than the model's input, so that zooming in
finds detail and, around a crop, augmentation can move into real pixels."""

CROP_DETAIL = 2.0
"""The same for augmentation with random crops, which show a small part of the stored image."""

_WORKERS = min(8, os.cpu_count() or 1)


def _with_defaults(source, image_size, channels, max_digits) -> tuple[tuple[int, int], int, int]:
    known = contents.defaults(source)
    size = tuple(image_size or known["image_size"])
    return size, channels or known["channels"], max_digits or known["max_digits"]


def load(
    source: str | Path,
    split: str,
    *,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    max_digits: int | None = None,
    batch_size: int = 128,
    crop: str = "full",
    margin: float = 0.3,
    fit: str = "stretch",
    cache_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    with_ids: bool = False,
    with_boxes: bool = False,
) -> tf.data.Dataset:
    """Load one pass over a split in a fixed order, without augmentation: for evaluation.

    Args:
        source: name of a data set, path of a folder with a `labels.csv`, or a mix of these
            (`"A:2,B:1"`), whose sources follow each other, all images of each.
        split: `"train"`, `"validation"` or `"test"`.
        image_size: `(height, width)` in pixels. Defaults to that of the source.
        channels: 1 (grey) or 3 (RGB). Defaults to those of the source.
        max_digits: number of digit positions. Defaults to that of the source.
        batch_size: images in a batch; the last one may have fewer.
        crop: `"full"`, or `"union"` or `"square"` around the digit boxes.
        margin: fraction by which the box of a crop is enlarged.
        fit: `"stretch"` (aspect ratio not kept) or `"pad"` (kept, edges repeated).
        cache_dir: folder for prepared images. Defaults to memory.
        data_dir: folder of prepared TFDS data. Defaults to TFDS_DATA_DIR or the project's own.
        limit: only the first so many of each source.
        with_ids: adds the ids of the images as a third element, string [B].
        with_boxes: adds `box` to the labels: float32 [B, 4], left, top, right and bottom of the
            number as fractions of the image's width and height; NaN where unknown or where the
            image shows no number.

    Returns:
        `tf.data.Dataset` of known cardinality with batches `(images, labels)`: float32
        [B, height, width, C] in [0, 255], and a dictionary of int32 arrays `length` [B] and
        `digits` [B, max_digits], as from `labels.encode`. With `max_digits=1` there is only
        `digits`.
    """
    size, channels, max_digits = _with_defaults(source, image_size, channels, max_digits)
    spec = PreprocessSpec(size, channels, crop, margin, 1.0, fit)
    parts = [
        prepare(part.source, split, spec, cache_dir=cache_dir, data_dir=data_dir, limit=limit)
        for part in mixing.parse_mix(source)
    ]
    gather = _Gather(parts, max_digits)
    places = [(number, index) for number, part in enumerate(parts) for index in range(len(part))]

    @tf.autograph.experimental.do_not_convert  # it takes seconds
    def make_batch(places):
        images, targets, boxes, ids = gather(places)
        images = tf.cast(images, tf.float32)
        if with_boxes:
            targets[BOX] = boxes
        return (images, targets, ids) if with_ids else (images, targets)

    stream = tf.data.Dataset.from_tensor_slices(np.array(places)).batch(batch_size)
    stream = stream.map(make_batch, num_parallel_calls=_WORKERS, deterministic=True)
    return without_autotune(stream.prefetch(4))


def load_training(
    source: str | Path,
    *,
    epochs: int,
    seed: int,
    start_epoch: int = 0,
    steps_per_epoch: int | None = None,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    max_digits: int | None = None,
    batch_size: int = 128,
    augmentation: Augmentation | None = None,
    split: str = "train",
    crop: str = "full",
    margin: float = 0.3,
    fit: str = "stretch",
    cache_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    with_boxes: bool = False,
    shard: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Load shuffled, mixed and augmented batches for training, a function of the arguments alone.

    With a crop around boxes, images are stored with 1.2 times the crop's width and height, and
    the random moves of `augmentation` jitter the crop.

    Args:
        source: as for `load`. Of a mix, batches hold the sources by weight on average and epochs
            exactly; small sources are repeated.
        epochs: number of the epoch after the last.
        seed: seed of the order and of all augmentation.
        start_epoch: first epoch. The batches of an epoch do not depend on it.
        steps_per_epoch: batches in an epoch. Defaults to as many as hold all images once.
        augmentation: strengths of the random changes. Defaults to none.
        split: `"train"`, or another.
        limit: only the first so many images of each source.
        shard: `(index, count)`: of every batch, load the part `index`, from 0, of `count` equal
            parts, as one of `count` processes does. The parts together are the whole batch.

    The other arguments are those of `load`.

    Returns:
        `tf.data.Dataset` of known cardinality with `(epochs - start_epoch) * steps_per_epoch`
        batches as from `load`, each of `batch_size / count` images.
    """
    for name, value, least in (
        ("seed", seed, 0),
        ("start_epoch", start_epoch, 0),
        ("batch_size", batch_size, 1),
    ):
        if value < least:
            raise ValueError(f"{name} is {least} or more. Received: {value}")
    shard_index, shards = shard
    if batch_size % shards or not 0 <= shard_index < shards:
        raise ValueError(
            f"shard is (index, count) with 0 <= index < count and count a divisor of the batch "
            f"size {batch_size}. Received: {shard}"
        )
    rows = batch_size // shards
    first_row = shard_index * rows
    size, channels, max_digits = _with_defaults(source, image_size, channels, max_digits)
    augmentation = augmentation or Augmentation.none()
    stored_size, context = size, 1.0
    if augmentation.moves:
        room = CROP_DETAIL if augmentation.random_crop else ROOM
        stored_size = tuple(math.ceil(side * room) for side in size)
        context = ROOM if crop != "full" else 1.0
    spec = PreprocessSpec(stored_size, channels, crop, margin, context, fit)
    mix = mixing.parse_mix(source)
    parts = [
        prepare(part.source, split, spec, cache_dir=cache_dir, data_dir=data_dir, limit=limit)
        for part in mix
    ]
    sizes, weights = [len(part) for part in parts], [part.weight for part in mix]
    steps = steps_per_epoch or math.ceil(sum(sizes) / batch_size)
    gather = _Gather(parts, max_digits)

    def plan(epoch):
        places = mixing.plan_epoch(sizes, weights, steps, batch_size, seed, int(epoch))
        return places[:, first_row : first_row + rows]

    @tf.autograph.experimental.do_not_convert  # it takes seconds
    def plan_steps(epoch):
        places = tf.numpy_function(plan, [epoch], tf.int64)
        places.set_shape((steps, rows, 2))
        numbers = epoch * steps + tf.range(steps, dtype=tf.int64)
        return tf.data.Dataset.from_tensor_slices((numbers, places))

    @tf.autograph.experimental.do_not_convert  # it takes seconds
    def make_batch(number, places):
        images, targets, boxes, _ = gather(places)
        step_seed = tf.random.fold_in(tf.constant([seed, 0], tf.int64), number)
        images, moved_boxes = augment(
            images,
            augmentation,
            tf.cast(step_seed, tf.int32),
            size,
            visible_fraction=1 / context,
            boxes=boxes,
            rows=(first_row, batch_size),
        )
        targets = _clear_labels_out_of_view(targets, boxes, moved_boxes)
        if with_boxes:
            targets[BOX] = moved_boxes
        return images, targets

    stream = tf.data.Dataset.range(start_epoch, epochs).flat_map(plan_steps)
    stream = stream.map(make_batch, num_parallel_calls=_WORKERS, deterministic=True)
    count = max(0, epochs - start_epoch) * steps
    stream = stream.apply(tf.data.experimental.assert_cardinality(count))
    return without_autotune(stream.prefetch(4))


def _clear_labels_out_of_view(targets: dict, boxes: tf.Tensor, moved_boxes: tf.Tensor) -> dict:
    """Empty the labels of numbers that had a box [B, 4] and have none after augmentation."""
    known, visible = (~tf.reduce_any(tf.math.is_nan(b), axis=1) for b in (boxes, moved_boxes))
    out_of_view = known & ~visible
    cleared = {DIGITS: tf.where(out_of_view[:, None], ABSENT, targets[DIGITS])}
    if LENGTH in targets:
        cleared[LENGTH] = tf.where(out_of_view, 0, targets[LENGTH])
    return cleared


class _Gather:
    """Collects batches from the prepared arrays of one or several sources."""

    def __init__(self, parts: list[Prepared], max_digits: int):
        self._parts = parts
        self._max_digits = max_digits
        self._shape = parts[0].images.shape[1:]
        encoded = [part.encode(max_digits) for part in parts]
        # Labels, boxes and ids have one row per image of all sources; images stay apart.
        self._first_row = np.cumsum([0] + [len(part) for part in parts])
        self._columns = (
            np.concatenate([lengths for lengths, _ in encoded]),
            np.concatenate([digits for _, digits in encoded]),
            np.concatenate([part.boxes for part in parts]),
            np.array([name.encode() for part in parts for name in part.ids], object),
        )

    def _collect(self, places: np.ndarray):
        images = np.empty((len(places), *self._shape), np.uint8)
        for number, part in enumerate(self._parts):
            in_part = places[:, 0] == number
            images[in_part] = part.images[places[in_part, 1]]
        rows = self._first_row[places[:, 0]] + places[:, 1]
        return images, *(column[rows] for column in self._columns)

    def __call__(self, places: tf.Tensor):
        """Collect a batch.

        Args:
            places: int64 [B, 2], number of the source and index within it.

        Returns:
            uint8 [B, height, width, C] images, targets by name, float32 [B, 4] boxes, ids.
        """
        dtypes = (tf.uint8, tf.int32, tf.int32, tf.float32, tf.string)
        arrays = tf.numpy_function(self._collect, [places], dtypes)
        shapes = (self._shape, (), (self._max_digits,), (4,), ())
        for array, shape in zip(arrays, shapes, strict=True):
            array.set_shape((places.shape[0], *shape))
        images, lengths, digits, boxes, ids = arrays
        targets = {DIGITS: digits}
        if self._max_digits > 1:
            targets[LENGTH] = lengths
        return images, targets, boxes, ids
