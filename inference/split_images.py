"""The first images of a split, decoded on demand."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import datasets
from datasets import sources
from datasets.crops import crop_pixels
from number_zoo.reader import reduce_large


def random_indices(total: int, count: int) -> np.ndarray:
    """Up to `count` random indices below `total`, without replacement, ascending, and the same at
    each call."""
    return np.sort(np.random.default_rng(0).permutation(total)[:count])


@dataclass(frozen=True)
class SplitImages:
    """The first images of a split, in the order of `datasets.sources.examples`.

    Attributes:
        dataset: name, folder or mix.
        split: its split.
        data_dir: folder of prepared TFDS data.
        limit: maximum number of images of each source, from the first.
    """

    dataset: str
    split: str
    data_dir: str | Path | None = None
    limit: int | None = None

    @functools.cached_property
    def labels(self) -> list[tuple[str, str]]:
        """(id, label) of each image."""
        return datasets.labels(self.dataset, self.split, self.data_dir, self.limit)

    @functools.cached_property
    def texts(self) -> list[str]:
        """The label of each image."""
        return [label for _, label in self.labels]

    def load(
        self, indices: Iterable[int], crop: str = "full", *, reduce: bool = False
    ) -> dict[int, np.ndarray]:
        """Decode the images at some indices.

        Args:
            indices: from 0.
            crop: "full", or a crop around the true digit boxes.
            reduce: whether to reduce large images as a reader does, so that many take less memory.

        Returns:
            uint8 arrays (height, width, 3) by index, in the order of `indices`.
        """
        wanted = list(dict.fromkeys(int(index) for index in indices))
        images: dict[int, np.ndarray] = {}
        stream = sources.examples(self.dataset, self.split, self.data_dir, self.limit)
        for index, example in zip(range(max(wanted, default=-1) + 1), stream, strict=False):
            if index in wanted:
                image, box = example.decode(), example.crop_box(crop)
                image = image if box is None else crop_pixels(image, box)
                images[index] = reduce_large(image)[0] if reduce else image
        return {index: images[index] for index in wanted}
