"""Decoded images of a split, by their index in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from datasets import sources
from datasets.images import cut, decode_image


def random_indices(total: int, count: int, seed: int = 0) -> np.ndarray:
    """Up to `count` indices below `total`, chosen at random without replacement, ascending."""
    return np.sort(np.random.default_rng(seed).permutation(total)[:count])


def load_images(
    dataset: str,
    split: str,
    indices: Iterable[int],
    *,
    crop: str = "full",
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> dict[int, np.ndarray]:
    """Decode some images of a split; the others are not decoded.

    Args:
        dataset: name, folder or mix.
        split: its split.
        indices: from 0, in the order of `datasets.numbers` with the same `limit`.
        crop: "full", or a crop around the true digit boxes.
        data_dir: folder of prepared TFDS data.
        limit: as that of `datasets.numbers`, which decides what an index means in a mix.

    Returns:
        uint8 arrays (height, width, 3) by index, in the order of `indices`.
    """
    wanted = list(dict.fromkeys(int(index) for index in indices))
    missing, images = set(wanted), {}
    for index, example in enumerate(sources.examples_of_mix(dataset, split, data_dir, limit)):
        if not missing:
            break
        if index in missing:
            missing.remove(index)
            images[index] = _decode(example, crop)
    return {index: images[index] for index in wanted}


def _decode(example: sources.Example, crop: str) -> np.ndarray:
    image = decode_image(example.read(), name=example.id)
    box = example.crop_box(crop)
    return image if box is None else cut(image, box)
