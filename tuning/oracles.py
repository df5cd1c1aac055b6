"""keras-tuner's oracles, made to refuse what costs too much and to stand a kill at any moment.

What each class adds to its base in keras-tuner 1.4:

- all: the first candidate is the default configuration; candidates over the limits are refused
  before they become trials, and counted; state is written whole or not at all; a trial that was
  under way when the process ended is taken up again, and so is one whose worker has gone silent;
- Bayesian: what was refused counts as a failure, so that it is not proposed again and again;
- grid: a search that goes on finds its place in the grid again (there it is forgotten).
"""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras_tuner as kt
import numpy as np
from keras_tuner.engine.trial import Trial, TrialStatus

from artifacts.files import write_json

DRAWS = 200
"""Candidates refused one after the other before a search gives up."""

PROPOSALS = 5
"""Proposals of the Gaussian process refused one after the other before one is drawn at random."""

SILENCE = 120.0
"""Seconds without a sign of a worker after which its trial is given to another."""


class SearchOracle(kt.Oracle):
    """What all oracles here have in common; stands before keras-tuner's own among the bases."""

    def guard(
        self,
        refusal: Callable[[Mapping[str, Any]], str | None],
        on_end: Callable[[str], None],
        shared: bool = False,
    ) -> None:
        """Say what the oracle is to heed; call it before the search.

        Args:
            refusal: why values are not worth a trial, or None.
            on_end: called with a trial's id when it has ended.
            shared: whether other processes do the trials.
        """
        self.verbose = 0
        self.refused: list[dict[str, Any]] = []
        self._refusal = refusal
        self._on_end = on_end
        self._shared = shared
        self._accepted: set[str] = set()
        self._heard: dict[str, float] = {}
        self._taken: dict[str, Trial] = {}
        self._silent: dict[str, str] = {}

    def fits(self, values: Mapping[str, Any]) -> bool:
        """Whether values are worth a trial; if not, they are noted."""
        key = self._compute_values_hash(values)
        if key in self._accepted:
            return True
        reason = self._refusal(values)
        if reason is None:
            self._accepted.add(key)
            return True
        self.refused.append({"values": dict(values), "reason": reason})
        self._tried_so_far.add(key)
        return False

    def _random_values(self) -> dict[str, Any] | None:
        if not self.trials:
            defaults = self.get_space().values
            if self.fits(defaults):
                return defaults
        for _ in range(DRAWS):
            values = super()._random_values()
            if values is None or self.fits(values):
                return values
        return None

    @kt.synchronized
    def create_trial(self, tuner_id: str) -> Trial:
        """A trial for a worker; one that may yet be given back is worth waiting for."""
        self.release_silent()
        self._heard[tuner_id] = time.monotonic()
        trial = super().create_trial(tuner_id)
        self._heard[trial.trial_id] = time.monotonic()
        if trial.status == TrialStatus.STOPPED:
            self.save()  # with what was refused at last
            if self.ongoing_trials:
                trial.status = TrialStatus.IDLE
                self.tuner_ids.add(tuner_id)
        return _values_only(trial)

    @kt.synchronized
    def get_trial(self, trial_id: str) -> Trial:
        """A trial; a worker asks for its own to show that it is alive."""
        self._heard[trial_id] = time.monotonic()
        self._take_back(trial_id)
        return _values_only(super().get_trial(trial_id))

    def update_trial(self, trial_id: str, metrics: Mapping[str, float], step: int = 0) -> Trial:
        """Note a trial's metrics."""
        return _values_only(super().update_trial(trial_id, metrics, step))

    @kt.synchronized
    def end_trial(self, trial: Trial) -> None:
        """Note that a trial has ended, and how."""
        # What comes back from a worker has lost its space and half the digits of its numbers.
        trial.hyperparameters = self.trials[trial.trial_id].hyperparameters
        self._take_back(trial.trial_id)
        if trial.trial_id in self.end_order:  # two workers had it
            self.end_order.remove(trial.trial_id)
        super().end_trial(trial)
        self.save()
        self._on_end(trial.trial_id)

    @kt.synchronized
    def release_silent(self) -> list[str]:
        """Take trials away from workers that have not been heard of; their ids."""
        if not self._shared:
            return []
        late = time.monotonic() - SILENCE
        lost = [
            (worker, trial.trial_id)
            for worker, trial in self.ongoing_trials.items()
            if self._heard.setdefault(trial.trial_id, time.monotonic()) < late
        ]
        for worker, trial_id in lost:
            del self.ongoing_trials[worker]
            self._retry_queue.append(trial_id)
            self._silent[trial_id] = worker
        for worker in [one for one in self.tuner_ids if one not in self.ongoing_trials]:
            if self._heard.setdefault(worker, time.monotonic()) < late:
                self.tuner_ids.discard(worker)
        return [trial_id for _, trial_id in lost]

    def _take_back(self, trial_id: str) -> None:
        """Leave a trial with the worker that was silent and is heard again, if none else has it."""
        worker = self._silent.pop(trial_id, None)
        if worker is None or worker in self.ongoing_trials or trial_id not in self._retry_queue:
            return
        self._retry_queue.remove(trial_id)
        self.ongoing_trials[worker] = self.trials[trial_id]
        self.tuner_ids.add(worker)

    def get_state(self) -> dict[str, Any]:
        return super().get_state() | {"refused": self.refused}

    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state(state)
        self.refused = list(state["refused"])
        self._taken = dict(self.ongoing_trials)

    def save(self) -> None:
        write_json(Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial: Trial) -> None:
        write_json(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def reload(self) -> None:
        """Go on with the search in the folder."""
        super().reload()
        for trial_id, trial in sorted(self.trials.items()):
            if trial_id not in self.start_order:  # killed before the oracle's own file was written
                self.start_order.append(trial_id)
                self._record_values(trial)
            if trial_id not in self.end_order and trial_id not in self._retry_queue:
                self._retry_queue.append(trial_id)
        if self._shared:  # their workers may be at them still
            self.ongoing_trials = self._taken
            for trial in self._taken.values():
                self._retry_queue.remove(trial.trial_id)


def _values_only(trial: Trial) -> Trial:
    """A trial as a worker needs it; keras-tuner cannot send conditions without printing them."""
    light = Trial(kt.HyperParameters(), trial.trial_id, trial.status, trial.message)
    light.hyperparameters.values = dict(trial.hyperparameters.values)
    light.metrics, light.score, light.best_step = trial.metrics, trial.score, trial.best_step
    return light


class Random(SearchOracle, kt.oracles.RandomSearchOracle):
    """Candidates drawn at random."""


class Hyperband(SearchOracle, kt.oracles.HyperbandOracle):
    """Many short trials, of which the best go on (Li et al. 2018)."""

    def planned(self) -> list[int]:
        """How many epochs each trial of a pass is to train for."""
        epochs = []
        for bracket in range(self._get_num_brackets()):
            before = 0
            for turn in range(self._get_num_rounds(bracket)):
                until = self._get_epochs(bracket, turn)
                epochs += [until - before] * self._get_size(bracket, turn)
                before = until
        return epochs


class Bayesian(SearchOracle, kt.oracles.BayesianOptimizationOracle):
    """After some drawn at random, candidates that a Gaussian process expects most of."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        for _ in range(PROPOSALS):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # its length scales hit their bounds; no harm
                proposed = super().populate_space(trial_id)
            values = proposed["values"]
            if values is None or (not self._duplicate(values) and self.fits(values)):
                return proposed
        return self._random_populate_space()

    def _vectorize_trials(self) -> tuple[np.ndarray, np.ndarray]:
        """The trials so far, and what was refused as if it had scored as the worst of them."""
        x, y = super()._vectorize_trials()
        space = self._nonfixed_space()
        refused = [
            [hp.value_to_prob(one["values"].get(hp.name, hp.default)) for hp in space]
            for one in self.refused
        ]
        if not refused or not len(y):
            return x, y
        return np.concatenate([x, refused]), np.concatenate([y, np.full(len(refused), y.max())])


class Grid(SearchOracle, kt.oracles.GridSearchOracle):
    """Every combination in turn, the default first."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        proposed = super().populate_space(trial_id)
        if len(self.start_order) == 0 and not self.fits(proposed["values"]):
            proposed["values"] = self._get_next_combination(proposed["values"])
            if proposed["values"] is None:
                proposed["status"] = TrialStatus.STOPPED
        return proposed

    def _get_next_combination(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        following = super()._get_next_combination(values)
        while following is not None and not self.fits(following):
            following = super()._get_next_combination(following)
        return following

    def reload(self) -> None:
        super().reload()
        values = {name: trial.hyperparameters.values for name, trial in self.trials.items()}
        ascending = functools.cmp_to_key(lambda a, b: self._compare(values[a], values[b]))
        self._populate_next = sorted(self.trials, key=ascending)
        self._ordered_ids = type(self._ordered_ids)()
        for trial_id in self._populate_next:
            self._ordered_ids.insert(trial_id)
