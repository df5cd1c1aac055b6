"""One stream of examples, whatever they come from: TFDS, our own builders, a folder of photos.

Examples keep their images encoded: decoding is left to the reader, which does it in parallel.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import itertools
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets import crops, mixing, photo_folder, registry

log = logging.getLogger(__name__)

_ROWS = 256

DEFAULT_DATA_DIR = Path(__file__).resolve().parent.parent / "data" / "tensorflow_datasets"


@dataclass(frozen=True, slots=True)
class Example:
    """An image, still encoded, and the number in it.

    Attributes:
        id: name that stays the same from run to run.
        number: string of digits; `""` where there is none.
        image: the file's path, or its bytes.
        boxes: float32 (digits, 4): left, top, right, bottom in pixels; None where unknown.
    """

    id: str
    number: str
    image: Path | bytes
    boxes: np.ndarray | None = None

    def crop_box(self, crop: str, margin: float = 0.3, context: float = 1.0) -> np.ndarray | None:
        """What a crop shows, as `crops.crop_box` says; None for all of the image.

        Without a number there is nothing to cut to: the image is shown whole in any case.

        Raises:
            ValueError: if the crop needs digit boxes and there are none.
        """
        if crops.check_crop(crop) == "full" or not self.number:
            return None
        if self.boxes is None or len(self.boxes) == 0:
            raise ValueError(
                f"{self.id} has no digit boxes, so crop={crop!r} cannot be made; "
                "only crop='full' can"
            )
        return crops.crop_box(self.boxes, crop, margin, context)

    def read(self) -> bytes:
        """The encoded bytes of the image."""
        return self.image if isinstance(self.image, bytes) else self.image.read_bytes()


def resolve_data_dir(data_dir: str | Path | None = None) -> Path:
    """Where prepared TFDS data lies: the argument, else TFDS_DATA_DIR, else the project's own."""
    return Path(data_dir or os.environ.get("TFDS_DATA_DIR") or DEFAULT_DATA_DIR).expanduser()


def is_folder(source: str | Path) -> bool:
    """Whether `source` means a folder of photos and not a name (names win)."""
    text = str(source)
    if text in registry.DATA_SETS:
        return False
    return Path(text).exists() or text.startswith((".", "/", "~"))


def check_split(split: str) -> str:
    """Return `split` if it is one of the three, else raise ValueError."""
    if split not in registry.SPLITS:
        raise ValueError(f"split is one of {', '.join(registry.SPLITS)}. Received: {split!r}")
    return split


def size(source: str | Path, split: str, data_dir: str | Path | None = None) -> int:
    """How many images a split of a single source has."""
    check_split(split)
    if is_folder(source):
        return len(photo_folder.read_folder(Path(source).expanduser(), split))
    instruction = _instruction(source, split)
    return builder(source, data_dir).info.splits[instruction].num_examples


def examples(
    source: str | Path,
    split: str,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> Iterator[Example]:
    """The examples of a split of a single source, always in the same order.

    Args:
        source: name of a data set, or path of a folder with a `labels.csv`.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: folder of prepared TFDS data; see `resolve_data_dir`.
        limit: only the first so many.
    """
    check_split(split)
    if is_folder(source):
        photos = photo_folder.read_folder(Path(source).expanduser(), split)
        found = (Example(photo.file, photo.number, photo.path, photo.boxes) for photo in photos)
    else:
        found = _tfds_examples(source, split, builder(source, data_dir))
    return itertools.islice(found, limit)


def examples_of_mix(
    mix: str | Path,
    split: str,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> Iterator[Example]:
    """The examples of a split of a source or a mix, one source after the other.

    The arguments are those of `examples`; `limit` is for each source.
    """
    for part in mixing.parse_mix(mix):
        yield from examples(part.source, split, data_dir, limit)


def untuned(stream):
    """A `tf.data.Dataset` without tf.data's tuning of itself.

    There is nothing to tune where every width is given, and the thread that would sleeps for up to
    a minute at a time: a stream's end, and with it a training's, sometimes waited until it woke.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return stream.with_options(options)


def chunks(stream: Iterator, length: int) -> Iterator[list]:
    """Lists of up to `length` of what a stream gives."""
    while chunk := list(itertools.islice(stream, length)):
        yield chunk


def state(source: str | Path, split: str, data_dir: str | Path | None = None) -> str:
    """Short hash that changes when the data behind a source changes, without reading images."""
    if is_folder(source):
        photos = photo_folder.read_folder(Path(source).expanduser(), split)
        facts = [
            (photo.file, photo.number, str(photo.boxes), stat.st_size, stat.st_mtime_ns)
            for photo in photos
            for stat in [photo.path.stat()]
        ]
    else:
        prepared = builder(source, data_dir)
        counts = [(name, one.num_bytes) for name, one in prepared.info.splits.items()]
        facts = (prepared.info.full_name, _instruction(source, split), counts)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def builder(name: str, data_dir: str | Path | None = None):
    """The TFDS builder of a named data set, prepared: downloads or draws it on first use.

    Returns:
        `tfds.core.DatasetBuilder`.
    """
    return _builder(name, str(resolve_data_dir(data_dir)))


@functools.cache
def _builder(name: str, data_dir: str):
    data_set = registry.describe(name)
    found = _make(data_set, data_dir)
    if not found.is_prepared():
        log.warning("Preparing %s in %s: %s", name, data_dir, data_set.preparing)
        try:
            found.download_and_prepare()
        except OSError:
            # Another process may have prepared the same: TFDS moves no data over what is there.
            found = _make(data_set, data_dir)
            if not found.is_prepared():
                raise
    return found


def _make(data_set: registry.DataSet, data_dir: str):
    import tensorflow_datasets as tfds

    if data_set.module is None:
        return tfds.builder(data_set.name, data_dir=data_dir)
    module = importlib.import_module(data_set.module)
    config = {"config": data_set.config} if data_set.config else {}
    return module.Builder(data_dir=data_dir, **config)


def _instruction(source: str | Path, split: str) -> str:
    splits = registry.describe(str(source)).splits
    if split not in splits:
        raise ValueError(f"{source} has the splits {', '.join(splits)}. Received: {split!r}")
    return splits[split]


def _tfds_examples(name: str, split: str, prepared) -> Iterator[Example]:
    """Read with one file at a time and no shuffling, so that the order is that of preparation."""
    import tensorflow_datasets as tfds

    stream = prepared.as_dataset(
        split=_instruction(name, split),
        shuffle_files=False,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1),
    )
    index = 0
    # In batches, for handing over rows one by one takes TFDS longer than all the rest.
    for rows in untuned(stream.ragged_batch(_ROWS)).as_numpy_iterator():
        if "label" in rows:
            for label, image in zip(rows["label"], rows["image"], strict=True):
                yield Example(f"{name}/{split}/{index:06d}", str(int(label)), image)
                index += 1
        else:
            columns = (rows["id"], rows["number"], rows["image"], rows["digits"]["box"])
            for identity, number, image, boxes in zip(*columns, strict=True):
                own = np.array([*boxes], np.float32).reshape(-1, 4)
                yield Example(identity.decode(), number.decode(), image, own)
