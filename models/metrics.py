"""Scores of predicted sequences, in NumPy; training, evaluation and search use this definition.

A prediction is correct if the length and every digit are correct. Positions without a digit do not
count, and "longer" (more than N digits) is never correct: as a prediction it is a refusal, and as a
label the model cannot predict it. Use a larger `max_digits` if such labels matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import keras
import numpy as np
from keras import ops

import labels
from labels import DIGITS, LENGTH
from models.decoding import decode_predictions, log_softmax
from number_zoo.predictions import DecodedSequences

Arrays = Mapping[str, np.ndarray]


def true_length(truth: Arrays) -> np.ndarray:
    """Lengths (images,) of labels, 0..N, and N + 1 for longer labels; also if N is 1."""
    if LENGTH in truth:
        return np.asarray(truth[LENGTH])
    return (np.asarray(truth[DIGITS]) != labels.ABSENT).sum(-1)


def readable(truth: Arrays) -> np.ndarray:
    """Bool (images,): whether the label has at most N digits, so that it can be predicted."""
    return true_length(truth) <= np.asarray(truth[DIGITS]).shape[1]


def sequence_correct(predictions: DecodedSequences, truth: Arrays) -> np.ndarray:
    """Bool (images,): whether the length and every digit are correct; False for "longer"."""
    same_digits = (predictions.digits == np.asarray(truth[DIGITS])).all(-1)
    return same_digits & (predictions.length == true_length(truth)) & readable(truth)


def negative_log_likelihood(outputs: Arrays, truth: Arrays) -> np.ndarray:
    """−log P(S|X) of the true sequences, float64 (images,), in nats."""
    digits = np.asarray(truth[DIGITS])
    log_digits = np.take_along_axis(
        log_softmax(outputs[DIGITS]), np.maximum(digits, 0)[..., None], -1
    )[..., 0]
    loss = -np.where(digits != labels.ABSENT, log_digits, 0.0).sum(-1)
    if LENGTH in outputs:
        length = np.asarray(truth[LENGTH])[:, None]
        loss -= np.take_along_axis(log_softmax(outputs[LENGTH]), length, -1)[:, 0]
    return loss


def sequence_scores(outputs: Arrays, truth: Arrays) -> dict[str, float]:
    """Score a model's outputs.

    Args:
        outputs: the model's outputs, `digits` (images, N, 10) and, where N > 1, `length`
            (images, N + 2).
        truth: labels as in training: `digits` (images, N) and, where N > 1, `length` (images,).

    Returns:
        `sequence_accuracy`: fraction of images with the length and every digit correct;
        `character_accuracy`: fraction of the true digits that are predicted at their position;
        `length_accuracy`: fraction of images with the correct length;
        `loss`: mean −log P(S|X) in nats.
    """
    predictions = decode_predictions(outputs)
    digits = np.asarray(truth[DIGITS])
    present = digits != labels.ABSENT
    same = present & (predictions.digits == digits)
    return {
        "sequence_accuracy": float(sequence_correct(predictions, truth).mean()),
        "character_accuracy": float(same.sum() / max(present.sum(), 1)),
        "length_accuracy": float((predictions.length == true_length(truth)).mean()),
        "loss": float(negative_log_likelihood(outputs, truth).mean()),
    }


class SequenceAccuracy(keras.callbacks.Callback):
    """Keras callback that adds `sequence_scores` of validation data to the logs of each epoch.

    A metric in `compile` receives one output at a time, whereas the correctness of a sequence
    depends on both outputs. List this callback before callbacks that read the logs:

        model.compile(
            "adam",
            loss=models.losses(max_digits=5),
            metrics={"length": "accuracy", "digits": models.DigitAccuracy()},
        )
        model.fit(train, epochs=10, callbacks=[
            models.SequenceAccuracy(validation),
            keras.callbacks.EarlyStopping("val_sequence_accuracy", mode="max", patience=3),
        ])

    Args:
        data: batches `(images, labels)` that can be iterated over repeatedly, as returned by
            `datasets.load`.
    """

    def __init__(self, data: Iterable):
        super().__init__()
        self.data = data

    def on_epoch_end(self, epoch, logs=None):
        outputs, truth = [], []
        for images, batch in self.data:
            outputs.append(self.model.predict_on_batch(ops.convert_to_numpy(images)))
            truth.append({name: ops.convert_to_numpy(values) for name, values in batch.items()})
        scores = sequence_scores(_concatenate(outputs), _concatenate(truth))
        for name, value in scores.items():
            logs.setdefault(f"val_{name}", value)  # the `val_loss` of `fit` remains


def _concatenate(batches: list[Arrays]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


@keras.saving.register_keras_serializable("number_zoo")
class DigitAccuracy(keras.metrics.Mean):
    """Keras metric of the output `digits`: fraction of the digits present that are correct.

    Positions without a digit (−1) are not counted. The predicted length has no influence: use
    `SequenceAccuracy` for whole sequences.
    """

    def __init__(self, name: str = "accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.cast(y_true, "int32")
        same = ops.equal(y_true, ops.cast(ops.argmax(y_pred, axis=-1), "int32"))
        weights = ops.cast(y_true >= 0, "float32")
        if sample_weight is not None:
            weights = weights * ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        super().update_state(ops.cast(same, "float32"), weights)
