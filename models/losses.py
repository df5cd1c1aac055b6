"""Losses of the outputs of `models.heads`; their sum is −log P(S|X), plus the box loss."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from labels import BOX, DIGITS, LENGTH


class _SmoothedLoss(keras.losses.Loss):
    def __init__(self, label_smoothing: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.label_smoothing = label_smoothing

    def get_config(self):
        return super().get_config() | {"label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("number_zoo")
class LengthLoss(_SmoothedLoss):
    """−log P(L|X): `y_true` int (batch,), `y_pred` logits (batch, N + 2).

    `y_true` may also be float (batch, N + 2), a weight of each length, as from `add_probabilities`.

    Args:
        label_smoothing: fraction of the probability, in [0, 1), spread evenly over all lengths.
    """

    def call(self, y_true, y_pred):
        return _cross_entropy(y_true, y_pred, self.label_smoothing)


@keras.saving.register_keras_serializable("number_zoo")
class DigitsLoss(_SmoothedLoss):
    """−Σ_{i ≤ L} log P(s_i|X): `y_true` int (batch, N), −1 where absent; `y_pred` (batch, N, 10).

    The sum is over the positions that hold a digit: an absent digit contributes exactly zero to
    the loss and to the gradient. `y_true` may also be float (batch, N, 10), a weight of each digit,
    as from `add_probabilities`.

    Args:
        label_smoothing: fraction of the probability, in [0, 1), spread evenly over all digits.
    """

    def call(self, y_true, y_pred):
        return ops.sum(_cross_entropy(y_true, y_pred, self.label_smoothing), axis=-1)


@keras.saving.register_keras_serializable("number_zoo")
class BoxLoss(keras.losses.Loss):
    """Error of a box: `y_true` and `y_pred` float (batch, 4), `y_true` NaN where it is unknown.

    1 − GIoU (Rezatofighi et al. 2019, https://arxiv.org/abs/1902.09630), which does not depend on
    the size of the boxes, plus the sum of the absolute errors of the four edges, which has a useful
    gradient for boxes that do not overlap. An unknown box contributes exactly zero.
    """

    def call(self, y_true, y_pred):
        known = ops.all(ops.logical_not(ops.isnan(y_true)), axis=-1)
        # Replace NaN before the computation: `where` alone would leave NaN in the gradient.
        whole = ops.convert_to_tensor([[0.0, 0.0, 1.0, 1.0]], y_pred.dtype)
        y_true = ops.where(known[:, None], y_true, whole)
        edges = ops.sum(ops.absolute(y_true - y_pred), axis=-1)
        return ops.where(known, 1 - generalized_overlap(y_true, y_pred) + edges, 0.0)


def generalized_overlap(a: keras.KerasTensor, b: keras.KerasTensor) -> keras.KerasTensor:
    """GIoU of boxes (…, 4) of left, top, right, bottom, from -1 to 1, with the shape (…)."""
    inner = ops.minimum(a[..., 2:], b[..., 2:]) - ops.maximum(a[..., :2], b[..., :2])
    outer = ops.maximum(a[..., 2:], b[..., 2:]) - ops.minimum(a[..., :2], b[..., :2])
    common, hull = (_area(extent) for extent in (inner, outer))
    union = sum(_area(x[..., 2:] - x[..., :2]) for x in (a, b)) - common
    hull = ops.maximum(hull, 1e-6)
    return common / ops.maximum(union, 1e-6) - (hull - union) / hull


def _area(extent):
    """Width times height (…) of extents (…, 2); negative ones count as 0."""
    extent = ops.maximum(extent, 0.0)
    return extent[..., 0] * extent[..., 1]


def add_probabilities(
    targets: dict[str, Any], logits: dict[str, keras.KerasTensor]
) -> dict[str, Any]:
    """Targets of which the cross-entropy is that of the labels plus that of a teacher's
    probabilities.

    Args:
        targets: labels as from `labels.encode_batch`, and a `box` if there is one.
        logits: the teacher's outputs.

    Returns:
        The targets with `length` float (batch, N + 2) and `digits` float (batch, N, 10), which are
        0 where a digit is absent.
    """
    result = dict(targets)
    for name in (LENGTH, DIGITS):
        if name in targets:
            weights = _weights(targets[name], logits[name])
            probabilities = ops.stop_gradient(ops.softmax(logits[name], axis=-1))
            result[name] = weights + probabilities * ops.sum(weights, axis=-1, keepdims=True)
    return result


def _weights(y_true, logits):
    """The weight of each class: labels one-hot, 0 everywhere where the label is negative."""
    if len(y_true.shape) == len(logits.shape):
        return ops.cast(y_true, logits.dtype)
    return ops.one_hot(ops.cast(y_true, "int32"), logits.shape[-1], dtype=logits.dtype)


def _cross_entropy(y_true, logits, label_smoothing):
    weights = _weights(y_true, logits)
    total = ops.sum(weights, axis=-1, keepdims=True)
    weights = weights * (1 - label_smoothing) + total * label_smoothing / logits.shape[-1]
    # Not categorical_crossentropy: its gradient in TensorFlow assumes weights with a sum of 1.
    return -ops.sum(weights * ops.log_softmax(logits, axis=-1), axis=-1)


def losses(
    max_digits: int, label_smoothing: float = 0.0, *, box: bool = False
) -> dict[str, keras.losses.Loss]:
    """Losses for `compile` by output name; their sum is −log P(S|X), plus the loss of the box."""
    selected = {DIGITS: DigitsLoss(label_smoothing)}
    if max_digits > 1:
        selected = {LENGTH: LengthLoss(label_smoothing)} | selected
    return selected | {BOX: BoxLoss()} if box else selected
