"""Check an exported file: run it on images and compare it with the graph that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

import labels
from exporting.formats import FLOAT16, INT8, Run
from exporting.sample import Sample
from inference.graph import CONFIDENCE
from inference.reader import Reader
from labels import DIGITS, LENGTH

MIN_CONFIDENCE = 0.5
"""Readings of at least this confidence must not change. Below it two numbers can be so close that
the rounding of a weight decides between them."""

MAX_LOST = 0.01
"""Sequence accuracy that eight-bit weights may cost."""


class ExportError(Exception):
    """An exported file does not read what its graph reads."""


class Tolerance(NamedTuple):
    """How far a file may differ from its graph."""

    confidence: float
    """Difference of a confidence."""
    exceeding: float
    """Fraction of the images in which it may be larger: a box decides on further glimpses."""
    changed: float
    """Fraction of the readings of at least `MIN_CONFIDENCE` that may change."""


TOLERANCE = {None: Tolerance(0.01, 0.01, 0.0), FLOAT16: Tolerance(0.05, 0.05, 0.01)}
"""By quantization. With `INT8` only the sequence accuracy counts."""


@dataclass(frozen=True)
class Check:
    """Result of a check.

    Attributes:
        source: the images.
        images: their number.
        equal: images in which file and graph read the same number.
        confident: images that the graph reads with at least `MIN_CONFIDENCE`.
        confident_equal: how many of these the file reads the same.
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
    outputs = [run(image[None]) for image in sample.images]
    _check_batch(run, sample.images[0])
    numbers = [labels.decode(int(o[LENGTH][0]), o[DIGITS][0]) for o in outputs]
    confidences = np.array([o[CONFIDENCE][0] for o in outputs], np.float64)
    expected = reader.predict(sample.images).decoded
    expected_numbers = expected.numbers()
    expected_confidences = np.exp(expected.log_probability)
    tolerance = TOLERANCE.get(quantize, TOLERANCE[FLOAT16])
    equal = np.array([a == b for a, b in zip(numbers, expected_numbers, strict=True)])
    confident = expected_confidences >= MIN_CONFIDENCE
    difference = np.abs(confidences - expected_confidences)
    result = Check(
        source=sample.source,
        images=len(equal),
        equal=int(equal.sum()),
        confident=int(confident.sum()),
        confident_equal=int((confident & equal).sum()),
        max_difference=float(difference.max()),
        exceeding=int((~(difference <= tolerance.confidence)).sum()),  # counts NaN, too
        accuracy=_accuracy(numbers, sample),
        graph_accuracy=_accuracy(expected_numbers, sample),
    )
    if quantize == INT8:
        _check_accuracy(result)
    else:
        _check_agreement(result, tolerance)
    return result


def _check_agreement(result: Check, tolerance: Tolerance) -> None:
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


def _check_accuracy(result: Check) -> None:
    if result.accuracy < result.graph_accuracy - MAX_LOST:
        raise ExportError(
            f"the sequence accuracy is {result.accuracy:.2%} with eight-bit weights and "
            f"{result.graph_accuracy:.2%} in Keras ({result.images} images, {result.source}); "
            f"accepted is a loss of {MAX_LOST:.0%}"
        )


def _accuracy(numbers: list[str], sample: Sample) -> float:
    return float(np.mean([a == b for a, b in zip(numbers, sample.labels, strict=True)]))


def _check_batch(run: Run, image: np.ndarray) -> None:
    """An image must give the same outputs alone and in a batch."""
    alone = run(image[None])
    batch = run(np.stack([255 - image, image, image[:, ::-1]]))
    for name, values in batch.items():
        if len(values) != 3 or not np.allclose(values[1], alone[name][0], rtol=0.01, atol=0.01):
            raise ExportError(
                f"the output {name} of an image is {alone[name][0]} alone and {values[1:2]} in a "
                "batch"
            )
