"""The settings of a search, and its folder:

- `search.json`: the search, with versions and commit;
- `oracle/`: keras-tuner's state;
- `trials/NUMBER/`: the run of each trial, as `train.py` leaves it;
- `trials/NUMBER.json`: its record;
- `best.json`: the best configuration at full length, for `train.py --config`;
- `report.html`: the page.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import models
from artifacts.environment import environment
from artifacts.files import (
    RunError,
    lock,
    read_json,
    remove_leftovers,
    write_json,
)
from artifacts.folders import is_started
from artifacts.run_folder import check_labels, first_difference
from number_zoo.names import unknown_name
from training.configuration import Configuration, configure, default_folder, set_values
from training.fit import steps_per_epoch
from tuning.space import Space, load, model_space

TUNERS = ("random", "bayesian", "hyperband", "grid")

OBJECTIVES = {"sequence_accuracy": "max", "average_precision": "max", "loss": "min"}
"""Validation scores that a search can optimize, and their directions; the first is only for
readers, the second only for locators."""

DEFAULT_TRIALS = 20
"""Default number of trials of a random or Bayesian search."""

LARGEST_GRID = 1000
"""Maximum number of points of a grid that is searched without --trials."""


@dataclass(frozen=True)
class Search:
    """The settings of a search.

    Attributes:
        base: the configuration to search around.
        tuner: one of `TUNERS`.
        objective: one of `OBJECTIVES`; None for the accuracy.
        trials: maximum number of candidates, including refused ones; None for one pass of
            Hyperband.
        epochs: epochs of a trial; for Hyperband of the longest trials.
        steps: batches in an epoch of a trial, for the batch size of `base`.
        budget: maximum number of multiply-adds of a candidate per image; None for no limit.
        overrides: texts that narrow the space.
        space: text of the Python file with the space; None for the space of the model.
        seed: seed of the oracle.
    """

    base: Configuration
    tuner: str = "random"
    objective: str | None = None
    trials: int | None = None
    epochs: int = 1
    steps: int = 1
    budget: float | None = None
    overrides: tuple[str, ...] = ()
    space: str | None = None
    seed: int = 0

    def __post_init__(self):
        if self.tuner not in TUNERS:
            raise ValueError(unknown_name("tuner", self.tuner, TUNERS))
        if self.objective is None:
            object.__setattr__(self, "objective", self.accuracy)
        if self.objective not in (known := (self.accuracy, "loss")):
            raise ValueError(unknown_name("objective", self.objective, known))
        for name in ("trials", "epochs", "steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is at least 1. Received: {value!r}")

    @property
    def accuracy(self) -> str:
        """The accuracy score of the model's task."""
        is_locator = models.entry(self.base.model).task == "locate"
        return "average_precision" if is_locator else "sequence_accuracy"

    def to_json(self) -> dict[str, Any]:
        """The search as JSON values; `from_json` reads them back."""
        return dataclasses.asdict(self) | {
            "base": self.base.to_json(),
            "overrides": list(self.overrides),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Search:
        """The inverse of `to_json`."""
        base = Configuration.from_json(values["base"])
        return cls(**{**values, "base": base, "overrides": tuple(values["overrides"])})

    def make_space(self) -> Space:
        """The space that is searched."""
        return _make_space(self.base, self.space, self.overrides)


def _make_space(base: Configuration, text: str | None, overrides: Sequence[str] = ()) -> Space:
    function = model_space(base.model) if text is None else load(text)
    return Space(function, base, overrides)


def plan(
    model: str,
    dataset: str,
    *,
    settings: Sequence[str] = (),
    space_file: Path | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    data_dir: str | Path | None = None,
    base_arguments: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Search:
    """Create a search from command-line options.

    Args:
        model: name in the registry of models.
        dataset: as for `training.configuration.configure`.
        settings: texts `key=value` that narrow a hyperparameter of the space, or change the
            configuration to search around.
        space_file: file with a space to use instead of that of the model.
        epochs: epochs of a trial. Defaults to a quarter of the recipe's.
        steps: steps of an epoch. Defaults to a quarter of the recipe's.
        seed: seed of the oracle and of the trainings.
        data_dir: where TFDS data lies.
        base_arguments: further arguments of `configure`.
        **fields: further fields of `Search`.

    Raises:
        ValueError: for an unknown name (the message lists the known, nearest first), or a value
            or a space that does not fit.
    """
    base_arguments = {"seed": seed, **(base_arguments or {})}
    # Editors on Windows may begin a file with a byte order mark.
    text = None if space_file is None else space_file.read_text(encoding="utf-8-sig")
    whole = _make_space(configure(model, dataset, **base_arguments), text)
    overrides, others = _divide(settings, whole)
    base = configure(model, dataset, settings=others, **base_arguments)
    names = _make_space(base, text).names  # without augmentation, its strength does not vary
    overrides = [setting for setting in overrides if setting.partition("=")[0] in names]
    full_steps = steps_per_epoch(base, data_dir)
    search = Search(
        base=base,
        epochs=max(1, base.recipe.epochs // 4) if epochs is None else epochs,
        steps=max(1, full_steps // 4) if steps is None else steps,
        overrides=tuple(overrides),
        space=text,
        seed=seed,
        **fields,
    )
    space = search.make_space()
    arguments, _ = set_values(model, base.recipe, space.settings({}))
    models.configuration(model, **arguments)  # an early error, not one in every trial
    if search.trials is not None or search.tuner == "hyperband":
        return search
    trials = _grid_size(space) if search.tuner == "grid" else DEFAULT_TRIALS
    return dataclasses.replace(search, trials=trials)


def _divide(settings: Sequence[str], space: Space) -> tuple[list[str], list[str]]:
    """The settings that narrow a space, and those of the configuration to search around."""
    searched = space.settings({}).keys()
    overrides, others = [], []
    for setting in settings:
        key, _, value = setting.partition("=")
        if key in space.names:
            # A fixed setting also applies to the default configuration, so that trials differ from
            # it only in what is searched; a strength of augmentation is relative to the default's.
            relative = key == "augmentation" and space.contains(setting)
            fixes = ".." not in value and "," not in value
            # Another augmentation, such as "light" or 2, replaces the default's, at strength 1.
            replaces = key == "augmentation" and fixes and space.contains("augmentation=1")
            overrides.append("augmentation=1" if replaces and not relative else setting)
            if key not in searched or relative or not fixes:
                continue
        elif key in searched:
            raise ValueError(
                f"{key} is what is searched: fix or narrow its hyperparameters, among "
                f"{', '.join(space.names)}"
            )
        others.append(setting)
    return overrides, others


def _grid_size(space: Space) -> int:
    size = sum(1 for _ in itertools.islice(space.combinations(), LARGEST_GRID + 1))
    if size > LARGEST_GRID:
        raise ValueError(
            f"the grid has over {LARGEST_GRID:,} points: narrow it with --set, or limit --trials"
        )
    return size


def search_folder(search: Search) -> Path:
    """The default folder of a search, a different one for each search."""
    text = json.dumps(search.to_json() | {"trials": None}, sort_keys=True)
    name = default_folder(search.base).name.rpartition("-")[0]
    return Path("runs") / f"tuning-{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def read_search(folder: Path) -> Search:
    """Read the search of a folder.

    Raises:
        RunError: if the folder contains no search.
    """
    path = folder / "search.json"
    if not path.exists():
        raise RunError(
            f"{folder} is not a search: it has no search.json. Name another folder with --run, or "
            "start the chief before its workers"
        )
    try:
        return Search.from_json(read_json(path)["search"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} is not a search: {error}") from error


@contextlib.contextmanager
def open_search(folder: Path, search: Search, labels: dict[str, str]) -> Iterator[None]:
    """Lock the folder of a search, new or to be resumed, with the digests of its labels.

    Raises:
        RunError: if the folder contains another search or other files, if its labels have changed,
            or if another process searches in it.
    """
    resumes = is_started(folder, "search.json", "search")
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder, "searching"):
        if resumes:
            check_search(folder, search, labels)
            check_labels(folder / "search.json", labels)
        for parent in (folder / "trials", *(folder / "trials").glob("[!.]*/")):
            remove_leftovers(parent)  # also in finished trials, which are not written any more
        content = {
            "search": search.to_json(),
            "hyperparameters": search.make_space().describe(),
            "labels": labels,
            "environment": environment(),
        }
        write_json(folder / "search.json", content)
        yield


def check_search(folder: Path, search: Search, labels: dict[str, str]) -> None:
    """Check that a folder contains this search, possibly with another number of trials.

    Raises:
        RunError: if it contains another search or none, or if its space has changed; if this is due
            to other `labels`, it says so.
    """
    requested = search.to_json()
    present = read_search(folder).to_json() | {"trials": search.trials}
    if present != requested:
        # First, since the number of steps changes with the number of images.
        check_labels(folder / "search.json", labels)
        raise RunError(
            f"{folder} is another search ({first_difference(present, requested)}). Name another "
            "folder with --run, or give the command it was started with."
        )
    hyperparameters = [list(row) for row in search.make_space().describe()]
    present = read_json(folder / "search.json").get("hyperparameters", hyperparameters)
    if present != hyperparameters:  # with another version of the project
        raise RunError(
            f"the search space of {search.base.model} has changed since {folder} was started "
            f"({first_difference(present, hyperparameters, 'hyperparameters')}). Name another "
            "folder with --run"
        )
