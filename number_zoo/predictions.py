"""Results of a reader: readings, and all outputs of the inference graph as arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from number_zoo import names


@dataclass(frozen=True)
class Reading:
    """The number in one image.

    Attributes:
        number: its digits; "" if the image shows no number; with "+" at the end if it has more
            digits than the model has positions.
        confidence: probability in [0, 1] that the length and all digits are correct.
        box: left, top, right and bottom of the number in pixels; None if no number is read or the
            model predicts no boxes.
        turn: counter-clockwise quarter turns that make the number upright, 0 to 3
            (`np.rot90(crop, turn)`).
        score: score of the locator, in [0, 1], of a located number of `read_all`; else None.
    """

    number: str
    confidence: float
    box: tuple[float, float, float, float] | None = None
    turn: int = 0
    score: float | None = None


@dataclass(frozen=True)
class DecodedSequences:
    """Predicted sequences of a batch.

    Attributes:
        length: int32 (batch,), 0..N, and N+1 for "longer".
        digits: int32 (batch, N), −1 from position `length` on.
        log_probability: float64 (batch,), log P(S|X) of the predicted sequence.
    """

    length: np.ndarray
    digits: np.ndarray
    log_probability: np.ndarray

    def numbers(self) -> list[str]:
        """The sequences as text: "" for length 0, ending in "+" for "longer"."""
        return list(map(decode, self.length.tolist(), self.digits))


def decode(length: int, digits: np.ndarray) -> str:
    """The label of `length` and `digits` (N,), as text.

    "Longer" (length N+1) is decoded as the digits that are present and a "+".
    """
    text = "".join(str(int(digit)) for digit in digits[:length] if digit != names.ABSENT)
    return text + "+" if length > len(digits) else text


def is_number(value: object) -> bool:
    """Whether a value is a string of digits 0 to 9, at least one."""
    return isinstance(value, str) and value.isascii() and value.isdigit()


@dataclass(frozen=True)
class Predictions:
    """Outputs of the inference graph for several images.

    Attributes:
        arrays: the outputs by name (`number_zoo.names`): `digits`, `length`, `confidence`,
            `digit_log_probs`, `crop` and, depending on the model, `length_log_probs`, `box` and
            `attention`; `scores` if a locator was used; `turns` if a locator was used or other
            turns were tried. Empty if a locator found no number.
    """

    arrays: dict[str, np.ndarray]

    @classmethod
    def concatenate(cls, chunks: Sequence[Predictions]) -> Predictions:
        """Join predictions of the same reader, at least one."""
        keys = chunks[0].arrays
        return cls({key: np.concatenate([c.arrays[key] for c in chunks]) for key in keys})

    def take(self, rows: np.ndarray | int) -> Predictions:
        """Select predictions by their indices."""
        return Predictions({key: values[rows] for key, values in self.arrays.items()})

    def put(self, rows: np.ndarray | int, others: Predictions) -> None:
        """Replace the predictions at some indices, in place."""
        for key, values in self.arrays.items():
            values[rows] = others.arrays[key]

    @property
    def outputs(self) -> dict[str, np.ndarray]:
        """Calibrated log-probabilities in the form of a model's outputs: `length` (images, N + 2)
        where N > 1, and `digits` (images, N, 10)."""
        logits = {names.DIGITS: self.arrays[names.DIGIT_LOG_PROBS]}
        if names.LENGTH_LOG_PROBS in self.arrays:
            logits[names.LENGTH] = self.arrays[names.LENGTH_LOG_PROBS]
        return logits

    @property
    def decoded(self) -> DecodedSequences:
        """The decoded numbers."""
        confidence = np.maximum(self.arrays[names.CONFIDENCE].astype(np.float64), 1e-300)
        return DecodedSequences(
            self.arrays[names.LENGTH], self.arrays[names.DIGITS], np.log(confidence)
        )

    @property
    def number_confidence(self) -> np.ndarray:
        """(images,), the confidence of each number; 0 if there is no number."""
        is_number = self.arrays[names.LENGTH] > 0
        return np.where(is_number, self.arrays[names.CONFIDENCE], 0.0)

    @property
    def boxes(self) -> np.ndarray:
        """float32 (images, 4), boxes of the numbers in pixels; NaN for models that predict no
        boxes."""
        return self.arrays.get(names.BOX, np.full_like(self.crops, np.nan))

    @property
    def crops(self) -> np.ndarray:
        """float32 (images, 4), the last glimpse of each image, in pixels."""
        return self.arrays[names.CROP]

    @property
    def attention(self) -> np.ndarray | None:
        """float32 (images, positions, 1 + N), attention maps over the last glimpse, that of the
        length first; None for models without attention."""
        return self.arrays.get(names.ATTENTION)

    def readings(self) -> list[Reading]:
        """The reading of each image, or of each number of an image."""
        if not self.arrays:
            return []
        numbers = self.decoded.numbers()
        boxes = [
            tuple(box) if number and np.isfinite(box).all() else None
            for number, box in zip(numbers, self.boxes.tolist(), strict=True)
        ]
        confidence = self.arrays[names.CONFIDENCE].tolist()
        if names.TURNS not in self.arrays:
            return list(map(Reading, numbers, confidence, boxes))
        turns = self.arrays[names.TURNS].tolist()
        scores = self.arrays.get(names.SCORES, np.full(len(turns), None)).tolist()
        return list(map(Reading, numbers, confidence, boxes, turns, scores))


Predict = Callable[[Sequence[np.ndarray], Sequence[np.ndarray | None] | None], Predictions]
"""Reads images from crops as their first glimpses: `Reader.predict`."""
