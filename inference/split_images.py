"""The first images of a split, decoded on demand."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import datasets
from datasets import Example, sources
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
    ) -> Mapping[int, np.ndarray]:
        """Read the images at some indices.

        Args:
            indices: from 0.
            crop: "full", or a crop around the true digit boxes.
            reduce: whether to reduce large images as a reader does.

        Returns:
            uint8 arrays (height, width, 3) by index, in the order of `indices`. Each is decoded
            whenever it is accessed, since together large photos do not fit in memory.
        """
        wanted = list(dict.fromkeys(int(index) for index in indices))
        stream = sources.examples(self.dataset, self.split, self.data_dir, self.limit)
        numbered = zip(range(max(wanted, default=-1) + 1), stream, strict=False)
        examples = {index: example for index, example in numbered if index in wanted}
        return _Decoded({index: examples[index] for index in wanted}, crop, reduce)


@dataclass(frozen=True, eq=False)
class _Decoded(Mapping[int, np.ndarray]):
    examples: dict[int, Example]
    crop: str
    reduce: bool

    def __getitem__(self, index: int) -> np.ndarray:
        example = self.examples[index]
        image, box = example.decode(), example.crop_box(self.crop)
        image = image if box is None else crop_pixels(image, box)
        return reduce_large(image)[0] if self.reduce else image

    def __iter__(self) -> Iterator[int]:
        return iter(self.examples)

    def __len__(self) -> int:
        return len(self.examples)
