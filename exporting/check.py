"""Whether an exported file reads what it should: run on images and compared, every time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import labels
from exporting.formats import FLOAT16, INT8, Run
from exporting.sample import Sample
from inference.graph import CONFIDENCE, ReaderGraph
from inference.reader import Reader
from labels import DIGITS, LENGTH

SURE = 0.5
"""Readings of at least this confidence are to stay as they are. Below it, two numbers may be so
close that the last bit of a weight decides."""

MOST_LOST = 0.01
"""Share of numbers, of those there are, that eight bits may cost."""


class ExportError(Exception):
    """An exported file that does not read as it should."""


@dataclass(frozen=True)
class Tolerance:
    """How far a file may be off.

    Attributes:
        confidence: by how much a confidence may differ, 0 to 1.
        beyond: share of the images in which it may differ by more: where a hair decides whether
            an image is looked at once more.
        otherwise: share of the readings that are `SURE` which may be others.
    """

    confidence: float
    beyond: float
    otherwise: float


ONE_LOOK = Tolerance(0.001, 0.0, 0.0)
"""The file against its graph in TensorFlow, in one look at each image."""

SAME_GRAPH = {None: Tolerance(0.02, 0.02, 0.0), FLOAT16: Tolerance(0.05, 0.05, 0.01)}
"""The same in several, by quantization: each look is cut out by what the last one saw, and rounded
to whole levels, so that a difference in the last bit grows."""

READER = Tolerance(0.05, 0.05, 0.01)
"""The file against the reader, which resizes with Pillow: many pixels differ by 1 of 255."""


@dataclass(frozen=True)
class Answers:
    """What was read in some images: the numbers, and how sure of each, float64 (n,)."""

    numbers: list[str]
    confidences: np.ndarray


@dataclass(frozen=True)
class Agreement:
    """How two readers agree.

    Attributes:
        images: how many both read.
        equal: in how many they read the same number.
        sure: of how many the first was at least `SURE`.
        sure_equal: how many of these the second reads the same.
        difference: the largest between their confidences.
        beyond: in how many images that is more than is tolerated.
        tolerance: what that is.
    """

    images: int
    equal: int
    sure: int
    sure_equal: int
    difference: float
    beyond: int
    tolerance: Tolerance


@dataclass(frozen=True)
class Checked:
    """What came out of a check that was passed.

    Attributes:
        source: where the images come from.
        graph: the file against its graph in TensorFlow.
        reader: the file against the reader, which looks as often and does not search quarters.
        accuracy: share of the numbers that the file reads wholly right.
        graph_accuracy: share that its graph in TensorFlow does, which is not quantized.
        predict_accuracy: share that predict.py does, which searches quarters as well.
    """

    source: str
    graph: Agreement
    reader: Agreement
    accuracy: float
    graph_accuracy: float
    predict_accuracy: float


def check(
    run: Run, graph: ReaderGraph, reader: Reader, sample: Sample, quantize: str | None
) -> Checked:
    """Run a file on images and compare it with its graph in TensorFlow and with the reader.

    Args:
        run: the file, open.
        graph: what it was made from.
        reader: what that was made from.
        sample: the images.
        quantize: how its weights were reduced, which says what is tolerated.

    Raises:
        ExportError: if a reading or a probability differs more than is tolerated, or, in eight
            bits, too few numbers are read right; says which, and by how much.
    """
    found = answers(run, sample.images)
    _check_batch(run, sample.images[0])
    plain = answers(
        lambda images: {k: v.numpy() for k, v in graph.read(images).items()}, sample.images
    )
    # Given a part to look at, if only all of it, a reader does not search the quarters.
    parts = [np.float32([0, 0, one.shape[1], one.shape[0]]) for one in sample.images]
    seen = reader.look(sample.images, parts).readings
    looked = Answers(seen.numbers(), np.exp(seen.log_probability))
    predicted = [reading.number for reading in reader.read(sample.images)]
    same = SAME_GRAPH.get(quantize, READER)
    if quantize is None and reader.max_glimpses == 1:
        same = ONE_LOOK
    checked = Checked(
        source=sample.source,
        graph=compare(plain, found, same),
        reader=compare(looked, found, READER),
        accuracy=_accuracy(found.numbers, sample),
        graph_accuracy=_accuracy(plain.numbers, sample),
        predict_accuracy=_accuracy(predicted, sample),
    )
    if quantize == INT8:
        _check_accuracy(checked)
    else:
        _check_agreement("its graph in TensorFlow", checked.graph)
        _check_agreement("the reader", checked.reader)
    return checked


def answers(run: Run, images: Sequence[np.ndarray]) -> Answers:
    """Read images one by one, for they have sizes of their own."""
    outputs = [run(image[None]) for image in images]
    return Answers(
        [labels.decode(int(one[LENGTH][0]), one[DIGITS][0]) for one in outputs],
        np.array([one[CONFIDENCE][0] for one in outputs], np.float64),
    )


def compare(reference: Answers, found: Answers, tolerance: Tolerance) -> Agreement:
    """Compare what two readers read in the same images."""
    equal = np.array([a == b for a, b in zip(reference.numbers, found.numbers, strict=True)])
    sure = reference.confidences >= SURE
    off = np.abs(reference.confidences - found.confidences)
    # Not a number is beyond all bounds, too.
    beyond = ~(off <= tolerance.confidence)
    return Agreement(
        images=len(equal),
        equal=int(equal.sum()),
        sure=int(sure.sum()),
        sure_equal=int((sure & equal).sum()),
        difference=float(off.max()),
        beyond=int(beyond.sum()),
        tolerance=tolerance,
    )


def _check_agreement(other: str, found: Agreement) -> None:
    allowed = found.tolerance
    otherwise = found.sure - found.sure_equal
    if otherwise > allowed.otherwise * found.sure:
        raise ExportError(
            f"the file reads {otherwise} of {found.sure} images otherwise than {other}, which is "
            f"at least {SURE:.0%} sure of them (allowed: {allowed.otherwise:.0%})"
        )
    if found.beyond > allowed.beyond * found.images:
        raise ExportError(
            f"the file's confidences are off from those of {other} by more than "
            f"{allowed.confidence:g} in {found.beyond} of {found.images} images (allowed: "
            f"{allowed.beyond:.0%} of them), by {found.difference:.3g} at most"
        )


def _check_accuracy(found: Checked) -> None:
    if found.accuracy < found.graph_accuracy - MOST_LOST:
        raise ExportError(
            f"in eight bits {found.accuracy:.2%} of the numbers are read right, without "
            f"{found.graph_accuracy:.2%} ({found.graph.images} images of {found.source}); "
            f"at most {MOST_LOST:.0%} may be lost"
        )


def _accuracy(numbers: list[str], sample: Sample) -> float:
    return float(np.mean([a == b for a, b in zip(numbers, sample.numbers, strict=True)]))


def _check_batch(run: Run, image: np.ndarray) -> None:
    """An image must be read the same whatever else is in the batch."""
    alone = run(image[None])
    among = run(np.stack([255 - image, image, image[:, ::-1]]))
    for name, values in among.items():
        if len(values) != 3 or not np.allclose(values[1], alone[name][0], rtol=0.01, atol=0.01):
            raise ExportError(
                f"the file's {name} of an image is {alone[name][0]} alone and {values[1:2]} "
                "among others"
            )
