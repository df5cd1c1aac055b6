"""Examples of a source: a named data set, a folder of photos, or a mixture of these.

Images are encoded; callers decode them in parallel.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from datasets import mixing, photo_folder, registry, tfds_data
from datasets.example import Example


def is_folder(source: str | Path) -> bool:
    """Whether `source` is a folder or table of photos; names of data sets take precedence."""
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


def _describe(name: str, several: bool) -> registry.DataSet:
    """The description of a data set, whose images have at most one number unless `several`."""
    data_set = registry.describe(name)
    if data_set.scenes and not several:
        raise ValueError(
            f"{name} has images with several numbers: a reader of one number trains on other data "
            "sets, such as rendered_numbers; a locator, evaluate.py and examples(several=True) "
            "take all"
        )
    return data_set


def is_scenes(source: str | Path) -> bool:
    """Whether a source, or a part of a mixture, has images with several numbers.

    If a folder leaves bad rows out, two labels of an image without boxes are such rows.
    """
    for part in mixing.parse_mix(source):
        if not is_folder(part.source):
            if registry.describe(part.source).scenes:
                return True
            continue
        several = [e for e in folder_examples(part.source) if len(e.labels) > 1]
        if photo_folder.parse_source(part.source)[1].skip_bad:
            several = [example for example in several if np.isfinite(example.boxes).all()]
        if several:
            return True
    return False


def size(
    source: str | Path,
    split: str,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    *,
    several: bool = False,
) -> int:
    """Number of examples that `examples` yields for the same arguments."""
    check_split(split)
    total = 0
    for part in mixing.parse_mix(source):
        if is_folder(part.source):
            count = len(folder_examples(part.source, split, several))
        else:
            data_set = _describe(part.source, several)
            splits = tfds_data.builder(part.source, data_dir).info.splits
            count = splits[data_set.splits[split]].num_examples
        total += count if limit is None else min(count, limit)
    return total


def examples(
    source: str | Path,
    split: str,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    *,
    several: bool = False,
) -> Iterator[Example]:
    """Yield the examples of a split, always in the same order.

    This function defines the order of images, and thus "the first images" of a source or a mixture,
    for labels, fingerprints and pipelines.

    Args:
        source: name of a data set, path of a folder or table, or a mixture of these (`"A:2,B:1"`),
            whose sources follow each other; weights have no effect.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: folder of prepared TFDS data; see `tfds_data.resolve_data_dir`.
        limit: maximum number of examples of each source, from the first.
        several: whether images may have several numbers; an error otherwise.
    """
    check_split(split)
    for part in mixing.parse_mix(source):
        if is_folder(part.source):
            stream = folder_examples(part.source, split, several)
        else:
            stream = tfds_data.read(_describe(part.source, several), split, data_dir)
        yield from itertools.islice(stream, limit)


def folder_examples(
    source: str | Path, split: str | None = None, several: bool = True
) -> list[Example]:
    """Read the examples of a folder or table, in order.

    The arguments and errors are those of `photo_folder.read_folder`.
    """
    images: dict[Path, list[photo_folder.Photo]] = {}
    for photo in photo_folder.read_folder(source, split, several):
        images.setdefault(photo.path, []).append(photo)
    stream = []
    for path, photos in images.items():
        numbers = [photo for photo in photos if photo.label]
        labels, boxes = [photo.label for photo in numbers], [photo.box for photo in numbers]
        turns = [photo.turn for photo in numbers]
        stream.append(Example(photos[0].file, path, labels, boxes, turns))
    return stream


def defaults(source: str | Path) -> dict[str, Any]:
    """Default `image_size`, `channels` and `max_digits` of a source; the largest ones of a mixture.

    For a folder, `max_digits` is the length of its longest label over all splits, and at least 2
    unless every image shows exactly one digit; size and channels are those of
    `rendered_numbers`.

    Raises:
        FileNotFoundError: if a folder or its labels do not exist.
        ValueError: if a name is unknown or labels are invalid.
    """
    names = [part.source for part in mixing.parse_mix(source)]
    data_sets = [
        registry.describe("rendered_numbers" if is_folder(name) else name) for name in names
    ]
    return {
        "image_size": max((data_set.image_size for data_set in data_sets), key=math.prod),
        "channels": max(data_set.channels for data_set in data_sets),
        "max_digits": max(
            _longest_label(name) if is_folder(name) else data_set.max_digits
            for name, data_set in zip(names, data_sets, strict=True)
        ),
    }


def _longest_label(folder: str) -> int:
    lengths = {len(photo.label) for photo in photo_folder.read_folder(folder)}
    return 1 if lengths == {1} else max(2, *lengths)


def labels(
    source: str | Path,
    split: str,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> list[tuple[str, str]]:
    """Id and label of each image of a split, in the order of `load`.

    The arguments are those of `examples`.
    """
    stream = examples(source, split, data_dir, limit)
    return [(example.id, example.label) for example in stream]


def fingerprint(source: str | Path, split: str, data_dir: str | Path | None = None) -> str:
    """Fingerprint of the ids, labels and images of a split: 16 hexadecimal digits.

    It reads every image, but only once per process as long as the data do not change.
    """
    parts = mixing.parse_mix(source)
    states = tuple(state(part.source, split, data_dir) for part in parts)
    return _fingerprint(str(source), split, data_dir, states)


@functools.cache
def _fingerprint(source: str, split: str, data_dir, states: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    several = is_scenes(source)
    for example in examples(source, split, data_dir, several=several):
        label = example.label
        if several:
            label = (example.labels, example.boxes.tolist(), example.turns.tolist())
        digest.update(repr((example.id, label, example.digest())).encode())
    return digest.hexdigest()[:16]


def label_digests(source: str | Path, split: str) -> dict[str, str]:
    """Digest of the labels of each folder in a mixture, by its name and the split; reads no images.

    It ends with a digest of the sizes of the files, so that replaced images are noticed. Copies of
    a folder have the same digests, since times of files do not count.
    """
    digests = {}
    for part in mixing.parse_mix(source):
        if is_folder(part.source):
            photos = folder_examples(part.source, split)
            facts = [
                (photo.id, photo.labels, photo.boxes.tolist(), photo.turns.tolist())
                for photo in photos
            ]
            sizes = [photo.image.stat().st_size for photo in photos]
            digests[f"{part.source} {split}"] = f"{_short_hash(facts)} {_short_hash(sizes)}"
    return digests


def _short_hash(facts: Any) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def state(source: str, split: str, data_dir: str | Path | None = None) -> str:
    """Short hash that changes if the data of a single source change; reads no images."""
    if is_folder(source):
        photos = photo_folder.read_folder(source, split, several=True)
        stats = [photo.path.stat() for photo in photos]
        facts = [
            (photo.file, photo.label, str(photo.boxes), photo.turn, stat.st_size, stat.st_mtime_ns)
            for photo, stat in zip(photos, stats, strict=True)
        ]
    else:
        info = tfds_data.builder(source, data_dir).info
        sizes = [(name, split_info.num_bytes) for name, split_info in info.splits.items()]
        facts = (info.full_name, registry.describe(source).splits[split], sizes)
    return _short_hash(facts)
