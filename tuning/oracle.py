"""The oracles of keras-tuner that choose the candidates of a search, and their state on disk."""

from __future__ import annotations

import itertools
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import keras_tuner as kt

from tuning.search import OBJECTIVES, Search
from tuning.space import Space

log = logging.getLogger(__name__)


def make_oracle(search: Search, space: Space) -> kt.Oracle:
    """The oracle of a search."""
    arguments: dict[str, Any] = {
        "objective": kt.Objective(search.objective, OBJECTIVES[search.objective]),
        "hyperparameters": space.hyperparameters,
        "allow_new_entries": False,
        "tune_new_entries": False,
        "seed": search.seed + 1,  # keras-tuner takes 0 for "none"
        "max_consecutive_failed_trials": None,  # keras-tuner counts refused candidates as failed
    }
    if search.tuner == "hyperband":
        oracle = kt.oracles.HyperbandOracle(max_epochs=search.epochs, **arguments)
        oracle.max_trials = search.trials
        return oracle
    arguments["max_trials"] = search.trials
    if search.tuner == "bayesian":
        # The default, three per hyperparameter, is more than the trials of most searches.
        return _BayesianOracle(num_initial_points=max(3, search.trials // 3), **arguments)
    if search.tuner == "grid":
        return _GridOracle(space, **arguments)
    return kt.oracles.RandomSearchOracle(**arguments)


class _BayesianOracle(kt.oracles.BayesianOptimizationOracle):
    @kt.synchronized
    def end_trial(self, trial: Any) -> None:
        """Ignore the values that a worker sends back: 0.1 has become 0.10000000149."""
        trial.hyperparameters = self.trials[trial.trial_id].hyperparameters
        super().end_trial(trial)


class _GridOracle(kt.Oracle):
    """Every combination in order. keras-tuner's grid search loses its position when it is
    reloaded."""

    def __init__(self, space: Space, **arguments: Any):
        super().__init__(**arguments)
        self.space = space

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The combination of a trial's number."""
        values = next(itertools.islice(self.space.combinations(), int(trial_id), None), None)
        return {"status": "STOPPED" if values is None else "RUNNING", "values": values}


def delete_damaged_state(folder: Path) -> None:
    """Delete keras-tuner's state if a kill or a full disk interrupted writing it.

    The oracle then starts from the beginning: with the same seed it chooses the same candidates, as
    far as they do not depend on the order in which workers finish, and `run_trial` immediately
    returns the results of trained candidates.
    """
    started = {path.name.removeprefix("trial_") for path in folder.glob("trial_*")}
    try:
        states = {path: json.loads(path.read_text()) for path in folder.rglob("*.json")}
        damaged = started != {
            *states.get(folder / "oracle.json", {"start_order": ()})["start_order"]
        }
    except json.JSONDecodeError:
        damaged = True
    if damaged:
        log.warning("keras-tuner's state is incomplete: the candidates are chosen again")
        shutil.rmtree(folder)
