"""Scores of predicted sequences, in NumPy."""

from __future__ import annotations

import numpy as np

import labels
from labels import DIGITS, LENGTH
from models.decoding import DecodedSequences, decode_predictions, log_softmax


class SequenceScores:
    """Running scores over batches: whole numbers, characters, lengths and the loss.

    Whole-number accuracy counts an image when the number read is the true one, digit for digit:
    blank places earn nothing. A number longer than N counts as wrong unless the model says
    "longer". Character accuracy is over the true digits, each at its own place.
    """

    def __init__(self):
        self.images = self.right = self.right_length = 0
        self.characters = self.right_characters = 0
        self.loss = 0.0

    def update(self, outputs: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> None:
        """Add a batch: a model's outputs and the labels in the same form as in training."""
        readings = decode_predictions(outputs)
        digits = np.asarray(truth[DIGITS])
        length = true_length(truth)
        right_length = readings.length == length
        present = digits != labels.ABSENT
        self.images += len(digits)
        self.right += int((right_length & (readings.digits == digits).all(-1)).sum())
        self.right_length += int(right_length.sum())
        self.characters += int(present.sum())
        self.right_characters += int((present & (readings.digits == digits)).sum())
        self.loss += float(negative_log_likelihood(outputs, truth).sum())

    def result(self) -> dict[str, float]:
        """`sequence_accuracy`, `character_accuracy`, `length_accuracy`, `loss` (mean, nats)."""
        images = max(self.images, 1)
        return {
            "sequence_accuracy": self.right / images,
            "character_accuracy": self.right_characters / max(self.characters, 1),
            "length_accuracy": self.right_length / images,
            "loss": self.loss / images,
        }


def true_length(truth: dict[str, np.ndarray]) -> np.ndarray:
    """Lengths (batch,) of labels, also where single digits leave the length out."""
    if LENGTH in truth:
        return np.asarray(truth[LENGTH])
    return (np.asarray(truth[DIGITS]) != labels.ABSENT).sum(-1)


def negative_log_likelihood(
    outputs: dict[str, np.ndarray], truth: dict[str, np.ndarray]
) -> np.ndarray:
    """−log P(S|X) of the true numbers, float64 (batch,), in nats."""
    digits = np.asarray(truth[DIGITS])
    log_digits = np.take_along_axis(
        log_softmax(outputs[DIGITS]), np.maximum(digits, 0)[..., None], -1
    )[..., 0]
    loss = -np.where(digits != labels.ABSENT, log_digits, 0.0).sum(-1)
    if LENGTH in outputs:
        length = np.asarray(truth[LENGTH])[:, None]
        loss -= np.take_along_axis(log_softmax(outputs[LENGTH]), length, -1)[:, 0]
    return loss


def sequence_correct(readings: DecodedSequences, truth: dict[str, np.ndarray]) -> np.ndarray:
    """Bool (images,): whether length and every digit are right. Blank places earn nothing."""
    same = (readings.digits == np.asarray(truth["digits"])).all(-1)
    return same & (readings.length == true_length(truth))
