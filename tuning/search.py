"""A search and its folder: what is searched, the trials one after the other, the best of them.

- `search.json`: what is searched, and with which versions;
- `oracle/`: keras-tuner's state, and what came of each trial;
- `trials/NUMBER/`: the run of each trial, as `train.py` would have left it;
- `best.json`: the best configuration over the full length, as `train.py --config` takes it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artifacts.environment import environment
from artifacts.files import RunError, first_difference, lock, read_json, write_json
from artifacts.names import unknown_name
from training.configuration import Configuration, configure, default_folder
from training.fit import steps_per_epoch
from training.recipes import quick
from tuning import spaces
from tuning.candidates import candidate, parse_limits
from tuning.objectives import Objective, get_objective
from tuning.space import Space, SpaceFunction, load

TUNERS = ("random", "bayesian", "hyperband", "grid")

TRIALS_WANTED = 20
"""Trials of a random or Bayesian search that does not say how many."""

GRID_MOST = 1000
"""Points of a grid that is gone through without a word about how many trials there may be."""


@dataclass(frozen=True)
class Search:
    """What is searched for, and how.

    Attributes:
        base: the configuration to start from, and to come back to for the long training.
        tuner: one of `TUNERS`.
        objective: name of one of `objectives.OBJECTIVES`.
        trials: how many at most; None for all of a grid or of a pass of Hyperband.
        epochs: of a trial; of the longest ones of Hyperband.
        steps: batches, of the base's size, in an epoch of a trial.
        limits: what a candidate may cost, as `candidates.parse_limits` reads it.
        narrowing: texts that fix or narrow dimensions.
        space: Python text of the file that the space came in; None for the model's own.
        patience: epochs without progress after which a trial is stopped; None for never.
        median_stop: whether trials below the median of earlier ones are stopped.
        seed: of the draws; the trials are trained with the base's.
    """

    base: Configuration
    tuner: str = "random"
    objective: str = "sequence_accuracy"
    trials: int | None = None
    epochs: int = 1
    steps: int = 1
    limits: Mapping[str, float] = field(default_factory=dict)
    narrowing: tuple[str, ...] = ()
    space: str | None = None
    patience: int | None = None
    median_stop: bool = False
    seed: int = 0

    def __post_init__(self):
        if self.tuner not in TUNERS:
            raise ValueError(unknown_name("tuner", self.tuner, TUNERS))
        get_objective(self.objective)
        for name in ("trials", "epochs", "steps", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is at least 1. Received: {value!r}")
        if self.tuner == "hyperband" and self.median_stop:
            raise ValueError("hyperband stops the worse trials itself: leave median stopping out")

    @property
    def aim(self) -> Objective:
        """The objective."""
        return get_objective(self.objective)

    def to_json(self) -> dict[str, Any]:
        """The search as JSON values; `from_json` reads them back."""
        return dataclasses.asdict(self) | {"base": self.base.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Search:
        """Read what `to_json` wrote."""
        values = dict(values)
        base = Configuration.from_json(values.pop("base"))
        return cls(base=base, narrowing=tuple(values.pop("narrowing")), **values)

    def make_space(self) -> Space:
        """The space that is searched."""
        return Space(_function(self.base.model, self.space), self.base, self.narrowing)


def _function(model: str, text: str | None) -> SpaceFunction:
    return spaces.of_model(model) if text is None else load(text, "the space's file")


def plan(
    model: str,
    dataset: str,
    *,
    settings: Sequence[str] = (),
    limits: Sequence[str] = (),
    space_file: Path | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    data_dir: str | Path | None = None,
    named: Mapping[str, Any] | None = None,
    **asked: Any,
) -> Search:
    """Put a search together from what a command line gives.

    Args:
        model: name in the registry of models.
        dataset: as for `training.configuration.configure`.
        settings: texts `key=value`: they fix or narrow a dimension of the space, or change the
            configuration to start from.
        limits: what a candidate may cost, as `candidates.parse_limits` takes it.
        space_file: a space in place of the model's own.
        epochs, steps: of a trial. Default to those of the recipe's quick variant.
        seed: of the draws and of the trials.
        data_dir: where TFDS data lies.
        named: further arguments of `configure`.
        **asked: further fields of `Search`.

    Raises:
        ValueError: for an unknown name (the message lists the known, nearest first), or a value
            or a space that does not fit.
    """
    named = {"seed": seed, **(named or {})}
    text = None if space_file is None else space_file.read_text()
    found = Space(_function(model, text), configure(model, dataset, **named))
    names = {hp.name for hp in found.dimensions}
    narrowing = [one for one in settings if one.partition("=")[0] in names]
    others = [one for one in settings if one not in narrowing]
    searched = found.settings(found.hyperparameters.values).keys() - names
    for key in (one.partition("=")[0] for one in others):
        if key in searched:
            raise ValueError(
                f"{key} is what the search is for: fix or narrow its dimensions, among "
                f"{', '.join(hp.name for hp in found.dimensions)}"
            )
    base = configure(model, dataset, settings=others, **named)
    full, short = steps_per_epoch(base, data_dir), quick(base.recipe)
    made = Search(
        base=base,
        epochs=epochs or short.epochs,
        steps=steps or short.steps_per_epoch or full,
        limits=parse_limits(limits),
        narrowing=tuple(narrowing),
        space=text,
        seed=seed,
        **asked,
    )
    return _checked(made, full)


def _checked(search: Search, full_steps: int) -> Search:
    """The search, with as many trials as its tuner needs to be told, if it can be begun at all."""
    made = search.make_space()
    defaults = made.settings(made.hyperparameters.values)
    candidate(search.base, defaults, full_steps, (search.epochs, search.steps))
    if search.trials is None and search.tuner in ("random", "bayesian"):
        return dataclasses.replace(search, trials=TRIALS_WANTED)
    points = made.combinations()
    if search.trials is None and search.tuner == "grid" and points > GRID_MOST:
        raise ValueError(
            f"the grid has {points:,} points: narrow its dimensions, or say how many to try"
        )
    return search


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
        raise RunError(f"{folder} is not a search: it has no search.json")
    try:
        return Search.from_json(read_json(path)["search"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} does not say what to search: {error}") from error


@contextlib.contextmanager
def open_search(folder: Path, search: Search) -> Iterator[None]:
    """Hold the folder of a search: a new one, or one to go on with.

    Raises:
        RunError: if the folder holds another search, files that are none, or is being searched by
            another process.
    """
    path = folder / "search.json"
    if folder.is_file():
        raise RunError(f"{folder} is a file: name a folder for the search")
    if folder.exists() and not path.exists() and [f for f in folder.iterdir() if f.name != ".lock"]:
        raise RunError(f"{folder} holds files and is no search: name another folder with --run")
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder, "searching"):
        asked = search.to_json()
        if path.exists():
            # More trials than at first is a search that goes on.
            found = read_search(folder).to_json() | {"trials": search.trials}
            if found != asked:
                raise RunError(
                    f"{folder} is another search ({first_difference(found, asked)}). Name another "
                    "folder with --run, or give the command it was started with."
                )
        write_json(path, {"search": asked, "environment": environment()})
        yield
