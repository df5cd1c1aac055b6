"""Defaults, labels, hashes and fingerprints of a source or a mix."""

from __future__ import annotations

import functools
import hashlib
import math
from pathlib import Path
from typing import Any

from datasets import mixing, photo_folder, registry, scenes, sources


def defaults(source: str | Path) -> dict[str, Any]:
    """Default `image_size`, `channels` and `max_digits` of a source, the largest of a mix.

    For a folder, `max_digits` is the length of its longest label over all splits, and at least 2
    unless every image shows exactly one digit; size and channels are those of
    `rendered_numbers`.

    Raises:
        FileNotFoundError: if a folder or its `labels.csv` does not exist.
        ValueError: if a name is unknown or a `labels.csv` is invalid.
    """
    names = [part.source for part in mixing.parse_mix(source)]
    data_sets = [
        registry.describe("rendered_numbers" if sources.is_folder(name) else name) for name in names
    ]
    return {
        "image_size": max((data_set.image_size for data_set in data_sets), key=math.prod),
        "channels": max(data_set.channels for data_set in data_sets),
        "max_digits": max(
            _longest_label(name) if sources.is_folder(name) else data_set.max_digits
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

    The arguments are those of `sources.examples`.
    """
    stream = sources.examples(source, split, data_dir, limit)
    return [(example.id, example.label) for example in stream]


def image_hashes(
    source: str | Path,
    split: str,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> list[str]:
    """SHA-256 of each encoded image of a split, to find images that two splits have.

    The arguments are those of `sources.examples`.
    """
    stream = sources.examples(source, split, data_dir, limit)
    return [hashlib.sha256(example.read()).hexdigest() for example in stream]


def fingerprint(source: str | Path, split: str, data_dir: str | Path | None = None) -> str:
    """16 hexadecimal digits that identify the ids, labels and images of a split.

    Reads every image, but only once per process while the data do not change.
    """
    parts = mixing.parse_mix(source)
    states = tuple(sources.state(part.source, split, data_dir) for part in parts)
    return _fingerprint(str(source), split, data_dir, states)


@functools.cache
def _fingerprint(source: str, split: str, data_dir, states: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    if scenes.is_scenes(source):
        stream = (
            (example, (example.labels, example.boxes.tolist(), example.turns.tolist()))
            for example in scenes.scene_examples(source, split, data_dir)
        )
    else:
        stream = ((e, e.label) for e in sources.examples(source, split, data_dir))
    for example, label in stream:
        image = hashlib.sha256(example.read()).hexdigest()
        digest.update(repr((example.id, label, image)).encode())
    return digest.hexdigest()[:16]
