"""What a source holds, before anything is made of it: sizes, numbers, fingerprints."""

from __future__ import annotations

import functools
import hashlib
import math
from pathlib import Path

from datasets import mixing, registry, sources


def defaults(source: str | Path) -> dict:
    """`image_size`, `channels` and `max_digits` that suit a source or hold all of a mix."""
    found = [
        registry.describe("rendered_numbers" if sources.is_folder(part.source) else part.source)
        for part in mixing.parse_mix(source)
    ]
    return {
        "image_size": max((one.image_size for one in found), key=math.prod),
        "channels": max(one.channels for one in found),
        "max_digits": max(one.max_digits for one in found),
    }


def size(source: str | Path, split: str, data_dir: str | Path | None = None) -> int:
    """How many images a split of a source has, or of all sources of a mix."""
    return sum(sources.size(part.source, split, data_dir) for part in mixing.parse_mix(source))


def numbers(
    source: str | Path,
    split: str,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> list[tuple[str, str]]:
    """Id and number of each image of a split, in the order of `load`."""
    return [
        (example.id, example.number)
        for example in sources.examples_of_mix(source, split, data_dir, limit)
    ]


def image_hashes(
    source: str | Path, split: str, data_dir: str | Path | None = None
) -> dict[str, str]:
    """Id to SHA-256 of the encoded image, of a split: to find images that two splits share."""
    return {
        example.id: hashlib.sha256(example.read()).hexdigest()
        for example in sources.examples_of_mix(source, split, data_dir)
    }


def fingerprint(source: str | Path, split: str, data_dir: str | Path | None = None) -> str:
    """16 hexadecimal digits that stand for the ids, numbers and images of a split.

    Every image is read for it, once in a process while the data stays as it is.
    """
    parts = mixing.parse_mix(source)
    states = tuple(sources.state(part.source, split, data_dir) for part in parts)
    return _fingerprint(str(source), split, data_dir, states)


@functools.cache
def _fingerprint(source: str, split: str, data_dir, states: tuple[str, ...]) -> str:
    whole = hashlib.sha256()
    for example in sources.examples_of_mix(source, split, data_dir):
        image = hashlib.sha256(example.read()).hexdigest()
        whole.update(repr((example.id, example.number, image)).encode())
    return whole.hexdigest()[:16]
