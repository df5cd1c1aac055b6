"""The images that an exported file is checked and calibrated with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.split_images import SplitImages, random_indices

DRAWN = "drawn images"


@dataclass(frozen=True)
class Sample:
    """Images with their numbers.

    Attributes:
        source: where they come from.
        images: uint8 (height, width, 3), RGB, of any size.
        numbers: what is to be read in each.
    """

    source: str
    images: list[np.ndarray]
    numbers: list[str]


def take(
    dataset: str | None,
    split: str,
    count: int,
    max_digits: int,
    data_dir: str | Path | None = None,
) -> Sample:
    """Take images of a data set, or draw some.

    Args:
        dataset: name, folder or mix; None for drawn images, half of them close to the number
            and half with much around it.
        split: of the data set; drawn images differ from split to split, too.
        count: how many, at most.
        max_digits: most digits of a drawn number.
        data_dir: where TFDS data lies.

    Raises:
        ValueError: if the data set is unknown or has no images in that split.
    """
    if dataset is None:
        return _draw(split, count, max_digits)
    images = SplitImages(dataset, split, data_dir)
    if not images.labels:
        raise ValueError(f"{dataset} has no images in its split {split!r}")
    decoded = images.load(random_indices(len(images.labels), count))
    return Sample(
        f"{dataset}, {split} split",
        list(decoded.values()),
        [images.texts[index] for index in decoded],
    )


def _draw(split: str, count: int, max_digits: int) -> Sample:
    from datasets.rendered_numbers.rendering import render
    from datasets.rendered_numbers.styles import DEFAULT, WIDE

    styles = [
        dataclasses.replace(
            style,
            no_number=style.no_number if max_digits > 1 else 0.0,
            lengths=tuple(one for one in style.lengths if one[1] <= max_digits),
        )
        for style in (DEFAULT, WIDE)
    ]
    seed = {"train": 2001, "validation": 2002, "test": 2003}[split]
    drawn = [render(seed, index, styles[index % 2]) for index in range(count)]
    return Sample(DRAWN, [one.image for one in drawn], [one.label for one in drawn])
