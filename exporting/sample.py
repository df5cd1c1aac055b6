"""Images to check an exported file with; never those of a test split."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.split_images import SplitImages, random_indices

RENDERED = "rendered images"
_SEED = 2002


@dataclass(frozen=True)
class Sample:
    """Images with labels.

    Attributes:
        source: where they come from.
        images: uint8 (height, width, 3), RGB, of any size.
        labels: the digits in each.
    """

    source: str
    images: list[np.ndarray]
    labels: list[str]


def take(
    dataset: str | None, count: int, max_digits: int, data_dir: str | Path | None = None
) -> Sample:
    """Take images of the validation split of a data set, or render some.

    Args:
        dataset: name, folder or mix; None for rendered images, half of them close to the number.
        count: the number of images, at most.
        max_digits: most digits of a rendered number.
        data_dir: folder of prepared TFDS data.

    Raises:
        ValueError: if the data set is unknown or its validation split is empty.
    """
    if dataset is None:
        return _render(count, max_digits)
    split = SplitImages(dataset, "validation", data_dir)
    if not split.labels:
        raise ValueError(
            f"{dataset} has no validation images to check with: name another --dataset, or none "
            "for rendered images"
        )
    images = split.load(random_indices(len(split.labels), count))
    texts = [split.texts[index] for index in images]
    return Sample(f"{dataset}, validation split", list(images.values()), texts)


def _render(count: int, max_digits: int) -> Sample:
    from datasets.rendered_numbers.rendering import render
    from datasets.rendered_numbers.styles import DEFAULT, WIDE

    styles = [
        dataclasses.replace(
            style,
            no_number=style.no_number if max_digits > 1 else 0.0,
            lengths=tuple(length for length in style.lengths if length[1] <= max_digits),
        )
        for style in (DEFAULT, WIDE)
    ]
    images = [render(_SEED, index, styles[index % 2]) for index in range(count)]
    return Sample(RENDERED, [image.image for image in images], [image.label for image in images])
