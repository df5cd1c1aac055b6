"""`tf.data` pipelines over prepared images: one pass for evaluation, epochs for training.

1. `prepared.prepare` decodes, crops and resizes a split once and keeps it.
2. `mixing.plan_epoch` lists which image is where in an epoch, from the seed.
3. `_gatherer` makes the function that collects a batch of images and labels.
4. `distort.augment` changes the batch as a whole.

A batch depends only on the seed and its number, so that training resumes at any epoch without
iterating over the previous epochs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from datasets import mixing, sources
from datasets.augmentation import Augmentation
from datasets.distort import augment
from datasets.prepared import Prepared, PreprocessSpec, prepare
from datasets.tfds_data import without_autotune
from labels import ABSENT, BOX, DIGITS, LENGTH, encode_batch

ROOM = 1.2
"""Factor by which stored training images are larger than the model's input, so that zooming in
shows detail and the surroundings of a crop are available for geometric changes."""

CROP_DETAIL = 2.0
"""The same factor for augmentation with random crops, which show a small part of an image."""

WORKERS = min(8, os.cpu_count() or 1)
"""Number of batches that are made in parallel."""


def _with_defaults(source, image_size, channels, max_digits) -> tuple[tuple[int, int], int, int]:
    defaults = sources.defaults(source)
    size = tuple(image_size or defaults["image_size"])
    return size, channels or defaults["channels"], max_digits or defaults["max_digits"]


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
    cache_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    with_boxes: bool = False,
) -> tf.data.Dataset:
    """Load one pass over a split in a fixed order and without augmentation, for evaluation.

    Args:
        source: name of a data set, path of a folder or table of photos, or a mix of these
            (`"A:2,B:1"`), whose sources follow each other, all images of each.
        split: `"train"`, `"validation"` or `"test"`.
        image_size: `(height, width)` in pixels. Defaults to that of the source.
        channels: 1 (grey) or 3 (RGB). Defaults to those of the source.
        max_digits: number of digit positions. Defaults to that of the source.
        batch_size: images in a batch; the last one may have fewer.
        crop: `"full"`, or `"union"` or `"square"` around the digit boxes.
        margin: fraction by which the box of a crop is enlarged.
        cache_dir: folder for prepared images. Defaults to memory.
        data_dir: folder of prepared TFDS data. Defaults to TFDS_DATA_DIR or the project's own.
        limit: maximum number of images of each source, from the first.
        with_boxes: whether to add `box` to the labels: float32 [B, 4], left, top, right and bottom
            of the number as fractions of the image's width and height; NaN if unknown or if the
            image shows no number.

    Returns:
        `tf.data.Dataset` of known cardinality with batches `(images, labels)`: float32
        [B, height, width, C] in [0, 255], and a dictionary of int32 arrays `length` [B] and
        `digits` [B, max_digits], as from `labels.encode`. With `max_digits=1` there is only
        `digits`.

    Raises:
        FileNotFoundError: if a folder or its labels do not exist.
        MemoryError: if the images do not fit in memory and there is no `cache_dir`.
        ValueError: if a name is unknown, the split is empty, an image or a label cannot be used, or
            the crop needs boxes that are unknown.
    """
    size, channels, max_digits = _with_defaults(source, image_size, channels, max_digits)
    spec = PreprocessSpec(size, channels, crop, margin)
    parts = prepare(source, split, spec, cache_dir=cache_dir, data_dir=data_dir, limit=limit)
    gather = _gatherer(parts, max_digits)
    places = [(number, index) for number, part in enumerate(parts) for index in range(len(part))]

    def make_batch(places):
        images, targets, boxes = gather(places)
        return tf.cast(images, tf.float32), targets | ({BOX: boxes} if with_boxes else {})

    stream = tf.data.Dataset.from_tensor_slices(np.array(places)).batch(batch_size)
    return map_batches(stream, make_batch)


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
    crop: str = "full",
    margin: float = 0.3,
    cache_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    with_boxes: bool = False,
    shard: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Load shuffled, mixed and augmented batches for training; they depend only on the arguments.

    With a crop around boxes, images are stored with 1.2 times the crop's width and height, and
    the random moves of `augmentation` jitter the crop.

    Args:
        source: as for `load`. For a mixture, the proportions of the sources follow the weights,
            exactly in an epoch and on average in a batch; small sources are repeated.
        epochs: number of epochs, including those before `start_epoch`.
        seed: seed of the order and of all augmentation.
        start_epoch: first epoch. The batches of an epoch do not depend on it.
        steps_per_epoch: batches in an epoch. Defaults to one pass over all images.
        augmentation: strengths of the random changes. Defaults to none.
        limit: maximum number of images of each source, from the first.
        shard: `(index, count)`: load only shard `index`, from 0, of `count` equal shards of every
            batch, as each of `count` processes does.

    The other arguments are those of `load`.

    Returns:
        `tf.data.Dataset` of known cardinality with `(epochs - start_epoch) * steps_per_epoch`
        batches as from `load`, each of `batch_size / count` images.

    Raises:
        FileNotFoundError, MemoryError, ValueError: as for `load`; also if a number is too small, or
            `batch_size` is no multiple of the number of shards.
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
    first_row, last_row = (index * batch_size // shards for index in (shard_index, shard_index + 1))
    size, channels, max_digits = _with_defaults(source, image_size, channels, max_digits)
    augmentation = augmentation or Augmentation()
    stored_size, context = size, 1.0
    if augmentation.moves:
        room = CROP_DETAIL if augmentation.random_crop else ROOM
        stored_size = tuple(math.ceil(side * room) for side in size)
        context = ROOM if crop != "full" else 1.0
    spec = PreprocessSpec(stored_size, channels, crop, margin, context)
    mix = mixing.parse_mix(source)
    sizes = [sources.size(part.source, "train", data_dir, limit) for part in mix]
    steps = steps_per_epoch or math.ceil(sum(sizes) / batch_size)

    def plan(epoch: int) -> np.ndarray:
        weights = [part.weight for part in mix]
        places = mixing.plan_epoch(sizes, weights, steps, batch_size, seed, epoch)
        return places[:, first_row:last_row]

    # A short training uses few images of a large source. A cache has all, for later runs.
    short = cache_dir is None and all(sizes)
    used = mixing.used_examples(sizes, range(start_epoch, epochs), plan) if short else None
    folders = {"cache_dir": cache_dir, "data_dir": data_dir}
    parts = prepare(source, "train", spec, limit=limit, used=used, **folders)
    gather = _gatherer(parts, max_digits)

    def make_batch(number, places):
        images, targets, boxes = gather(places)
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

    return epoch_batches(plan, make_batch, range(start_epoch, epochs))


def epoch_batches(
    plan: Callable[[int], np.ndarray],
    make_batch: Callable[[tf.Tensor, tf.Tensor], tuple],
    epochs: range,
) -> tf.data.Dataset:
    """Batches of consecutive epochs; several are made in parallel.

    Args:
        plan: function from the number of an epoch to the examples of its batches, int64 [steps, B,
            2], as from `mixing.plan_epoch`.
        make_batch: function of the number of a batch, int64 [], and its examples, int64 [B, 2].
        epochs: numbers of the epochs.

    Returns:
        `tf.data.Dataset` of known cardinality.
    """
    steps, rows, _ = plan(0).shape

    @tf.autograph.experimental.do_not_convert
    def plan_steps(epoch):
        shapes = [(steps, rows, 2)]
        (places,) = numpy_batch(lambda epoch: plan(int(epoch)), [epoch], [tf.int64], shapes)
        numbers = epoch * steps + tf.range(steps, dtype=tf.int64)
        return tf.data.Dataset.from_tensor_slices((numbers, places))

    stream = tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(plan_steps)
    stream = stream.apply(tf.data.experimental.assert_cardinality(len(epochs) * steps))
    return map_batches(stream, make_batch)


def map_batches(stream: tf.data.Dataset, make_batch: Callable[..., tuple]) -> tf.data.Dataset:
    """Make several batches in parallel, in the order of a stream's elements."""
    make_batch = tf.autograph.experimental.do_not_convert(make_batch)  # autograph takes seconds
    stream = stream.map(make_batch, num_parallel_calls=WORKERS, deterministic=True)
    return without_autotune(stream.prefetch(4))


def numpy_batch(
    function: Callable, arguments: list[tf.Tensor], dtypes: Sequence, shapes: Sequence[tuple]
) -> list[tf.Tensor]:
    """Call a NumPy function; its arrays become tensors of the given dtypes and shapes."""
    tensors = tf.numpy_function(function, arguments, dtypes)
    for tensor, shape in zip(tensors, shapes, strict=True):
        tensor.set_shape(shape)
    return tensors


def _clear_labels_out_of_view(targets: dict, boxes: tf.Tensor, moved_boxes: tf.Tensor) -> dict:
    """Clear the labels of numbers that had a box [B, 4] and have none after augmentation."""
    known, visible = (~tf.reduce_any(tf.math.is_nan(b), axis=1) for b in (boxes, moved_boxes))
    out_of_view = known & ~visible
    cleared = {DIGITS: tf.where(out_of_view[:, None], ABSENT, targets[DIGITS])}
    if LENGTH in targets:
        cleared[LENGTH] = tf.where(out_of_view, 0, targets[LENGTH])
    return cleared


def _gatherer(parts: list[Prepared], max_digits: int) -> Callable[[tf.Tensor], tuple]:
    """A function that gathers a batch from the prepared arrays of one or several sources.

    Its argument is int64 [B, 2], number of the source and index within it; its results are uint8
    [B, height, width, C] images, targets by name and float32 [B, 4] boxes.
    """
    texts = [text for part in parts for text in part.labels]
    ids = [identity for part in parts for identity in part.ids]
    # Labels and boxes of all sources are concatenated; images are not.
    first_row = np.cumsum([0] + [len(part) for part in parts])
    columns = encode_batch(texts, max_digits, ids)
    columns[BOX] = np.concatenate([part.boxes for part in parts])
    image_shape = parts[0].images.shape[1:]
    shapes = (image_shape, *(column.shape[1:] for column in columns.values()))
    dtypes = (tf.uint8, *(column.dtype for column in columns.values()))

    def collect(places: np.ndarray) -> tuple[np.ndarray, ...]:
        images = np.empty((len(places), *image_shape), np.uint8)
        for number, part in enumerate(parts):
            in_part = places[:, 0] == number
            images[in_part] = part.images[part.rows[places[in_part, 1]]]
        rows = first_row[places[:, 0]] + places[:, 1]
        return images, *(column[rows] for column in columns.values())

    def gather(places: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor], tf.Tensor]:
        batch_shapes = [(places.shape[0], *shape) for shape in shapes]
        images, *values = numpy_batch(collect, [places], dtypes, batch_shapes)
        targets = dict(zip(columns, values, strict=True))
        return images, targets, targets.pop(BOX)

    return gather
