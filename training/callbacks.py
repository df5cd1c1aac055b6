"""What happens at the end of each epoch: validate, keep the best, make the epoch resumable."""

from __future__ import annotations

import contextlib
import logging
import time
import zlib
from collections.abc import Iterator

import keras
import numpy as np

from artifacts.console import duration
from artifacts.run_folder import RunFolder
from models.metrics import SequenceScores
from training.distribution import SINGLE_DEVICE, Strategy

log = logging.getLogger(__name__)

OBJECTIVE = "val_sequence_accuracy"


def merit(row: dict[str, float]) -> tuple[float, float]:
    """What makes one epoch better than another: whole numbers, and the loss where they tie."""
    return row[OBJECTIVE], -row["val_loss"]


def kept(rows: list[dict[str, float]], checkpoint: str) -> dict[str, float] | None:
    """The row of the epoch whose model is the run's, of those so far; None if there is none.

    Args:
        rows: the run's history.
        checkpoint: as in `Recipe.checkpoint`.
    """
    if checkpoint == "last":
        return rows[-1] if rows else None
    return max(rows, key=merit, default=None)


@contextlib.contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Within the block the model has the moving average of its weights, where there is one."""
    if not model.optimizer.use_ema:
        yield
        return
    _swap(model)
    try:
        yield
    finally:
        _swap(model)


def _swap(model: keras.Model) -> None:
    # keras.callbacks.SwapEMAWeights reaches for the same attribute; there is no public one.
    averages = model.optimizer._model_variables_moving_average
    for variable, average in zip(model.trainable_variables, averages, strict=True):
        value = keras.ops.copy(variable)  # stays on the devices
        variable.assign(average)
        average.assign(value)


def score(
    model: keras.Model, data, truth: dict[str, np.ndarray], devices: Strategy = SINGLE_DEVICE
) -> dict[str, float]:
    """Scores of a model over a data set in one pass.

    Args:
        data: batches that `predict` takes.
        truth: labels of all its images, in its order.
        devices: what the model is on.

    Returns:
        What `SequenceScores.result` gives.
    """
    scores = SequenceScores()
    scores.update(devices.predict(model, data), truth)
    return scores.result()


def gather_truth(data) -> dict[str, np.ndarray]:
    """All labels of batches `(images, labels)` as arrays, in order."""
    batches = [labels for _, labels in data.as_numpy_iterator()]
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


class SeedEpoch(keras.callbacks.Callback):
    """Seed dropout by run and epoch, so that an epoch is the same after a restart."""

    def __init__(self, seed: int):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        for layer in self.model.layers:
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                key = zlib.crc32(f"{self.seed}/{epoch}/{layer.name}".encode())
                generator.state.assign(np.array([key, 0], generator.state.dtype))


class EndOfEpoch(keras.callbacks.Callback):
    """Validate, keep the best model, write the history, and last the state to go on from.

    The order makes a kill at any moment harmless: an epoch counts once its checkpoint, a single
    file that replaces the last at once, is there. Before that it is run again, to the same end.

    Args:
        run: where the files go.
        validation: batches that are scored after each epoch with the averaged weights.
        rows: history of the epochs before `initial_epoch`.
        checkpoint: which epoch's model is the run's, as in `Recipe.checkpoint`.
        devices: what the model is on.
    """

    def __init__(
        self,
        run: RunFolder,
        validation,
        rows: list[dict[str, float]],
        checkpoint: str,
        devices: Strategy = SINGLE_DEVICE,
    ):
        super().__init__()
        self.devices = devices
        self.run = run
        self.validation = validation
        self.truth = gather_truth(validation)
        self.rows = rows
        self.checkpoint = checkpoint
        self.best = kept(rows, checkpoint)

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        with averaged_weights(self.model):
            scores = score(self.model, self.validation, self.truth, self.devices)
            logs.update({f"val_{name}": value for name, value in scores.items()})
            if self.checkpoint == "last" or self.best is None or merit(logs) > merit(self.best):
                self.best = dict(logs)
                with self.devices.saving(self.model):
                    self.run.save_keras(self.run.model, _without_optimizer(self.model).save)
        seconds = round(time.monotonic() - self.began, 1)
        scored = {name: float(value) for name, value in logs.items()}
        self.rows.append({"epoch": epoch + 1, **scored, "seconds": seconds})
        self.run.write_history(self.rows)
        self.run.save_keras(self.run.checkpoint, self.model.save_weights)


def _without_optimizer(model: keras.Model) -> keras.Model:
    """The same layers as a model that was never compiled: a quarter of the file."""
    return keras.Model(model.input, model.output, name=model.name)


class Progress(keras.callbacks.Callback):
    """One line an epoch: loss, validation, the best so far, time left."""

    def __init__(self, epochs: int, end_of_epoch: EndOfEpoch):
        super().__init__()
        self.epochs = epochs
        self.end_of_epoch = end_of_epoch

    def on_train_begin(self, logs=None):
        self.began = time.monotonic()
        self.done = 0

    def on_epoch_end(self, epoch, logs=None):
        self.done += 1
        left = (time.monotonic() - self.began) / self.done * (self.epochs - epoch - 1)
        log.info(
            "epoch %d/%d  loss %.3f  validation: loss %.3f, numbers %.2f %% (kept %.2f %%), "
            "characters %.2f %%, lengths %.2f %%  %s left",
            epoch + 1,
            self.epochs,
            logs["loss"],
            logs["val_loss"],
            100 * logs[OBJECTIVE],
            100 * self.end_of_epoch.best[OBJECTIVE],
            100 * logs["val_character_accuracy"],
            100 * logs["val_length_accuracy"],
            duration(left),
        )
