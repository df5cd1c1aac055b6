"""The images that an exported file is checked and calibrated with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import datasets
from evaluation import sheet
from evaluation.sample import load_images

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
    numbers = datasets.numbers(dataset, split, data_dir)
    if not numbers:
        raise ValueError(f"{dataset} has no images in its split {split!r}")
    chosen = sheet.choose(len(numbers), count)
    images = load_images(dataset, split, chosen, data_dir=data_dir)
    return Sample(
        f"{dataset}, {split} split",
        list(images.values()),
        [numbers[index][1] for index in images],
    )


def _draw(split: str, count: int, max_digits: int) -> Sample:
    from datasets.rendered_numbers.drawing import draw
    from datasets.rendered_numbers.style import DEFAULT, WIDE

    styles = [
        dataclasses.replace(
            style,
            absent=style.absent if max_digits > 1 else 0.0,
            lengths=tuple(one for one in style.lengths if one[1] <= max_digits),
        )
        for style in (DEFAULT, WIDE)
    ]
    seed = {"train": 2001, "validation": 2002, "test": 2003}[split]
    drawn = [draw(seed, index, styles[index % 2]) for index in range(count)]
    return Sample(DRAWN, [one.image for one in drawn], [one.number for one in drawn])
