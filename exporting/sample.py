"""Images for the check of an exported file; never those of a test split."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

import datasets
from artifacts.environment import relative_paths
from inference.split_images import SplitImages, random_indices

_SEED = 2002
_SCALES = (1.0, 0.31, 1.7)
"""Factors by which scenes are resized in turn: to small and large sizes, which are not multiples of
a locator's stride."""


@dataclass(frozen=True)
class Sample:
    """Images, with labels where they have one number each.

    Attributes:
        source: origin of the images.
        images: uint8 (height, width, 3), RGB, of any size.
        labels: the digits in each image; empty for scenes.
    """

    source: str
    images: list[np.ndarray]
    labels: list[str] = field(default_factory=list)


def take(
    dataset: str | None, count: int, max_digits: int, data_dir: str | Path | None = None
) -> Sample:
    """Take images of the validation split of a data set, or render some.

    Args:
        dataset: name, folder or mixture; None for rendered images, half of them close crops.
        count: the number of images, at most.
        max_digits: most digits of a rendered number.
        data_dir: folder of prepared TFDS data.

    Raises:
        ValueError: if the data set is unknown or its validation split is empty.
    """
    if dataset is None:
        return _render(count, max_digits)
    split = SplitImages(dataset, "validation", data_dir)
    images = split.load(random_indices(len(split.labels), count), reduce=True)
    return _of_validation(dataset, list(images.values()), [split.texts[index] for index in images])


def take_scenes(dataset: str | None, count: int, data_dir: str | Path | None = None) -> Sample:
    """Take images with any number of numbers, in several sizes and without labels; see `take`."""
    if dataset is None:
        from datasets.rendered_scenes.rendering import render_scene

        scenes = [render_scene(_SEED, index).image for index in range(count)]
        return Sample("rendered scenes", _of_several_sizes(scenes))
    examples = datasets.examples(dataset, "validation", data_dir, several=True)
    scenes = [example.decode() for example in itertools.islice(examples, count)]
    return _of_validation(dataset, _of_several_sizes(scenes))


def _of_validation(dataset: str, images: list[np.ndarray], *labels: list[str]) -> Sample:
    if not images:
        raise ValueError(
            f"{dataset} has no validation images to check with: name another --dataset, or none "
            "for rendered images"
        )
    return Sample(f"{relative_paths(dataset)}, validation split", images, *labels)


def _of_several_sizes(images: list[np.ndarray]) -> list[np.ndarray]:
    resized = []
    for image, factor in zip(images, itertools.cycle(_SCALES), strict=False):
        size = [max(8, round(factor * side)) for side in image.shape[1::-1]]
        resized.append(np.asarray(Image.fromarray(image).resize(size)))
    return resized


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
    labels = [image.label for image in images]
    return Sample("rendered images", [image.image for image in images], labels)
