"""Export a locator: its images, and the check of its file."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import datasets
from exporting.check import ExportError
from exporting.formats import FLOAT16, Run
from inference.locator import Locator
from models.locator_metrics import overlaps
from number_zoo.images import decode_image
from number_zoo.names import BOXES, IMAGES, SCORES, TURNS

RENDERED = "rendered scenes"
_SEED = 2002
_SCALES = (1.0, 0.31, 1.7)
"""Factors by which images are resized in turn: sizes of few and of many pixels, and of no multiple
of the stride."""
_COMPARED = 20
"""Boxes of each image that are compared, those of the highest scores."""
_SAME_BOX = 0.9
_TOLERANCE = {None: 0.01, FLOAT16: 0.05}
"""Most difference of a score, by quantization, and most fraction of boxes that may change: of two
that overlap, rounding can decide which remains."""


@dataclass(frozen=True)
class LocatorCheck:
    """Result of a check.

    Attributes:
        source: the images.
        images: their number.
        boxes: boxes of file and graph that were compared.
        equal: boxes that the other has as well, with the same turn.
        max_difference: largest difference of the scores of these.
    """

    source: str
    images: int
    boxes: int
    equal: int
    max_difference: float


def take(
    dataset: str | None, count: int, data_dir: str | Path | None = None
) -> tuple[str, list[np.ndarray]]:
    """Take images of the validation split of a data set, or render scenes, of several sizes.

    Returns:
        Where they come from, and the images, uint8 (height, width, 3).

    Raises:
        ValueError: if the data set is unknown or its validation split is empty.
    """
    if dataset is None:
        from datasets.rendered_scenes.rendering import render_scene

        stream = (render_scene(_SEED, index).image for index in itertools.count())
    else:
        examples = datasets.examples(dataset, "validation", data_dir, several=True)
        stream = (decode_image(example.image) for example in examples)
    images = list(itertools.islice(stream, count))
    if not images:
        raise ValueError(
            f"{dataset} has no validation images to check with: name another --dataset, or none "
            "for rendered scenes"
        )
    images = [_resize(image, _SCALES[n % len(_SCALES)]) for n, image in enumerate(images)]
    return RENDERED if dataset is None else f"{dataset}, validation split", images


def _resize(image: np.ndarray, factor: float) -> np.ndarray:
    size = [max(8, round(factor * side)) for side in image.shape[1::-1]]
    return np.asarray(Image.fromarray(image).resize(size))


def check(
    run: Run, locator: Locator, source: str, images: list[np.ndarray], quantize: str | None
) -> LocatorCheck:
    """Run a file on images and compare it with the graph in Keras.

    Args:
        run: the opened file.
        locator: the model with the graph.
        source: where the images come from.
        images: uint8 (height, width, 3), of any size.
        quantize: how the weights are stored, which sets the tolerance.

    Raises:
        ExportError: if boxes or scores differ by more than the tolerance.
    """
    counts, equal, differences = [], [], [0.0]
    for image in images:
        of_file, of_graph = run(image[None]), locator.backend({IMAGES: image[None]})
        for a, b in ((of_file, of_graph), (of_graph, of_file)):
            compared, same, difference = _compare(a, b)
            counts.append(compared)
            equal.append(same)
            differences.append(difference)
    result = LocatorCheck(source, len(images), sum(counts), sum(equal), float(np.max(differences)))
    changed, tolerance = result.boxes - result.equal, _TOLERANCE[quantize]
    if changed > tolerance * result.boxes:
        raise ExportError(
            f"{changed} of {result.boxes} boxes of file and Keras have no equal in the other "
            f"(accepted: {tolerance:.0%})"
        )
    if not result.max_difference <= tolerance:
        raise ExportError(
            f"the scores of the file differ from those of Keras by up to "
            f"{result.max_difference:.3g} (accepted: {tolerance:g})"
        )
    return result


def _compare(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> tuple[int, int, float]:
    """How many boxes of `a` are compared, how many of them `b` has, and the largest difference of
    the scores of these."""
    scores, others = a[SCORES][0][:_COMPARED], b[SCORES][0]
    count = int((scores > 0).sum())
    if not count:
        return 0, 0, 0.0
    overlap, _ = overlaps(a[BOXES][0][:count], b[BOXES][0])
    overlap[:, others <= 0] = 0
    nearest = overlap.argmax(axis=1)
    same = overlap.max(axis=1) >= _SAME_BOX
    same &= a[TURNS][0][:count] == b[TURNS][0][nearest]
    return (
        count,
        int(same.sum()),
        float(np.abs(scores[:count] - others[nearest])[same].max(initial=0)),
    )
