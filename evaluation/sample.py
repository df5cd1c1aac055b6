"""Some images of a split, decoded, by their places in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from datasets import sources
from datasets.images import cut, decode_image


def load_images(
    dataset: str,
    split: str,
    indices: Iterable[int],
    *,
    crop: str = "full",
    data_dir: str | Path | None = None,
) -> dict[int, np.ndarray]:
    """Decode the images at some places of a split; the others are not decoded.

    Args:
        dataset: name, folder or mix.
        split: its split.
        indices: places, from 0, in the order of `datasets.numbers`.
        crop: "full", or a crop around the true digit boxes.
        data_dir: where TFDS data lies.

    Returns:
        uint8 arrays (height, width, 3) by place, in the order of the indices.
    """
    wanted = list(dict.fromkeys(int(index) for index in indices))
    missing = set(wanted)
    found: dict[int, np.ndarray] = {}
    for index, example in enumerate(sources.examples_of_mix(dataset, split, data_dir)):
        if not missing:
            break
        if index in missing:
            missing.remove(index)
            found[index] = _decode(example, crop)
    return {index: found[index] for index in wanted}


def _decode(example: sources.Example, crop: str) -> np.ndarray:
    image = decode_image(example.read(), name=example.id)
    box = example.crop_box(crop)
    return image if box is None else cut(image, box)
