"""The folder of a training run. All files are written atomically, by one process.

- `config.json`: configuration and environment;
- `checkpoint.npz`: weights and optimizer state after the last finished epoch;
- `model.keras`: the selected model, without optimizer;
- `history.csv`: one row per epoch;
- `skipped.csv`: rows of folders of photos that were left out, if there are any;
- `tensorboard/`: TensorBoard logs;
- `metrics.json`: scores of the selected model; its presence marks the run as finished.
"""

from __future__ import annotations

import contextlib
import csv
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from artifacts.environment import environment
from artifacts.files import (
    RunError,
    lock,
    read_json,
    remove_leftovers,
    write_csv,
    write_json,
)
from artifacts.folders import is_started


def read_run_configuration(path: Path) -> dict[str, Any]:
    """Read the configuration from a run's `config.json` or a file of the same form.

    Raises:
        RunError: if there is no such file or it has no configuration.
    """
    if not path.exists():
        raise RunError(f"{path.parent} is not a run: it has no {path.name}")
    if path.is_dir():
        raise RunError(f"{path} is a folder: name the file in it, as {path / 'config.json'}")
    content = read_json(path)
    if not (isinstance(content, dict) and isinstance(content.get("configuration"), dict)):
        raise RunError(f'{path} is not the configuration of a run: it has no "configuration"')
    return content["configuration"]


def changed_labels(path: Path, labels: Mapping[str, str]) -> list[str]:
    """Keys of digests that differ from those under "labels" in a JSON file, if it has them.

    A written digest may be the beginning of the other one: earlier versions had none of the sizes
    of images.
    """
    written = read_json(path).get("labels", {})
    return [name for name, digest in labels.items() if not digest.startswith(written.get(name, ""))]


def check_labels(path: Path, labels: Mapping[str, str]) -> None:
    """Check that the labels and images are those with which a run or a search was started.

    Args:
        path: its JSON file.
        labels: digests of the labels of its folders of photos, by their names.

    Raises:
        RunError: if labels or images have changed.
    """
    if changed := changed_labels(path, labels):
        raise RunError(
            f"{path.parent} cannot be resumed: labels or images of {', '.join(changed)} have "
            "changed since it was started. Name another folder with --run, or restore them"
        )


class RunFolder:
    """Paths and tables of one run; `open_run` creates the folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = folder / "config.json"
        self.checkpoint = folder / "checkpoint.npz"
        self.model = folder / "model.keras"
        self.history = folder / "history.csv"
        self.tensorboard = folder / "tensorboard"
        self.metrics = folder / "metrics.json"

    @property
    def finished(self) -> bool:
        """Whether `metrics.json` was written."""
        return self.metrics.exists()

    @property
    def is_trained(self) -> bool:
        """Whether an epoch has ended, or a finished model was stored."""
        return self.checkpoint.exists() or self.model.exists() or self.finished

    def read_history(self, epochs: int) -> list[dict[str, float]]:
        """Rows of the first `epochs` epochs; later rows have no checkpoint and are ignored."""
        if not self.history.exists():
            return []
        with self.history.open(newline="") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        return [row | {"epoch": int(row["epoch"])} for row in rows if row["epoch"] <= epochs]

    def write_history(self, rows: list[Mapping[str, float]]) -> None:
        """Write all rows; the columns are the keys of the first row."""
        write_csv(self.history, [list(rows[0]), *([row[key] for key in rows[0]] for row in rows)])


@contextlib.contextmanager
def open_run(
    folder: Path, configuration: Mapping[str, Any], labels: Mapping[str, str] | None = None
) -> Iterator[RunFolder]:
    """Lock the folder of a run for writing, and create it if it is new.

    A run that was stopped before its first epoch ended takes another configuration. If the block
    raises before a new run has a checkpoint or is finished, the folder is removed.

    Args:
        folder: the folder.
        configuration: configuration of the run, as JSON values.
        labels: digests of the labels of its folders of photos, by their names.

    Raises:
        RunError: if the folder is a file, or contains other files or a run of another
            configuration, or an unfinished one of other labels, or if another process writes this
            run.
    """
    run = RunFolder(folder)
    labels = labels or {}
    _check(run, configuration, labels)
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder, "training"):
        _check(run, configuration, labels)  # another process may have created it in the meantime
        remove_leftovers(folder)
        new = not run.config.exists()  # only then the folder holds nothing else, and may be removed
        if not run.is_trained:
            shutil.rmtree(run.tensorboard, ignore_errors=True)
            content = {"configuration": dict(configuration), "labels": dict(labels)}
            write_json(run.config, content | {"environment": environment()})
        try:
            yield run
        except BaseException:
            if new and not run.checkpoint.exists() and not run.finished:
                shutil.rmtree(folder, ignore_errors=True)
            raise


def _check(run: RunFolder, configuration: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    if not is_started(run.folder, run.config.name, "run"):
        return
    written = read_run_configuration(run.config)
    is_other = run.is_trained and written != dict(configuration)
    # First, since settings that are chosen from the images change with them.
    if is_other or (run.is_trained and not run.finished):
        check_labels(run.config, labels)
    if is_other:
        raise RunError(
            f"{run.folder} is a run of another configuration "
            f"({first_difference(written, dict(configuration))}). Name another folder with "
            "--run, or repeat the command that started it"
        )


def first_difference(old: Any, new: Any, key: str = "") -> str:
    """Describe the first difference of two JSON values, such as `recipe.epochs: 3, now 4`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old | new:
            if old.get(name) != new.get(name):
                return first_difference(old.get(name), new.get(name), f"{key}.{name}".strip("."))
    old, new = repr(old), repr(new)
    # Long values are shown from where they differ.
    pairs = enumerate(zip(old, new, strict=False))
    equal = next((index for index, (a, b) in pairs if a != b), min(len(old), len(new)))
    start = max(0, equal - 40) if max(len(old), len(new)) > 80 else 0
    old, new = (
        f"{'…' * (start > 0)}{text[start : start + 80]}{'…' * (len(text) > start + 80)}"
        for text in (old, new)
    )
    return f"{key}: {old}, now {new}"
