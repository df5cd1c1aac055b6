"""Sequence accuracy on corrupted images: blur, noise, low light, low resolution, geometry."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from number_zoo.files import batches
from number_zoo.predictions import Predict

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Corruption:
    """A way to degrade images.

    Attributes:
        name: name of the corruption.
        unit: the unit of its severities.
        severities: in ascending order.
        apply: function of (image, severity, random generator) that returns the corrupted image,
            uint8 (h, w, 3).
        none: the severity that does not change images.
    """

    name: str
    unit: str
    severities: tuple[float, ...]
    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    none: float = 0


def _blur(image, severity, _):
    """Gaussian blur; severity: standard deviation in % of the height."""
    return cv2.GaussianBlur(image, (0, 0), max(severity / 100 * image.shape[0], 0.01))


def _noise(image, severity, rng):
    """Gaussian noise; severity: standard deviation in pixel values, of 255."""
    noisy = image + rng.normal(0, severity, image.shape)
    return noisy.round().clip(0, 255).astype(np.uint8)


def _low_light(image, severity, _):
    """Scaling of all pixel values toward 0; severity: reduction in %."""
    return (image * (1 - severity / 100)).round().astype(np.uint8)


def _low_resolution(image, severity, _):
    """Downscaling of both sides; severity: the factor, 1 or more."""
    rows, columns = (max(2, round(side / severity)) for side in image.shape[:2])
    return cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)


def _rotation(image, severity, rng):
    """Rotation about the centre in a random direction; severity: the angle in degrees."""
    height, width = image.shape[:2]
    degrees = severity * rng.choice((-1, 1))
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _wide_framing(image, severity, _):
    """Replicated borders on all sides; severity: new width and height relative to the image's."""
    rows, columns = (round(side * (severity - 1) / 2) for side in image.shape[:2])
    return cv2.copyMakeBorder(image, rows, rows, columns, columns, cv2.BORDER_REPLICATE)


def _shift(image, severity, rng):
    """Translation in a random diagonal direction; severity: offset in % of width and height."""
    height, width = image.shape[:2]
    x, y = (severity / 100 * rng.choice((-1, 1)) * side for side in (width, height))
    matrix = np.array([[1, 0, x], [0, 1, y]])
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


CORRUPTIONS = (
    Corruption("blur", "standard deviation, % of the height", (1, 2, 4, 8), _blur),
    Corruption("noise", "standard deviation, of 255", (10, 20, 40, 80), _noise),
    Corruption("low light", "% darker", (50, 75, 90, 95), _low_light),
    Corruption("low resolution", "downscaling factor", (1.5, 2, 3, 5), _low_resolution, 1),
    Corruption("rotation", "degrees", (5, 10, 20, 30), _rotation),
    Corruption("wide framing", "size relative to the image", (1.25, 1.5, 2, 3), _wide_framing, 1),
    Corruption("shift", "% of width and height", (5, 10, 15, 20), _shift),
)


def corruption_accuracy(
    readers: Mapping[str, Predict],
    images: Iterable[np.ndarray],
    labels: Sequence[str],
    corruptions: Sequence[Corruption] = CORRUPTIONS,
) -> dict[str, dict[str, Any]]:
    """Sequence accuracy of every reader on the same corrupted images.

    Args:
        readers: functions that read images, by name.
        images: uint8 arrays (height, width, 3).
        labels: their labels.
        corruptions: corruptions to apply.

    Returns:
        For each corruption its `unit`, its `severities` with the original images first, and
        `accuracy`: for each reader the sequence accuracy at each severity.
    """
    texts: dict[tuple, list[str]] = defaultdict(list)
    rngs: dict[tuple, np.random.Generator] = defaultdict(lambda: np.random.default_rng(0))

    def read(batch: Iterable[np.ndarray], *condition: Any) -> None:
        for part in batches(batch, len(labels)):
            for name, predict in readers.items():
                texts[name, *condition] += predict(part).decoded.numbers()

    done = 0
    # All corruptions of a batch of images, which may be large: few of them are in memory.
    for batch in batches(images, len(labels)):
        read(batch)
        done += len(batch)
        for corruption in corruptions:
            log.info("Corruption: %s, %d of %d images", corruption.name, done, len(labels))
            for severity in corruption.severities:
                rng = rngs[corruption.name, severity]
                read(
                    (corruption.apply(image, severity, rng) for image in batch),
                    *(corruption.name, severity),
                )

    def accuracy(*key: Any) -> float:
        # "Longer" is the text "+", which is not a label and never correct, as in
        # `sequence_correct`.
        return float(
            np.mean([text == label for text, label in zip(texts[key], labels, strict=True)])
        )

    return {
        corruption.name: {
            "unit": corruption.unit,
            "severities": [corruption.none, *corruption.severities],
            "accuracy": {
                name: [
                    accuracy(name),
                    *(accuracy(name, corruption.name, each) for each in corruption.severities),
                ]
                for name in readers
            },
        }
        for corruption in corruptions
    }
