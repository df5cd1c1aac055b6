"""From logits to sequences: joint decoding of length and digits, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import labels
from labels import DIGITS, LENGTH


@dataclass(frozen=True)
class DecodedSequences:
    """What a model reads in a batch of images.

    Attributes:
        length: int32 (batch,), 0..N, and N+1 for "longer".
        digits: int32 (batch, N), −1 from place `length` on.
        log_probability: float64 (batch,), log P(S|X) of the number read.
    """

    length: np.ndarray
    digits: np.ndarray
    log_probability: np.ndarray

    def numbers(self) -> list[str]:
        """The numbers as text; "longer" ones read as "+", one of length 0 as ""."""
        return [
            labels.decode(int(length), digits)
            for length, digits in zip(self.length, self.digits, strict=True)
        ]


def decode_predictions(outputs: dict[str, np.ndarray]) -> DecodedSequences:
    """Decode logits jointly: the number of the largest P(S|X), with its log-probability.

    The best digit at each place does not depend on the length, so a running sum of their
    log-probabilities plus log P(L) holds the best number of every length (Goodfellow et al.
    2013, appendix A); the largest wins.

    Args:
        outputs: a model's outputs as arrays, `digits` (batch, N, 10) and, where N > 1,
            `length` (batch, N + 2).
    """
    log_digits = log_softmax(outputs[DIGITS])
    places = log_digits.shape[1]
    best = log_digits.argmax(-1).astype(np.int32)
    if LENGTH in outputs:
        log_length = log_softmax(outputs[LENGTH])
    else:
        log_length = np.full((len(best), 3), -np.inf)
        log_length[:, 1] = 0.0
    running = np.zeros_like(log_length)  # "longer" has no digits to pay for
    running[:, 1:-1] = np.cumsum(log_digits.max(-1), axis=1)
    joint = log_length + running
    length = joint.argmax(-1).astype(np.int32)
    kept = np.arange(places) < np.where(length > places, 0, length)[:, None]
    return DecodedSequences(
        length=length,
        digits=np.where(kept, best, labels.ABSENT).astype(np.int32),
        log_probability=np.take_along_axis(joint, length[:, None], -1)[:, 0],
    )


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities of logits along their last axis, float64."""
    logits = np.asarray(logits, np.float64)
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))
