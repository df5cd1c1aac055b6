"""What a search varies and how long its trials are, and the folder that holds it.

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
    first_difference,
    foreign_files,
    lock,
    read_json,
    remove_leftovers,
    write_json,
)
from number_zoo.names import unknown_name
from training.configuration import Configuration, configure, default_folder, set_values
from training.fit import steps_per_epoch
from tuning.space import Space, SpaceFunction, load, model_space

TUNERS = ("random", "bayesian", "hyperband", "grid")

OBJECTIVES = {"sequence_accuracy": "max", "average_precision": "max", "loss": "min"}
"""Scores on the validation split that a search can optimize, and their direction; the first is of
readers alone, the second of locators."""

DEFAULT_TRIALS = 20
"""Trials of a random or Bayesian search."""

LARGEST_GRID = 1000
"""Points of a grid that is searched without --trials."""


@dataclass(frozen=True)
class Search:
    """What is searched for, and how.

    Attributes:
        base: the configuration to search around.
        tuner: one of `TUNERS`.
        objective: one of `OBJECTIVES`; None for the accuracy.
        trials: candidates at most, refused ones included; None for one pass of Hyperband.
        epochs: epochs of a trial; of the longest ones of Hyperband.
        steps: batches of the base's size in an epoch of a trial.
        budget: most multiply-adds of a candidate for one image; None for any.
        overrides: texts that narrow the space.
        space: text of the Python file with the space; None for the model's own.
        patience: epochs without improvement after which a trial is stopped; None for never.
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
    patience: int | None = None
    seed: int = 0

    def __post_init__(self):
        if self.tuner not in TUNERS:
            raise ValueError(unknown_name("tuner", self.tuner, TUNERS))
        if self.objective is None:
            object.__setattr__(self, "objective", self.accuracy)
        if self.objective not in (known := (self.accuracy, "loss")):
            raise ValueError(unknown_name("objective", self.objective, known))
        for name in ("trials", "epochs", "steps", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is at least 1. Received: {value!r}")

    @property
    def accuracy(self) -> str:
        """The score of the model's task that is a fraction."""
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
        """Read what `to_json` gave."""
        base = Configuration.from_json(values["base"])
        return cls(**{**values, "base": base, "overrides": tuple(values["overrides"])})

    def make_space(self) -> Space:
        """The space that is searched."""
        return Space(_space_function(self.base.model, self.space), self.base, self.overrides)


def _space_function(model: str, text: str | None) -> SpaceFunction:
    return model_space(model) if text is None else load(text, "the space's file")


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
    """Make a search from what a command line gives.

    Args:
        model: name in the registry of models.
        dataset: as for `training.configuration.configure`.
        settings: texts `key=value` that narrow a hyperparameter of the space, or change the
            configuration to search around.
        space_file: a space to use instead of the model's own.
        epochs: epochs of a trial. Defaults to a quarter of the recipe's.
        steps: steps of an epoch. Defaults to a quarter of the recipe's.
        seed: of the oracle and of the trainings.
        data_dir: where TFDS data lies.
        base_arguments: further arguments of `configure`.
        **fields: further fields of `Search`.

    Raises:
        ValueError: for an unknown name (the message lists the known, nearest first), or a value
            or a space that does not fit.
    """
    base_arguments = {"seed": seed, **(base_arguments or {})}
    text = None if space_file is None else space_file.read_text()
    whole = Space(_space_function(model, text), configure(model, dataset, **base_arguments))
    searched = whole.settings({}).keys()
    overrides, others = [], []
    for setting in settings:
        key, _, value = setting.partition("=")
        if key in whole.names:
            overrides.append(setting)
            # One value of a plain setting is the default's too, so that trials differ from it in
            # what is searched alone; but a strength of augmentation is relative to the default's.
            relative = key == "augmentation" and whole.contains(setting)
            if key not in searched or relative or ".." in value or "," in value:
                continue
        elif key in searched:
            raise ValueError(
                f"{key} is what is searched: fix or narrow its hyperparameters, among "
                f"{', '.join(whole.names)}"
            )
        others.append(setting)
    base = configure(model, dataset, settings=others, **base_arguments)
    left = Space(
        _space_function(model, text), base
    ).names  # without augmentation, no strength of it
    overrides = [setting for setting in overrides if setting.partition("=")[0] in left]
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
    if search.tuner != "grid":
        return dataclasses.replace(search, trials=DEFAULT_TRIALS)
    trials = sum(1 for _ in itertools.islice(space.combinations(), LARGEST_GRID + 1))
    if trials > LARGEST_GRID:
        raise ValueError(
            f"the grid has over {LARGEST_GRID:,} points: narrow it with --set, or limit --trials"
        )
    return dataclasses.replace(search, trials=trials)


def search_folder(search: Search) -> Path:
    """Where a search lies when no folder is named: one for each search."""
    text = json.dumps(search.to_json() | {"trials": None}, sort_keys=True)
    name = default_folder(search.base).name.rpartition("-")[0]
    return Path("runs") / f"tuning-{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def read_search(folder: Path) -> Search:
    """The search that a folder holds.

    Raises:
        RunError: if it holds none.
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
def open_search(folder: Path, search: Search) -> Iterator[None]:
    """Hold the folder of a search: a new one, or one to resume.

    Raises:
        RunError: if the folder holds another search or other files, or another process searches
            in it.
    """
    if folder.is_file():
        raise RunError(f"{folder} is a file: name a folder for the search")
    is_new = not (folder / "search.json").exists()
    if is_new and folder.exists() and foreign_files(folder):
        raise RunError(f"{folder} holds files and is no search: name another folder with --run")
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder, "searching"):
        if not is_new:
            check_search(folder, search)
        for parent in (folder / "trials", *(folder / "trials").glob("[!.]*/")):
            remove_leftovers(parent)  # of finished trials as well, in which nothing more is written
        content = {"search": search.to_json(), "environment": environment()}
        write_json(folder / "search.json", content)
        yield


def check_search(folder: Path, search: Search) -> None:
    """Check that a folder holds this search, perhaps with another number of trials.

    Raises:
        RunError: if it holds another search or none.
    """
    requested = search.to_json()
    present = read_search(folder).to_json() | {"trials": search.trials}
    if present != requested:
        raise RunError(
            f"{folder} is another search ({first_difference(present, requested)}). Name another "
            "folder with --run, or give the command it was started with."
        )
