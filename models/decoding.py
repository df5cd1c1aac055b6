"""Joint decoding of length and digits from logits, in NumPy."""

from __future__ import annotations

import numpy as np
from scipy import special

import labels
from labels import DIGITS, LENGTH
from number_zoo.predictions import DecodedSequences


def best_of_each_length(outputs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The best sequence of every length and its log-probability.

    The best digit at each position does not depend on the length. Therefore, the cumulative sum of
    their log-probabilities plus log P(L) is log P(S|X) of the best sequence of every length
    (Goodfellow et al. 2013, appendix A).

    Args:
        outputs: a model's outputs as arrays, `digits` (batch, N, 10) and, where N > 1,
            `length` (batch, N + 2).

    Returns:
        log P(S|X), float64 (batch, N + 2), by length, the last for "longer"; and the best digits,
        int32 (batch, N); a sequence of length L consists of the first L.
    """
    log_digits = log_softmax(outputs[DIGITS])
    if LENGTH in outputs:
        joint = log_softmax(outputs[LENGTH])
    else:
        joint = np.full((len(log_digits), 3), -np.inf)
        joint[:, 1] = 0.0
    # No digit contributes to "longer".
    joint[:, 1:-1] += np.cumsum(log_digits.max(-1), axis=1)
    return joint, log_digits.argmax(-1).astype(np.int32)


def decode_predictions(outputs: dict[str, np.ndarray]) -> DecodedSequences:
    """Decode logits jointly: the sequence with the largest P(S|X), and its log-probability.

    Args:
        outputs: a model's outputs, as for `best_of_each_length`.
    """
    joint, best = best_of_each_length(outputs)
    max_digits = best.shape[1]
    length = joint.argmax(-1).astype(np.int32)
    present = np.arange(max_digits) < np.where(length > max_digits, 0, length)[:, None]
    return DecodedSequences(
        length=length,
        digits=np.where(present, best, labels.ABSENT).astype(np.int32),
        log_probability=np.take_along_axis(joint, length[:, None], -1)[:, 0],
    )


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities of logits along their last axis, float64."""
    return special.log_softmax(np.asarray(logits, np.float64), axis=-1)
