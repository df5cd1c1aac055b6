"""A search whose trials take seconds, and a replacement for training that takes none."""

from __future__ import annotations

import dataclasses
import functools
import zlib

import pytest

from artifacts import run_folder
from artifacts.files import write_json
from artifacts.run_folder import open_run
from tests.faults.commands import SEARCH_SETTINGS
from tuning import loop, trial
from tuning.search import plan


def plan_tiny(photos, *settings, **fields):
    """Plan a search over tiny models, two epochs of one step a trial."""
    fields = {"trials": 3, "epochs": 2, "steps": 1} | fields
    return plan("deep_cnn_tiny", str(photos), settings=[*SEARCH_SETTINGS, *settings], **fields)


@pytest.fixture(scope="session")
def tiny(photos):
    """A function that plans such a search."""
    return functools.partial(plan_tiny, photos)


def fake_train(configuration, folder, *, until, **_):
    """A run without training: its scores depend on the configuration and the epoch."""
    with open_run(folder, configuration.to_json()) as run:
        rows = run.read_history(99)
        while len(rows) < until:
            rows.append(_row(configuration, len(rows)))
            run.write_history(rows)
            run.checkpoint.touch()
        best = max(rows, key=lambda row: row["val_sequence_accuracy"])
        metrics = {
            "validation": {name: best[f"val_{name}"] for name in ("sequence_accuracy", "loss")},
            "epochs": len(rows),
            "parameters": 1000,
            "multiply_adds": 10_000 * configuration.arguments["filters"][0],
        }
        write_json(run.metrics, metrics)
        return metrics


def without_training(monkeypatch, train=fake_train):
    """Let trials be trained by `train`, and leave out what takes long beside."""
    monkeypatch.setattr(trial, "train", train)
    monkeypatch.setattr(trial, "_write_hparams", lambda *_: None)
    monkeypatch.setattr(trial.gc, "collect", lambda: None)
    monkeypatch.setattr(loop, "environment", dict)
    monkeypatch.setattr(run_folder, "environment", dict)


@pytest.fixture
def no_training(monkeypatch):
    """Trials without training."""
    without_training(monkeypatch)


def _row(configuration, epoch):
    comparable = dataclasses.replace(configuration, dataset="", validation="")
    score = zlib.crc32(f"{comparable.digest()} {epoch}".encode()) % 1000 / 1000
    return {
        "epoch": epoch + 1, "val_sequence_accuracy": score, "val_loss": 1 - score, "seconds": 1.0
    }  # fmt: skip
