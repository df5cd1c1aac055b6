"""Examples of a split in a fixed order: from TFDS, the project's builders or a folder of photos.

Images stay encoded; whoever uses them decodes them in parallel.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import itertools
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets import crops, mixing, photo_folder, registry

log = logging.getLogger(__name__)

DEFAULT_DATA_DIR = Path(__file__).resolve().parent.parent / "data" / "tensorflow_datasets"


@dataclass(frozen=True, slots=True)
class Example:
    """An encoded image and its label.

    Attributes:
        id: name that stays the same from run to run.
        label: string of digits; `""` where the image shows no number.
        image: the file's path, or its bytes.
        boxes: float32 (digits, 4): left, top, right, bottom in pixels; None where unknown, and
            always None where the label is empty.
    """

    id: str
    label: str
    image: Path | bytes
    boxes: np.ndarray | None = None

    def __post_init__(self):
        if self.boxes is not None and (not self.label or len(self.boxes) == 0):
            object.__setattr__(self, "boxes", None)

    def crop_box(self, crop: str, margin: float = 0.3, context: float = 1.0) -> np.ndarray | None:
        """The box that a crop shows, as from `crops.crop_box`; None for the whole image.

        An image without a number has nothing to crop to and is always shown whole.

        Raises:
            ValueError: if the crop needs digit boxes and there are none.
        """
        if crops.check_crop(crop) == "full" or not self.label:
            return None
        if self.boxes is None:
            raise ValueError(
                f"{self.id} has no digit boxes, so crop={crop!r} is impossible; use crop='full'"
            )
        return crops.crop_box(self.boxes, crop, margin, context)

    def read(self) -> bytes:
        """The encoded bytes of the image."""
        return self.image if isinstance(self.image, bytes) else self.image.read_bytes()


def resolve_data_dir(data_dir: str | Path | None = None) -> Path:
    """Folder of prepared TFDS data: the argument, else TFDS_DATA_DIR, else the default."""
    return Path(data_dir or os.environ.get("TFDS_DATA_DIR") or DEFAULT_DATA_DIR).expanduser()


def is_folder(source: str | Path) -> bool:
    """Whether `source` is a folder or table of photos; a name of a data set takes precedence."""
    text = str(source)
    if text in registry.DATA_SETS:
        return False
    path = text.partition("?")[0]
    return (
        photo_folder.parse_source(text)[0].exists()
        or path.startswith((".", "/", "~"))
        or "://" in path
        or re.search(r"\.(csv|tsv|txt|xlsx|jsonl?|ya?ml|zip)$|[*\\]", path) is not None
    )


def check_split(split: str) -> str:
    """Return `split` if it is one of the three, else raise ValueError."""
    if split not in registry.SPLITS:
        raise ValueError(f"split is one of {', '.join(registry.SPLITS)}. Received: {split!r}")
    return split


def check_one_number(name: str) -> str:
    """Return a data set's name if its images have one number at most, else raise ValueError."""
    if registry.describe(name).scenes:
        raise ValueError(
            f"{name} has images with several numbers: a reader of one number trains on other data "
            "sets, such as rendered_numbers; a locator, scene_examples and evaluate.py take all"
        )
    return name


def tfds_size(name: str, split: str, data_dir: str | Path | None = None) -> int:
    """Number of images of a split of a named data set."""
    return builder(name, data_dir).info.splits[_instruction(name, split)].num_examples


def size(
    source: str | Path,
    split: str,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> int:
    """Number of examples that `examples` yields for the same arguments."""
    check_split(split)
    total = 0
    for part in mixing.parse_mix(source):
        if is_folder(part.source):
            count = len(photo_folder.read_folder(part.source, split))
        else:
            count = tfds_size(check_one_number(part.source), split, data_dir)
        total += count if limit is None else min(count, limit)
    return total


def examples(
    source: str | Path,
    split: str,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> Iterator[Example]:
    """Yield the examples of a split, always in the same order.

    This function defines what "the first images" of a source or a mix are: labels, images, hashes
    and pipelines all take theirs from here.

    Args:
        source: name of a data set, path of a folder with a `labels.csv`, or a mix of these
            (`"A:2,B:1"`), whose sources follow each other; weights do not matter.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: folder of prepared TFDS data; see `resolve_data_dir`.
        limit: only the first so many of each source.
    """
    check_split(split)
    for part in mixing.parse_mix(source):
        if is_folder(part.source):
            photos = photo_folder.read_folder(part.source, split)
            stream = (Example(p.file, p.label, p.path, p.boxes) for p in photos)
        else:
            stream = _tfds_examples(check_one_number(part.source), split, data_dir)
        yield from itertools.islice(stream, limit)


def without_autotune(stream):
    """Switch tf.data's autotuning off for a `tf.data.Dataset`.

    All degrees of parallelism are set explicitly, so there is nothing to tune; and the tuning
    thread sleeps for up to a minute, which sometimes delayed the end of a training.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return stream.with_options(options)


def chunks(stream: Iterator, length: int) -> Iterator[list]:
    """Yield lists of up to `length` items of a stream."""
    while chunk := list(itertools.islice(stream, length)):
        yield chunk


def state(source: str | Path, split: str, data_dir: str | Path | None = None) -> str:
    """Short hash that changes when the data of a single source change; reads no images."""
    if is_folder(source):
        photos = photo_folder.read_folder(source, split, several=True)
        stats = [photo.path.stat() for photo in photos]
        facts = [
            (photo.file, photo.label, str(photo.boxes), photo.turn, stat.st_size, stat.st_mtime_ns)
            for photo, stat in zip(photos, stats, strict=True)
        ]
    else:
        info = builder(source, data_dir).info
        sizes = [(name, split_info.num_bytes) for name, split_info in info.splits.items()]
        facts = (info.full_name, _instruction(source, split), sizes)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def builder(name: str, data_dir: str | Path | None = None):
    """The prepared TFDS builder of a named data set; downloads or generates it on first use.

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
    except Exception as error:  # of many kinds: TFDS reads several files of JSON
        raise _damaged(name, data_dir, error) from error
    if not prepared:
        if shards := [*Path(tfds_builder.data_dir).glob("*.tfrecord*")]:
            raise _damaged(name, data_dir, f"{shards[0].parent} has no dataset_info.json")
        log.warning("Preparing %s in %s: %s", name, data_dir, data_set.preparing)
        try:
            tfds_builder.download_and_prepare()
        except OSError:
            # Another process may have prepared the same: TFDS does not overwrite existing data.
            tfds_builder = create_builder(data_set, data_dir)
            if not tfds_builder.is_prepared():
                raise
    return tfds_builder


def _damaged(name: str, data_dir: str | Path, reason: object) -> OSError:
    text = re.sub(r"{{.*?}} |\[Op:.*", "", str(reason))[:300]  # what TensorFlow adds
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


def _instruction(source: str | Path, split: str) -> str:
    return registry.describe(str(source)).splits[check_split(split)]


def tfds_rows(
    name: str, split: str, data_dir: str | Path | None = None, batch_size: int | None = None
) -> Iterator[dict]:
    """Yield the examples of a named data set as TFDS has them, images encoded, in order.

    Args:
        name: of the data set.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: folder of prepared TFDS data.
        batch_size: examples in a ragged batch. Defaults to single examples.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    tfds_builder = builder(name, data_dir)
    # One file at a time without shuffling, so that the order is that of preparation.
    stream = tfds_builder.as_dataset(
        split=_instruction(name, split),
        shuffle_files=False,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1),
    )
    stream = stream.ragged_batch(batch_size) if batch_size else stream
    try:
        yield from without_autotune(stream).as_numpy_iterator()
    except tf.errors.OpError as error:
        raise _damaged(name, tfds_builder.data_dir, error.message) from error


def _tfds_examples(name: str, split: str, data_dir: str | Path | None) -> Iterator[Example]:
    index = itertools.count()
    # In batches: TFDS takes longer to hand over single rows than everything else here.
    for rows in tfds_rows(name, split, data_dir, batch_size=256):
        if "digits" in rows:
            columns = (rows["id"], rows["label"], rows["image"], rows["digits"]["box"])
            for identity, label, image, boxes in zip(*columns, strict=True):
                boxes = np.array([*boxes], np.float32).reshape(-1, 4)
                yield Example(identity.decode(), label.decode(), image, boxes)
        else:  # TFDS's own data sets of single digits have an integer label and no id
            for label, image in zip(rows["label"], rows["image"], strict=True):
                yield Example(f"{name}/{split}/{next(index):06d}", str(int(label)), image)
