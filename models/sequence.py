"""The sequence contract: how every model of the zoo states, learns and reads out a number.

A number S = s_1 … s_L is modelled as P(S|X) = P(L|X) · Π_{i ≤ L} P(s_i|X) (Goodfellow et al.
2013, https://arxiv.org/abs/1312.6082): one distribution over the length, 0 to N and "longer",
and one over the ten digits for each of N places. A place that holds no digit has no class of
its own and gives no gradient.

A model says so by its outputs, both logits in float32:

- `length`: (batch, N + 2); absent where N is 1, since a single digit always has length 1;
- `digits`: (batch, N, 10);
- `box`, of models that also say where the number is: (batch, 4) in float32, left, top, right and
  bottom of the box around all its digits, as shares of the picture's width and height.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

import labels

LENGTH = "length"
DIGITS = "digits"
BOX = "box"


def number_outputs(
    features: keras.KerasTensor, max_digits: int, *, digit_features: keras.KerasTensor | None = None
) -> dict[str, keras.KerasTensor]:
    """Put the output layers of the contract on a network.

    Args:
        features: (batch, channels), what the length is told from.
        max_digits: N, how many digits the model can tell; 1 for single digits.
        digit_features: (batch, N, channels), where the network has features of its own for each
            place; one classifier then serves all places. Defaults to `features` for every place,
            with a classifier of its own for each.

    Returns:
        `{"length": …, "digits": …}`, logits in float32, or `{"digits": …}` where N is 1.

    Raises:
        ValueError: if `max_digits` is below 1.
    """
    if max_digits < 1:
        raise ValueError(f"max_digits is at least 1. Received: {max_digits}")
    if digit_features is None:
        flat = layers.Dense(max_digits * labels.DIGITS, dtype="float32", name="digit_logits")
        digits = layers.Reshape((max_digits, labels.DIGITS), dtype="float32", name=DIGITS)(
            flat(features)
        )
    else:
        digits = layers.Dense(labels.DIGITS, dtype="float32", name=DIGITS)(digit_features)
    if max_digits == 1:
        return {DIGITS: digits}
    return {
        LENGTH: layers.Dense(max_digits + 2, dtype="float32", name=LENGTH)(features),
        DIGITS: digits,
    }


@keras.saving.register_keras_serializable("number_zoo")
class LengthLoss(keras.losses.Loss):
    """−log P(L|X): `y_true` int (batch,), `y_pred` logits (batch, N + 2).

    Args:
        label_smoothing: share of the probability, in [0, 1), spread evenly over all lengths.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "length_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        return _cross_entropy(y_true, y_pred, self.label_smoothing)

    def get_config(self):
        return super().get_config() | {"label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("number_zoo")
class DigitsLoss(keras.losses.Loss):
    """−Σ_{i ≤ L} log P(s_i|X): `y_true` int (batch, N), −1 where absent; `y_pred` (batch, N, 10).

    The sum runs over the places that hold a digit: an absent one gives exactly nothing, to the
    loss and to the gradient.

    Args:
        label_smoothing: share of the probability, in [0, 1), spread evenly over all digits.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "digits_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        y_true = ops.cast(y_true, "int32")
        present = ops.cast(y_true >= 0, y_pred.dtype)
        loss = _cross_entropy(ops.maximum(y_true, 0), y_pred, self.label_smoothing)
        return ops.sum(loss * present, axis=-1)

    def get_config(self):
        return super().get_config() | {"label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("number_zoo")
class BoxLoss(keras.losses.Loss):
    """How far a box is off: `y_true` and `y_pred` float (batch, 4), NaN where there is no truth.

    1 − GIoU (Rezatofighi et al. 2019, https://arxiv.org/abs/1902.09630), which counts what small
    boxes lack as much as what large ones do, plus the sum of the four edges' distances, which
    leads boxes that do not meet towards each other. An unknown box gives exactly nothing.
    """

    def __init__(self, name: str = "box_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        known = ops.all(ops.logical_not(ops.isnan(y_true)), axis=-1)
        # Put something harmless in the place of NaN first: a gradient through it would be NaN.
        whole = ops.convert_to_tensor([[0.0, 0.0, 1.0, 1.0]], y_pred.dtype)
        y_true = ops.where(known[:, None], y_true, whole)
        edges = ops.sum(ops.absolute(y_true - y_pred), axis=-1)
        return ops.where(known, 1 - _generalized_overlap(y_true, y_pred) + edges, 0.0)


def _generalized_overlap(a, b):
    """GIoU of boxes (batch, 4), from -1 to 1."""
    inner = ops.minimum(a[:, 2:], b[:, 2:]) - ops.maximum(a[:, :2], b[:, :2])
    outer = ops.maximum(a[:, 2:], b[:, 2:]) - ops.minimum(a[:, :2], b[:, :2])
    common = ops.prod(ops.maximum(inner, 0.0), axis=-1)
    areas = (ops.prod(ops.maximum(x[:, 2:] - x[:, :2], 0.0), axis=-1) for x in (a, b))
    union = sum(areas) - common
    hull = ops.maximum(ops.prod(ops.maximum(outer, 0.0), axis=-1), 1e-6)
    return common / ops.maximum(union, 1e-6) - (hull - union) / hull


def _cross_entropy(y_true, logits, label_smoothing):
    log_probabilities = ops.log_softmax(logits, axis=-1)
    one_hot = ops.one_hot(ops.cast(y_true, "int32"), logits.shape[-1], dtype=logits.dtype)
    loss = -ops.sum(one_hot * log_probabilities, axis=-1)
    if label_smoothing:
        loss = (1 - label_smoothing) * loss - label_smoothing * ops.mean(log_probabilities, axis=-1)
    return loss


def losses(
    max_digits: int, label_smoothing: float = 0.0, *, box: bool = False
) -> dict[str, keras.losses.Loss]:
    """Losses for `compile`; their sum is −log P(S|X), plus the box's loss, the batch's mean."""
    chosen = {DIGITS: DigitsLoss(label_smoothing)}
    if max_digits > 1:
        chosen = {LENGTH: LengthLoss(label_smoothing)} | chosen
    return chosen | {BOX: BoxLoss()} if box else chosen


def uniform_loss(max_digits: int, lengths: np.ndarray) -> float:
    """−log P(S|X) of a uniform guess, the mean over numbers of the given `lengths` (0..N+1)."""
    lengths = np.asarray(lengths)
    digits = np.where(lengths > max_digits, 0, lengths).mean() * np.log(labels.DIGITS)
    return float(digits + (np.log(max_digits + 2) if max_digits > 1 else 0.0))


@dataclass(frozen=True)
class Readings:
    """What a model reads in a batch of pictures.

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


def read_out(outputs: dict[str, np.ndarray]) -> Readings:
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
    return Readings(
        length=length,
        digits=np.where(kept, best, labels.ABSENT).astype(np.int32),
        log_probability=np.take_along_axis(joint, length[:, None], -1)[:, 0],
    )


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities of logits along their last axis, float64."""
    logits = np.asarray(logits, np.float64)
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


class NumberScores:
    """Running scores over batches: whole numbers, characters, lengths and the loss.

    Whole-number accuracy counts a picture when the number read is the true one, digit for digit:
    blank places earn nothing. A number longer than N counts as wrong unless the model says
    "longer". Character accuracy is over the true digits, each at its own place.
    """

    def __init__(self):
        self.pictures = self.right = self.right_length = 0
        self.characters = self.right_characters = 0
        self.loss = 0.0

    def update(self, outputs: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> None:
        """Add a batch: a model's outputs and the labels in the same form as in training."""
        readings = read_out(outputs)
        digits = np.asarray(truth[DIGITS])
        length = true_length(truth)
        right_length = readings.length == length
        present = digits != labels.ABSENT
        self.pictures += len(digits)
        self.right += int((right_length & (readings.digits == digits).all(-1)).sum())
        self.right_length += int(right_length.sum())
        self.characters += int(present.sum())
        self.right_characters += int((present & (readings.digits == digits)).sum())
        self.loss += float(negative_log_likelihood(outputs, truth).sum())

    def result(self) -> dict[str, float]:
        """`number_accuracy`, `character_accuracy`, `length_accuracy`, `loss` (mean, nats)."""
        pictures = max(self.pictures, 1)
        return {
            "number_accuracy": self.right / pictures,
            "character_accuracy": self.right_characters / max(self.characters, 1),
            "length_accuracy": self.right_length / pictures,
            "loss": self.loss / pictures,
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
