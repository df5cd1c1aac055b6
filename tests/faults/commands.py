"""Small commands in forked processes, and what their folders hold in the end.

TensorFlow is imported once and every command runs in a fork. That works as long as this process
only imports TensorFlow: the threads of its runtime would not survive a fork.
"""

from __future__ import annotations

import csv
import gc
import hashlib
import json
import os
import sys
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, write_photos

SETTINGS = [
    "steps_per_epoch=2",
    "input_shape=[16,32,3]",
    "ema_momentum=0.5",
    "max_digits=2",
    "checkpoint=best",
    "dense_units=[16]",
    "dense_dropout=0.2",
]
"""Settings of a training of `deep_cnn_tiny`, with dropout and averaging. Its dense layers have most
of its weights."""

SEARCH_SETTINGS = [
    "input_shape=[16,32,3]",
    "max_digits=2",
    "blocks=1..2",
    "halvings=1",
    "kernel_size_1=3",
    "kernel_size_2=3",
    "dense_layers=1",
    "dense_dropout=0.0",
    "weight_decay=0.01",
    "batch_size=8",
    "augmentation=0",
]
"""Settings of a search around `deep_cnn_tiny`."""


def set_options(settings: list[str]) -> list[str]:
    """Settings as options of `train.py` and of a search."""
    return [text for setting in settings for text in ("--set", setting)]


TRAINING = ["--recipe", "photos", "--batch-size", "8", *set_options(SETTINGS)]
SEARCH = ["--recipe", "photos", "--epochs", "2", "--steps", "1", *set_options(SEARCH_SETTINGS)]

DIFFERENT = {"hours", "seconds", "environment", "worker", "tried_so_far", "run_times", "end_order"}
"""Keys of JSON files and columns of tables that differ between equal runs: durations, and of
keras-tuner's state a set, which has no order, and how often it handed out a trial, which has a
record of its own and is trained once."""


def prepare(folder: Path) -> Path:
    """Import what the commands need, and write sixty images; returns their folder."""
    import evaluate
    import evaluation.comparison
    import evaluation.report
    import export
    import train
    import training.fit
    import training.summary
    import tuning.__main__
    import tuning.loop
    import tuning.report

    del evaluate, evaluation, export, train, training, tuning
    gc.freeze()  # Keras collects garbage for each model, in every command
    photos = folder / "photos"
    if not photos.exists():
        write_photos(photos)
    return photos


def start(command: Callable[[], int], log: Path) -> int:
    """Run a command in a fork whose output goes to a file; returns the process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        return process
    status = 70
    try:
        os.chdir(ROOT)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", 1, closefd=False) for n in (1, 2))
        status = command()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def wait(process: int) -> int:
    """Wait for a process; its exit status, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def contents(folder: Path) -> dict[str, Any]:
    """The files below a folder by path, without durations; of events only that they exist."""
    return {
        str(path.relative_to(folder)): _content(path)
        for path in sorted(folder.rglob("*"))
        if not path.name.startswith("events.out")
    }


def _content(path: Path) -> Any:
    if path.is_dir():
        return "folder with events" if any(path.glob("events.out*")) else "folder"
    if path.suffix == ".json":
        return _without_durations(json.loads(path.read_text()))
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return _without_durations(list(csv.DictReader(file)))
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:  # the other members have a date and addresses
            return _digest(archive.read("model.weights.h5"))
    if path.suffix in (".html", ".onnx"):  # with durations, and names that are not reproducible
        return path.stat().st_size > 1000
    return _digest(path.read_bytes())


def _without_durations(value: Any) -> Any:
    if isinstance(value, dict):
        items = value.items()
        return {key: _without_durations(item) for key, item in items if key not in DIFFERENT}
    return [_without_durations(item) for item in value] if isinstance(value, list) else value


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
