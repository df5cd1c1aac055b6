"""The folder of a run: its files appear whole or not at all, and one process writes it.

- `config.json`: the configuration, versions, commit and machine;
- `checkpoint.weights.h5`: the state after the last finished epoch, optimiser included;
- `model.keras`: the best model on validation so far;
- `history.csv`: one row an epoch;
- `tensorboard/`: logs for TensorBoard;
- `metrics.json`: scores of the best model; there once the run is finished.
"""

from __future__ import annotations

import contextlib
import csv
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from artifacts.environment import environment
from artifacts.files import RunError, first_difference, lock, read_json, replacing, write_json


def read_run_configuration(path: Path) -> dict[str, Any]:
    """Read the configuration from a run's `config.json`, or a file of the same form.

    Raises:
        RunError: if the file holds something else.
    """
    content = read_json(path)
    if not (isinstance(content, dict) and isinstance(content.get("configuration"), dict)):
        raise RunError(f'{path} is not the configuration of a run: it has no "configuration"')
    return content["configuration"]


class RunFolder:
    """The files of one run. Make one with `open_run`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = folder / "config.json"
        self.checkpoint = folder / "checkpoint.weights.h5"
        self.model = folder / "model.keras"
        self.history = folder / "history.csv"
        self.tensorboard = folder / "tensorboard"
        self.metrics = folder / "metrics.json"

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end."""
        return self.metrics.exists()

    def configuration(self) -> dict[str, Any]:
        """The configuration that the run was started with, as JSON values.

        Raises:
            RunError: if the folder has no `config.json`, or it holds something else.
        """
        if not self.config.exists():
            raise RunError(f"{self.folder} is not a run: it has no config.json")
        return read_run_configuration(self.config)

    def save_keras(self, path: Path, save: Callable[[str], None]) -> None:
        """Let `save` write a Keras file, which then takes the place of `path`."""
        with replacing(path) as part:
            # Keras decides by the ending how to write.
            save(str(part))

    def read_history(self, epochs: int) -> list[dict[str, float]]:
        """Rows of the first `epochs` epochs; an epoch that was cut off left none that count."""
        if not self.history.exists():
            return []
        with self.history.open(newline="") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        return [row | {"epoch": int(row["epoch"])} for row in rows if row["epoch"] <= epochs]

    def write_history(self, rows: list[Mapping[str, float]]) -> None:
        """Write all rows; the first row's keys are the columns."""
        with replacing(self.history) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


@contextlib.contextmanager
def open_run(folder: Path, configuration: Mapping[str, Any]) -> Iterator[RunFolder]:
    """Open the folder of a run for training: a new one, or one to go on with.

    Raises:
        RunError: if the folder holds a run of another configuration, files that are no run, or is
            being written by another process.
    """
    run = RunFolder(folder)
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file: name a folder for the run")
    if folder.exists() and any(folder.iterdir()) and not run.config.exists():
        strangers = [f.name for f in folder.iterdir() if f.name != ".lock"]
        if strangers:
            raise RunError(f"{folder} holds files and is no run: {', '.join(strangers[:3])} …")
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder, "training"):
        if run.config.exists():
            _check_same(run, configuration)
        else:
            values = {"configuration": dict(configuration), "environment": environment()}
            write_json(run.config, values)
        yield run


@contextlib.contextmanager
def scratch_run() -> Iterator[RunFolder]:
    """A run that nobody keeps, for a process that must do all that the one that leads does.

    Saving and logging compute with arrays that the processes hold together: where one of them does
    less than the others, they wait for each other or mistake one array for another.
    """
    with tempfile.TemporaryDirectory(prefix="run-", ignore_cleanup_errors=True) as folder:
        _scratch.add(folder)
        yield RunFolder(Path(folder))
    _scratch.discard(folder)


_scratch: set[str] = set()


def remove_scratch() -> None:
    """Remove what `scratch_run` made, in a process that is about to end at once."""
    for folder in _scratch:
        shutil.rmtree(folder, ignore_errors=True)


def _check_same(run: RunFolder, configuration: Mapping[str, Any]) -> None:
    found, asked = run.configuration(), dict(configuration)
    if found != asked:
        raise RunError(
            f"{run.folder} is a run of another configuration ({first_difference(found, asked)}). "
            "Name another folder with --run, or give the command it was started with."
        )
