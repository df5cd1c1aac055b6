"""Named data sets in TFDS: prepared on first use, and read in a fixed order."""

from __future__ import annotations

import functools
import importlib
import itertools
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from artifacts.files import expand_user
from datasets import crops, registry
from datasets.example import Example

log = logging.getLogger(__name__)

DEFAULT_DATA_DIR = Path(__file__).resolve().parent.parent / "data" / "tensorflow_datasets"

_BATCH = 256


def resolve_data_dir(data_dir: str | Path | None = None) -> Path:
    """Folder of TFDS data sets: the argument, else $TFDS_DATA_DIR, else the default."""
    return expand_user(data_dir or os.environ.get("TFDS_DATA_DIR") or DEFAULT_DATA_DIR)


def builder(name: str, data_dir: str | Path | None = None):
    """The TFDS builder of a named data set, which is downloaded or generated on first use.

    Returns:
        `tfds.core.DatasetBuilder`.
    """
    return _builder(name, str(resolve_data_dir(data_dir)))


@functools.cache
def _builder(name: str, data_dir: str):
    data_set = registry.describe(name)
    try:
        tfds_builder = create_builder(data_set, data_dir)
        prepared = tfds_builder.is_prepared()
    except ModuleNotFoundError:
        raise
    except Exception as error:  # any error: TFDS reads several JSON files
        raise _damaged(name, data_dir, error) from error
    if not prepared:
        if shards := [*Path(tfds_builder.data_dir).glob("*.tfrecord*")]:
            raise _damaged(name, data_dir, f"{shards[0].parent} has no dataset_info.json")
        log.warning("Preparing %s in %s: %s", name, data_dir, data_set.preparing)
        try:
            tfds_builder.download_and_prepare()
        except OSError:
            # Another process may have prepared the data: TFDS does not overwrite them.
            tfds_builder = create_builder(data_set, data_dir)
            if not tfds_builder.is_prepared():
                raise
    return tfds_builder


def _damaged(name: str, data_dir: str | Path, reason: object) -> OSError:
    text = re.sub(r"{{.*?}} |\[Op:.*", "", str(reason))[:300]  # additions of TensorFlow
    return OSError(
        f"the prepared data of {name} in {data_dir} are damaged or were copied in part: copy them "
        f"again, or delete their folder to prepare them anew. Received: {text}"
    )


def create_builder(data_set: registry.DataSet, data_dir: str):
    """The TFDS builder of a data set, prepared or not."""
    import tensorflow_datasets as tfds

    if data_set.folder is None:
        return tfds.builder(data_set.name, data_dir=data_dir)
    module = f"datasets.{data_set.builder}.{data_set.builder}_dataset_builder"
    return importlib.import_module(module).Builder(data_dir=data_dir, config=data_set.config)


def read(
    data_set: registry.DataSet, split: str, data_dir: str | Path | None = None
) -> Iterator[Example]:
    """Yield the examples of a split of a named data set, in the order of preparation.

    Raises:
        OSError: if the prepared data are damaged.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    tfds_builder = builder(data_set.name, data_dir)
    stream = tfds_builder.as_dataset(
        split=data_set.splits[split],
        shuffle_files=False,
        decoders={"image": tfds.decode.SkipDecoding()},
        # Sequentially, which keeps the order.
        read_config=tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1),
    )
    # In batches: passing single rows from TFDS would take longer than everything else.
    batches = without_autotune(stream.ragged_batch(_BATCH)).as_numpy_iterator()
    try:
        for start, rows in zip(itertools.count(0, _BATCH), batches, strict=False):
            yield from _batch_examples(rows, f"{data_set.name}/{split}", start)
    except tf.errors.OpError as error:
        raise _damaged(data_set.name, tfds_builder.data_dir, error.message) from error


def _batch_examples(rows: dict, prefix: str, start: int) -> Iterator[Example]:
    """The examples of a batch; `start` is the index of the first one in the split."""
    if "id" not in rows:  # TFDS's own data sets of single digits have an integer label
        for index, (label, image) in enumerate(zip(rows["label"], rows["image"], strict=True)):
            yield Example(f"{prefix}/{start + index:06d}", image, [str(int(label))])
    elif "labels" in rows:
        keys = ("id", "image", "labels", "boxes", "turns", "ignored_boxes")
        for identity, image, labels, *ragged in zip(*(rows[key] for key in keys), strict=True):
            arrays = ([*rows_of_number] for rows_of_number in ragged)
            yield Example(identity.decode(), image, [label.decode() for label in labels], *arrays)
    else:
        columns = (rows["id"], rows["image"], rows["label"], rows["digits"]["box"])
        for identity, image, label, digit_boxes in zip(*columns, strict=True):
            labels = [label.decode()] if label else []
            has_box = labels and len(digit_boxes)
            boxes = [crops.union_box(np.array([*digit_boxes]))] if has_box else None
            yield Example(identity.decode(), image, labels, boxes)


def without_autotune(stream):
    """Disable autotuning for a `tf.data.Dataset`.

    All degrees of parallelism are set explicitly, so there is nothing to tune, and the tuning
    thread, which sleeps for up to a minute, can delay the end of a training.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return stream.with_options(options)
