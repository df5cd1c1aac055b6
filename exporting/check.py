"""Check an exported file: run it on images and compare it with the original graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exporting.formats import FLOAT16, INT8, Run
from exporting.sample import Sample
from inference.locator import Locator
from inference.reader import Reader
from models.locator_metrics import overlaps
from number_zoo.locator import MIN_SCORE
from number_zoo.names import BOXES, CONFIDENCE, IMAGES, SCORES, TURNS
from number_zoo.predictions import Predictions

MIN_CONFIDENCE = 0.5
"""Readings of at least this confidence must not change. Below it, two numbers can be so close that
the rounding of weights decides between them."""

MAX_LOST = 0.01
"""Maximum loss of sequence accuracy by eight-bit weights."""


class ExportError(RuntimeError):
    """An exported file cannot be written or run, or does not read what its graph reads."""


class Tolerance(NamedTuple):
    """Accepted differences between a file and its graph."""

    confidence: float
    """Maximum difference of a confidence."""
    exceeding: float
    """Maximum fraction of images with a larger difference, since boxes decide on further
    glimpses."""
    changed: float
    """Maximum fraction of readings of at least `MIN_CONFIDENCE` that change."""


TOLERANCE = {None: Tolerance(0.01, 0.01, 0.0), FLOAT16: Tolerance(0.05, 0.05, 0.01)}
"""Tolerances by quantization. For `INT8`, only the sequence accuracy is compared."""


class LocatorTolerance(NamedTuple):
    """Accepted differences between the file of a locator and its graph.

    Rounding can decide which of two overlapping boxes remains.
    """

    compared: float
    """Minimum score of the boxes that are compared."""
    difference: float
    """Maximum difference of a score."""
    changed: float
    """Maximum fraction of boxes without a counterpart."""


LOCATOR_TOLERANCE = {
    None: LocatorTolerance(0.0, 0.01, 0.01),
    FLOAT16: LocatorTolerance(0.0, 0.05, 0.05),
    INT8: LocatorTolerance(MIN_SCORE, 0.3, 0.1),
}
"""Tolerances by quantization."""

_COMPARED, _SAME_BOX = 20, 0.9
"""Number of boxes of each image that are compared, those with the highest scores, and minimum
overlap of two equal boxes."""


@dataclass(frozen=True)
class Check:
    """Result of a check.

    Attributes:
        source: the images.
        images: their number.
        equal: images in which file and graph read the same number.
        confident: images that the graph reads with at least `MIN_CONFIDENCE`.
        confident_equal: number of these that the file reads in the same way.
        max_difference: largest difference of the confidences.
        exceeding: images in which the difference exceeds the tolerance.
        accuracy: sequence accuracy of the file.
        graph_accuracy: sequence accuracy of the graph.
    """

    source: str
    images: int
    equal: int
    confident: int
    confident_equal: int
    max_difference: float
    exceeding: int
    accuracy: float
    graph_accuracy: float


def check(run: Run, reader: Reader, sample: Sample, quantize: str | None) -> Check:
    """Run a file on images and compare it with the inference graph in Keras.

    Args:
        run: the opened file.
        reader: the model with the graph.
        sample: images and labels.
        quantize: how the weights are stored, which sets the tolerance.

    Raises:
        ExportError: if readings or confidences differ by more than the tolerance, or an image is
            read differently in a batch.
    """
    images = sample.images
    of_file = Predictions.concatenate([Predictions(run(image[None])) for image in images])
    tolerance = TOLERANCE.get(quantize, TOLERANCE[FLOAT16])
    if quantize == INT8:  # rounding to 8 bits magnifies sums that differ in their last bits
        _check_batch(run, images[0], [CONFIDENCE], tolerance.confidence)
    else:
        _check_batch(run, images[0])
    of_graph = reader.predict(images)
    numbers, expected_numbers = of_file.decoded.numbers(), of_graph.decoded.numbers()
    confidence, expected_confidence = (p.arrays[CONFIDENCE] for p in (of_file, of_graph))
    equal = np.equal(numbers, expected_numbers)
    confident = expected_confidence >= MIN_CONFIDENCE
    difference = np.abs(confidence - expected_confidence)
    result = Check(
        source=sample.source,
        images=len(images),
        equal=int(equal.sum()),
        confident=int(confident.sum()),
        confident_equal=int((confident & equal).sum()),
        max_difference=float(difference.max()),
        exceeding=int((~(difference <= tolerance.confidence)).sum()),  # also counts NaN
        accuracy=float(np.equal(numbers, sample.labels).mean()),
        graph_accuracy=float(np.equal(expected_numbers, sample.labels).mean()),
    )
    if quantize == INT8:
        if result.accuracy < result.graph_accuracy - MAX_LOST:
            raise ExportError(
                f"the sequence accuracy is {result.accuracy:.2%} with eight-bit weights and "
                f"{result.graph_accuracy:.2%} in Keras ({result.images} images, {result.source}); "
                f"accepted is a loss of {MAX_LOST:.0%}"
            )
        return result
    changed = result.confident - result.confident_equal
    if changed > tolerance.changed * result.confident:
        raise ExportError(
            f"the file reads {changed} of {result.confident} images differently from Keras, where "
            f"their confidence is {MIN_CONFIDENCE:.0%} or more (accepted: {tolerance.changed:.0%})"
        )
    if result.exceeding > tolerance.exceeding * result.images:
        raise ExportError(
            f"the confidences of the file differ from those of Keras by more than "
            f"{tolerance.confidence:g} in {result.exceeding} of {result.images} images (accepted: "
            f"{tolerance.exceeding:.0%}), by up to {result.max_difference:.3g}"
        )
    return result


def _check_batch(
    run: Run, image: np.ndarray, names: Sequence[str] | None = None, tolerance: float = 0.01
) -> None:
    """Check that outputs (by default all) of an image are the same alone and in a batch."""
    alone = run(image[None])
    batch = run(np.stack([255 - image, image, image[:, ::-1]]))
    for name in names or batch:
        values = batch[name]
        same = np.allclose(values[1:2], alone[name], rtol=tolerance, atol=tolerance)
        if len(values) != 3 or not same:
            raise ExportError(
                f"the output {name} of an image is {alone[name][0]} alone and {values[1:2]} in a "
                "batch"
            )


@dataclass(frozen=True)
class LocatorCheck:
    """Result of a check of a locator.

    Attributes:
        source: the images.
        images: their number.
        boxes: number of boxes of file and graph that were compared.
        equal: number of boxes with a counterpart in the other set, with the same turn.
        max_difference: maximum difference of their scores.
    """

    source: str
    images: int
    boxes: int
    equal: int
    max_difference: float


def check_locator(run: Run, locator: Locator, sample: Sample, quantize: str | None) -> LocatorCheck:
    """Run the file of a locator on images and compare it with the graph in Keras.

    Args:
        run: the opened file.
        locator: the model with the graph.
        sample: images.
        quantize: how the weights are stored, which sets the tolerance.

    Raises:
        ExportError: if boxes or scores differ by more than the tolerance.
    """
    boxes = equal = 0
    differences = [0.0]
    tolerance = LOCATOR_TOLERANCE[quantize]
    for image in sample.images:
        of_file, of_graph = run(image[None]), locator.backend({IMAGES: image[None]})
        for a, b in ((of_file, of_graph), (of_graph, of_file)):
            scores, others = a[SCORES][0][:_COMPARED], b[SCORES][0]
            scores = scores[(scores > 0) & (scores >= tolerance.compared)]
            if not len(scores):
                continue
            overlap, _ = overlaps(a[BOXES][0][: len(scores)], b[BOXES][0])
            overlap[:, others <= 0] = 0
            nearest = overlap.argmax(axis=1)
            same = overlap.max(axis=1) >= _SAME_BOX
            same &= a[TURNS][0][: len(scores)] == b[TURNS][0][nearest]
            boxes += len(scores)
            equal += int(same.sum())
            differences += np.abs(scores - others[nearest])[same].tolist()
    result = LocatorCheck(
        sample.source, len(sample.images), boxes, equal, float(np.max(differences))
    )
    changed = boxes - equal
    if changed > tolerance.changed * boxes:
        raise ExportError(
            f"{changed} of {boxes} boxes of file and Keras have no counterpart in the other "
            f"(accepted: {tolerance.changed:.0%})"
        )
    if not result.max_difference <= tolerance.difference:
        raise ExportError(
            f"the scores of the file differ from those of Keras by up to "
            f"{result.max_difference:.3g} (accepted: {tolerance.difference:g})"
        )
    return result
