"""`tf.data` pipelines over prepared images: one pass for evaluation, epochs for training.

A split is decoded, cut and resized once (`prepared.py`) and kept; from there an epoch is a list
of indices (`mixing.py`) and a batch is gathered and augmented as a whole (`distort.py`).
A batch depends on the seed and its number alone, so training goes on at any epoch as if it had
never stopped, without running through those before.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

import labels
from datasets import contents, mixing
from datasets.augmentation import Augmentation
from datasets.distort import augment
from datasets.prepared import Prepared, PreprocessSpec, prepare
from datasets.sources import untuned

ROOM = 1.2
"""How much larger than the model's input training images are kept: augmentation that zooms in
finds detail there and, where there are boxes, real pixels around the crop to move into."""

DETAIL = 2.0
"""The same where augmentation shows windows of them: these keep what a close look can find."""

_WORKERS = min(8, os.cpu_count() or 1)


def _fill_in(source, image_size, channels, max_digits) -> tuple[tuple[int, int], int, int]:
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
    """One pass over a split, in a fixed order, as it is: for evaluation.

    Args:
        source: name of a data set, path of a folder with a `labels.csv`, or a mix of these
            (`"A:2,B:1"`), of which all images come one source after the other.
        split: `"train"`, `"validation"` or `"test"`.
        image_size: `(height, width)` in pixels. Defaults to what suits the source.
        channels: 1 (grey) or 3 (RGB). Defaults to what suits the source.
        max_digits: places for digits. Defaults to what suits the source.
        batch_size: images in a batch; the last one may have fewer.
        crop: `"full"`, or `"union"` or `"square"` around the digit boxes.
        margin: share by which the box of a crop is grown.
        fit: `"stretch"` (aspect not kept) or `"pad"` (kept, edges repeated).
        cache_dir: folder for prepared images. Defaults to memory.
        data_dir: folder of prepared TFDS data. Defaults to TFDS_DATA_DIR or the project's own.
        limit: only the first so many of each source.
        with_ids: adds the ids of the images as a third element, string [B].
        with_boxes: adds `box` to the labels: float32 [B, 4], left, top, right and bottom of the
            number as shares of the shown image's width and height; NaN where the source does
            not say or the image shows no number.

    Returns:
        Batches `(images, labels)`: float32 [B, height, width, C] from 0 to 255, and a
        dictionary of int32 arrays, `length` [B] and `digits` [B, max_digits], as `labels.encode`
        makes them. With `max_digits=1` there is only `digits`. Its cardinality is known.
    """
    size, channels, max_digits = _fill_in(source, image_size, channels, max_digits)
    view = PreprocessSpec(size, channels, crop, margin, 1.0, fit)
    parts = [
        prepare(part.source, split, view, cache_dir=cache_dir, data_dir=data_dir, limit=limit)
        for part in mixing.parse_mix(source)
    ]
    gather = _Gather(parts, max_digits)
    order = np.concatenate(
        [
            np.stack([np.full(len(part), number), np.arange(len(part))], axis=1)
            for number, part in enumerate(parts)
        ]
    )
    stream = tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    def batch(places):
        images, encoded, boxes, ids = gather(places)
        images = tf.cast(images, tf.float32)
        if with_boxes:
            encoded["box"] = boxes
        return (images, encoded, ids) if with_ids else (images, encoded)

    stream = stream.map(batch, num_parallel_calls=_WORKERS, deterministic=True)
    return untuned(stream.prefetch(4))


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
    share: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Shuffled, mixed and augmented batches for training, the same whenever they are asked for.

    With a crop around boxes, images are kept with 1.2 times the crop's width and height, and
    the random moves of `augmentation` are the jitter of the crop.

    Args:
        source: as for `load`; of a mix, every batch holds sources by their weights on average
            and every epoch exactly, a small source being repeated.
        epochs: number of the epoch after the last.
        seed: seed of the order and of all augmentation.
        start_epoch: epoch to begin with. The batches of an epoch do not depend on it.
        steps_per_epoch: batches in an epoch. Defaults to as many as hold all images once.
        augmentation: how strongly images are changed. Defaults to not at all.
        split: `"train"`, unless one means otherwise.
        limit: only the first so many images of each source.
        share: `(i, n)` for part i, from 0, of n equal parts of every batch: what one of n
            processes trains on. Put together they are the batches that one process would have.

    The other arguments are those of `load`.

    Returns:
        `(epochs - start_epoch) * steps_per_epoch` batches as `load` makes them, all of
        `batch_size / n` images; the cardinality is known.
    """
    for name, value, least in (
        ("seed", seed, 0),
        ("start_epoch", start_epoch, 0),
        ("batch_size", batch_size, 1),
    ):
        if value < least:
            raise ValueError(f"{name} is {least} or more. Received: {value}")
    part, parts_of_batch = share
    if batch_size % parts_of_batch or not 0 <= part < parts_of_batch:
        raise ValueError(
            f"A batch of {batch_size} images falls into equal parts, the first of them 0. "
            f"Received: share={share}"
        )
    rows = batch_size // parts_of_batch
    first = part * rows
    size, channels, max_digits = _fill_in(source, image_size, channels, max_digits)
    augmentation = augmentation or Augmentation.none()
    kept, context = size, 1.0
    if augmentation.moves:
        room = DETAIL if augmentation.random_crop else ROOM
        kept = tuple(math.ceil(side * room) for side in size)
        context = ROOM if crop != "full" else 1.0
    view = PreprocessSpec(kept, channels, crop, margin, context, fit)
    mix = mixing.parse_mix(source)
    parts = [
        prepare(part.source, split, view, cache_dir=cache_dir, data_dir=data_dir, limit=limit)
        for part in mix
    ]
    sizes = [len(part) for part in parts]
    steps = steps_per_epoch or math.ceil(sum(sizes) / batch_size)
    gather = _Gather(parts, max_digits)

    def plan(epoch):
        weights = [part.weight for part in mix]
        whole = mixing.plan_epoch(sizes, weights, steps, batch_size, seed, int(epoch))
        return whole[:, first : first + rows]

    def open_epoch(epoch):
        places = tf.numpy_function(plan, [epoch], tf.int64)
        places.set_shape((steps, rows, 2))
        numbers = epoch * steps + tf.range(steps, dtype=tf.int64)
        return tf.data.Dataset.from_tensor_slices((numbers, places))

    def batch(number, places):
        images, encoded, boxes, _ = gather(places)
        step_seed = tf.random.fold_in(tf.constant([seed, 0], tf.int64), number)
        step_seed = tf.cast(step_seed, tf.int32)
        images, moved = augment(
            *(images, augmentation, step_seed, size, 1 / context, boxes),
            rows=(first, batch_size),
        )
        encoded = _without_what_is_gone(encoded, boxes, moved)
        if with_boxes:
            encoded["box"] = moved
        return images, encoded

    stream = tf.data.Dataset.range(start_epoch, epochs).flat_map(open_epoch)
    stream = stream.map(batch, num_parallel_calls=_WORKERS, deterministic=True)
    count = max(0, epochs - start_epoch) * steps
    stream = stream.apply(tf.data.experimental.assert_cardinality(count))
    return untuned(stream.prefetch(4))


def _without_what_is_gone(encoded: dict, boxes: tf.Tensor, moved: tf.Tensor) -> dict:
    """The labels, without the numbers that had a box [B, 4] and have none after the moves."""
    known, shown = (~tf.reduce_any(tf.math.is_nan(each), axis=1) for each in (boxes, moved))
    gone = known & ~shown
    emptied = {"digits": tf.where(gone[:, None], labels.ABSENT, encoded["digits"])}
    if "length" in encoded:
        emptied["length"] = tf.where(gone, 0, encoded["length"])
    return emptied


class _Gather:
    """Collects a batch from the prepared arrays of one source or several."""

    def __init__(self, parts: list[Prepared], max_digits: int):
        self._parts = parts
        self._max_digits = max_digits
        self._shape = parts[0].images.shape[1:]
        encoded = [part.encode(max_digits) for part in parts]
        # One row per image of all sources; `first` is where a source begins.
        self._first = np.cumsum([0] + [len(part) for part in parts])
        self._lengths = np.concatenate([lengths for lengths, _ in encoded])
        self._digits = np.concatenate([digits for _, digits in encoded])
        self._boxes = np.concatenate([part.boxes for part in parts])
        self._ids = np.array([name.encode() for part in parts for name in part.ids], object)

    def _collect(self, places: np.ndarray):
        images = np.empty((len(places), *self._shape), np.uint8)
        for number, part in enumerate(self._parts):
            here = places[:, 0] == number
            images[here] = part.images[places[here, 1]]
        rows = self._first[places[:, 0]] + places[:, 1]
        found = (self._lengths, self._digits, self._boxes, self._ids)
        return images, *(each[rows] for each in found)

    def __call__(self, places: tf.Tensor):
        """int64 [B, 2] to uint8 [B, height, width, C], labels, boxes, ids; shapes stay known."""
        kinds = (tf.uint8, tf.int32, tf.int32, tf.float32, tf.string)
        images, lengths, digits, boxes, ids = tf.numpy_function(self._collect, [places], kinds)
        batch = places.shape[0]
        images.set_shape((batch, *self._shape))
        lengths.set_shape((batch,))
        digits.set_shape((batch, self._max_digits))
        boxes.set_shape((batch, 4))
        ids.set_shape((batch,))
        encoded = {"digits": digits}
        if self._max_digits > 1:
            encoded["length"] = lengths
        return images, encoded, boxes, ids
