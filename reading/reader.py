"""From pictures of any size to numbers, by the same steps as in training and evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

import models
from datasets.pictures import prepare_picture
from models.sequence import read_out

BATCH = 64


@dataclass(frozen=True)
class Reading:
    """What was read in one picture.

    Attributes:
        number: the digits as text; "" where no number was found, ending in "+" where there are
            more digits than the model can tell.
        confidence: the model's probability that the whole number is right, in [0, 1].
    """

    number: str
    confidence: float


class Reader:
    """A model that reads pictures.

    Args:
        weights: name of published weights, or path of a run folder or a `.keras` file.

    Raises:
        ValueError: if there are no such weights.
    """

    def __init__(self, weights: str | Path):
        self.model = models.load(weights)
        self._height, self._width, self._channels = self.model.input_shape[1:]

    def read(self, pictures: Sequence[np.ndarray]) -> list[Reading]:
        """Read the number in each picture.

        Args:
            pictures: uint8 arrays (height, width, 3), RGB, of any size, as
                `datasets.decode_picture` gives them.

        Returns:
            A reading for each, in order.
        """
        readings = []
        for start in range(0, len(pictures), BATCH):
            batch = np.stack([self._prepare(p) for p in pictures[start : start + BATCH]])
            # A call rather than `predict`, whose set-up takes longer than a small batch.
            outputs = self.model(batch.astype("float32"), training=False)
            found = read_out({k: keras.ops.convert_to_numpy(v) for k, v in outputs.items()})
            confidences = np.exp(found.log_probability).tolist()
            readings += map(Reading, found.numbers(), confidences)
        return readings

    def _prepare(self, picture: np.ndarray) -> np.ndarray:
        return prepare_picture(picture, (self._height, self._width), channels=self._channels)


def read(pictures: Iterable[np.ndarray], weights: str | Path = "street_numbers") -> list[Reading]:
    """Read the number in each of some pictures; see `Reader`."""
    return Reader(weights).read(list(pictures))
