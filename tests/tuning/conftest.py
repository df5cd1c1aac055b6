"""A search so small that a trial of it takes seconds, and a training that takes none."""

from __future__ import annotations

import dataclasses
import zlib

import keras
import pytest

from artifacts import run_folder
from artifacts.files import write_json
from artifacts.run_folder import RunFolder, open_run
from tuning import progress, trial
from tuning.search import plan

SETTINGS = [
    "input_shape=[16,32,3]",
    "max_digits=2",
    "blocks=1..2",
    "dense_layers=1",
    "batch_size=8",
    "augmentation=0",
]


@pytest.fixture(scope="session")
def tiny(photos):
    """A function that makes a search over tiny models, two epochs of one step a trial."""

    def make(*settings, **asked):
        asked = {"trials": 3, "epochs": 2, "steps": 1} | asked
        return plan("deep_cnn_tiny", str(photos), settings=[*SETTINGS, *settings], **asked)

    return make


def train_nothing(configuration, folder, *, until=None, callbacks=(), **_):
    """A run that comes out of nothing: its scores depend on the configuration and the epoch."""
    with open_run(folder, configuration.to_json()) as run:
        rows = run.read_history(99)
        model = keras.Model()
        for callback in callbacks:
            callback.set_model(model)
        model.stop_training = False
        for epoch in range(len(rows), until):
            if model.stop_training:
                break
            rows.append(_row(configuration, epoch))
            run.write_history(rows)
            run.checkpoint.touch()
            for callback in callbacks:
                callback.on_epoch_end(epoch, rows[-1])
        return _finish(run, rows)


def without_training(monkeypatch, train=train_nothing):
    """Let trials be done by `train`, and leave out what takes long beside."""
    monkeypatch.setattr(trial, "train", train)
    monkeypatch.setattr(trial, "_clear_memory", lambda: None)
    monkeypatch.setattr(progress, "environment", dict)
    monkeypatch.setattr(run_folder, "environment", dict)


@pytest.fixture
def no_training(monkeypatch):
    """Trials come out of nothing; what takes the place of their training."""
    without_training(monkeypatch)
    return train_nothing


def _row(configuration, epoch):
    # Not of the photos' folder, which is another one each time.
    chosen = dataclasses.replace(configuration, dataset="", validation="")
    score = zlib.crc32(f"{chosen.digest()} {epoch}".encode()) % 1000 / 1000
    names = ("sequence_accuracy", "character_accuracy", "length_accuracy")
    scores = {f"val_{name}": score for name in names}
    return {"epoch": epoch + 1, **scores, "val_loss": 1 - score, "seconds": 1.0}


def _finish(run: RunFolder, rows):
    best = max(rows, key=lambda row: row["val_sequence_accuracy"])
    scores = {name.removeprefix("val_"): best[name] for name in best if name.startswith("val_")}
    metrics = {
        "validation": scores,
        "reading": {"sequence_accuracy": scores["sequence_accuracy"]},
        "epochs": len(rows),
        "parameters": 1000,
        "multiply_adds": 50_000,
    }
    write_json(run.metrics, metrics)
    return metrics
