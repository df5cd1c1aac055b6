"""What came of each trial: a small file beside the oracle's, whole or not there at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artifacts.files import RunError, read_json, write_json
from artifacts.run_folder import RunFolder
from tuning.objectives import Objective

ORACLE, TRIALS = "oracle", "trials"
"""Folders of a search: keras-tuner's state, and the trials' runs."""

FINISHED, STOPPED, FAILED, RUNNING = "finished", "stopped", "failed", "running"


@dataclass(frozen=True)
class Record:
    """A trial and what came of it.

    Attributes:
        trial: its number, as keras-tuner writes it.
        status: "running", "finished", "stopped" (before its last epoch) or "failed".
        values: the dimensions' values that apply.
        settings: what they make, as `train.py --set` names it.
        reason: why it stopped or failed; "" otherwise.
        score: of the objective; None where it failed or runs.
        validation: all scores of its best epoch on the validation split.
        epochs: how many it trained, those of the trial that it went on from included.
        seconds: how long the trial took, all told.
        parameters, multiply_adds: what its model costs; None where it failed before it was built.
        starts: how often it was begun since it last finished an epoch.
        worker: who did it.
    """

    trial: str
    status: str
    values: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    score: float | None = None
    validation: Mapping[str, float] = field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0
    parameters: int | None = None
    multiply_adds: int | None = None
    starts: int = 1
    worker: str = ""

    @property
    def scored(self) -> bool:
        """Whether the trial came to a score."""
        return self.status in (FINISHED, STOPPED)


def record_file(folder: Path, trial: str) -> Path:
    """Where the record of a trial of the search in `folder` is."""
    return folder / ORACLE / f"trial_{trial}" / "outcome.json"


def run_of(folder: Path, trial: str) -> RunFolder:
    """The run of a trial."""
    return RunFolder(folder / TRIALS / trial)


def write_record(folder: Path, record: Record) -> None:
    """Write the record of a trial."""
    path = record_file(folder, record.trial)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, dataclasses.asdict(record))


def read_record(folder: Path, trial: str) -> Record | None:
    """The record of a trial; None where it was never begun."""
    path = record_file(folder, trial)
    if not path.exists():
        return None
    try:
        return Record(**read_json(path))
    except TypeError as error:
        raise RunError(f"{path} is not the record of a trial: {error}") from error


def read_records(folder: Path) -> list[Record]:
    """The records of all trials of a search, in the order of their numbers."""
    found = (folder / ORACLE).glob("trial_*/outcome.json")
    names = [path.parent.name.removeprefix("trial_") for path in found]
    return [read_record(folder, name) for name in sorted(names, key=int)]


def read_refused(folder: Path) -> list[dict[str, Any]]:
    """The candidates that a search refused: their `values` and the `reason`."""
    path = folder / ORACLE / "oracle.json"
    return read_json(path)["refused"] if path.exists() else []


def best_first(records: Iterable[Record], objective: Objective) -> list[Record]:
    """The trials with a score, the best first, the smaller loss before the other where they tie."""
    scored = [one for one in records if one.scored]
    return sorted(
        scored, key=lambda one: (-objective.gain(one.score), one.validation["loss"], int(one.trial))
    )


def best(records: Iterable[Record], objective: Objective) -> Record | None:
    """The first of `best_first`; None where no trial has a score."""
    return next(iter(best_first(records, objective)), None)
