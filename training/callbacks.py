"""Training callbacks: validate, select the best epoch, and write the files for resuming.

Keras's `SwapEMAWeights`, `ModelCheckpoint`, `BackupAndRestore` and `CSVLogger` cannot replace them,
because a resumed run must give the same weights as an uninterrupted run: `SwapEMAWeights` swaps by
adding and subtracting, which rounds the weights, and the others do not write model, history and
optimizer state consistently if the process is killed between two of the files.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from artifacts.console import duration
from artifacts.files import RunError, atomic_path, temporary_files_in, write_bytes, write_errors
from artifacts.run_folder import RunFolder
from training.distribution import Strategy, model_state

log = logging.getLogger(__name__)

_SHOWN = {
    "val_sequence_accuracy": "sequence accuracy",
    "val_average_precision": "average precision",
    "val_character_accuracy": "characters",
    "val_length_accuracy": "lengths",
    "val_precision": "precision",
    "val_recall": "recall",
    "val_recall_small": "recall of small ones",
}
"""Validation scores in the log; the first one that a model has selects the best epoch."""

Scores = Callable[[Any, Any], dict[str, float]]
"""Function of a model's outputs and the labels of all images."""

Row = dict[str, float]
"""History of one epoch: `epoch` (from 1), `loss`, `val_…`, `seconds`."""


def rank(row: Row) -> tuple[float, float]:
    """Sort key of an epoch: validation sequence accuracy, or average precision of a locator; ties
    broken by the loss."""
    return row[objective(row)], -row["val_loss"]


def objective(row: Row) -> str:
    """Name of the score that selects the best epoch."""
    return next(name for name in _SHOWN if name in row)


def selected_epoch(rows: list[Row], checkpoint: str) -> Row | None:
    """The row of the epoch whose model is saved, by `Recipe.checkpoint`; None without rows."""
    if checkpoint == "last":
        return rows[-1] if rows else None
    return max(rows, key=rank, default=None)


@contextlib.contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Within the block, the model has the exponential moving average of its weights, if any."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # loss scaling
    if not optimizer.use_ema:
        yield
        return
    variables = model.trainable_variables
    trained = [keras.ops.copy(variable) for variable in variables]
    # Keras has no public attribute for the averages.
    averages = optimizer._model_variables_moving_average
    for variable, average in zip(variables, averages, strict=True):
        variable.assign(keras.ops.copy(average))  # `predict` deletes the arrays it is given
    try:
        yield
    finally:
        for variable, value in zip(variables, trained, strict=True):
            variable.assign(value)


def gather_labels(data) -> dict[str, np.ndarray] | np.ndarray:
    """All labels of a `tf.data` pipeline of `(images, labels)`, in order."""
    batches = [labels for _, labels in data.as_numpy_iterator()]
    return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *batches)


class SeedEpoch(keras.callbacks.Callback):
    """Seed dropout by run and epoch, so that a resumed epoch has the same masks."""

    def __init__(self, seed: int):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        states = [x for x in self.model.variables if x.name == "seed_generator_state"]
        for index, state in enumerate(states):
            key = zlib.crc32(f"{self.seed}/{epoch}/{index}".encode())
            state.assign(np.array([key, 0], state.dtype))


def log_epoch(rows: list[Row], last: int) -> None:
    """Log the last of `rows`: loss, validation scores, the best score so far, and the time left.

    Args:
        rows: history of the run.
        last: the epoch that ends the training.
    """
    row, best = rows[-1], max(rows, key=rank)
    shown = [f"{text} {100 * row[name]:.2f} %" for name, text in _SHOWN.items() if name in row]
    shown[0] += f" (best {100 * best[objective(best)]:.2f} %)"
    log.info(
        "epoch %d/%d  loss %.3f  validation: loss %.3f, %s  %s left",
        row["epoch"],
        last,
        row["loss"],
        row["val_loss"],
        ", ".join(shown),
        duration(row["seconds"] * (last - row["epoch"])),
    )


class EndOfEpoch(keras.callbacks.Callback):
    """Validate with the averaged weights, then write model, history and checkpoint.

    The checkpoint is written last and atomically, so a kill at any moment is harmless: an epoch
    without its checkpoint is trained again, with the same result.

    Args:
        run: the run's files; None in a process that writes none.
        validation: `tf.data` pipeline of `(images, labels)`.
        rows: history of the epochs before this training, to which those of this one are added.
        last: the epoch that ends the training.
        checkpoint: "best" or "last", as in `Recipe.checkpoint`.
        strategy: what the model was created with.
        scores: function of outputs and labels.
    """

    def __init__(
        self,
        run: RunFolder | None,
        validation,
        rows: list[Row],
        last: int,
        checkpoint: str,
        strategy: Strategy,
        scores: Scores,
    ):
        super().__init__()
        self.run = run
        self.validation = validation
        self.truth = gather_labels(validation)
        self.rows = rows
        self.last = last
        self.checkpoint = checkpoint
        self.strategy = strategy
        self.scores = scores

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        with averaged_weights(self.model):
            outputs = self.strategy.predict(self.model, self.validation)
            scores = self.scores(outputs, self.truth)
            logs.update({f"val_{name}": value for name, value in scores.items()})
            row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
            self.rows.append(row)
            if self.run and selected_epoch(self.rows, self.checkpoint) is row:
                with self.strategy.local_scope():
                    _save_model(self.model, self.run)
        row["seconds"] = round(time.monotonic() - self.start, 1)
        done = (epoch + 1) * self.params["steps"]
        iterations = self.model.optimizer.iterations
        if int(keras.ops.convert_to_numpy(iterations)) != done:
            iterations.assign(done)  # loss scaling skips steps, and does not count them
        if self.run:
            self.run.write_history(self.rows)
            save_checkpoint(self.model, self.run)
        log_epoch(self.rows, self.last)


def _save_model(model: keras.Model, run: RunFolder) -> None:
    """Save the layers as a model that was not compiled, which is a quarter of the size."""
    size = 4 * model.count_params()
    with atomic_path(run.model, size) as path, temporary_files_in(path.parent):
        keras.Model(model.input, model.output, name=model.name).save(path)


def save_checkpoint(model: keras.Model, run: RunFolder) -> None:
    """Save the state of model and optimizer; `load_checkpoint` restores it.

    `Model.save_weights` lets HDF5 write the file, which ends the process on a full disk.
    """
    content = io.BytesIO()
    np.savez(content, *(keras.ops.convert_to_numpy(x) for x in model_state(model)))
    write_bytes(run.checkpoint, content.getbuffer())


def load_checkpoint(model: keras.Model, run: RunFolder) -> None:
    """Restore what `save_checkpoint` saved, into a model with its optimizer built.

    Raises:
        RunError: if the file is damaged or of another model.
    """
    try:
        with np.load(run.checkpoint) as arrays:
            for variable, value in zip(model_state(model), arrays.values(), strict=True):
                variable.assign(value)
    except Exception as error:
        raise RunError(
            f"{run.checkpoint} cannot be read ({error}). Delete it to train from the start"
        ) from error


@contextlib.contextmanager
def tensorflow_writes(folder: Path | str) -> Iterator[None]:
    """Within the block, TensorFlow's errors of writing files below `folder` are OSErrors."""
    with write_errors(Path(folder)):
        try:
            yield
        except tf.errors.OpError as error:
            full = isinstance(error, tf.errors.ResourceExhaustedError)
            reason = error.message.partition("\n")[0].rpartition("; ")[2]
            raise OSError(errno.ENOSPC if full else errno.EIO, reason) from error


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras's callback, but a failed write is an OSError and is noticed at its epoch."""

    def on_train_begin(self, logs=None):
        with tensorflow_writes(self.log_dir):
            super().on_train_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        with tensorflow_writes(self.log_dir):
            super().on_epoch_end(epoch, logs)
            tf.summary.flush(self._train_writer)

    def on_train_end(self, logs=None):
        with tensorflow_writes(self.log_dir):
            super().on_train_end(logs)
