"""The loop of a search: keras-tuner's oracles choose the candidates, `run_trial` trains them.

On several machines keras-tuner's chief hands the trials to workers, as set by the environment
variables `KERASTUNER_TUNER_ID` ("chief", or a worker's name), `KERASTUNER_ORACLE_IP` and
`KERASTUNER_ORACLE_PORT`. `Tuner.run_trial` is used in place of a `HyperModel`: it knows the
trial's number, which names the run, and leaves checkpoints to the run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import logging
import os
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras_tuner as kt

from artifacts.console import duration
from artifacts.environment import environment
from artifacts.files import RunError, write_json
from training.fit import steps_per_epoch
from tuning.search import OBJECTIVES, Search, open_search
from tuning.trial import (
    FAILED,
    FINISHED,
    REFUSED,
    TrialContext,
    TrialFailed,
    TrialRecord,
    best_first,
    candidate,
    read_records,
    run_trial,
)

log = logging.getLogger(__name__)

FAILURES = 5
"""Trials that fail in succession before a search stops: the cause is not the candidates."""

VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


def run_search(
    search: Search, folder: Path, *, data_dir: Path | None = None, cache_dir: Path | None = None
) -> list[TrialRecord]:
    """Search, or resume the search in `folder`; or take part in it as the environment says.

    Args:
        search: the search.
        folder: its folder, which the chief and the workers share.
        data_dir, cache_dir: as for `training.fit.train`.

    Returns:
        The records of all trials.

    Raises:
        RunError: if the folder holds something else, keras-tuner's state in it cannot be read, or
            another process searches there.
        kt.errors.FatalError: if trials fail in succession or files cannot be written.
    """
    role = process_role()
    worker = os.environ[VARIABLES[0]] if role == "worker" else ""
    with contextlib.nullcontext() if worker else open_search(folder, search):
        full_steps = steps_per_epoch(search.base, data_dir)
        context = TrialContext(
            search, folder, search.make_space(), full_steps, data_dir, cache_dir, worker
        )
        if role != "chief":
            _train_default(context)
        # keras-tuner prints a table for each trial, and values whenever it talks to a worker.
        with _quiet():
            tuner = _ZooTuner(context)
            if role == "chief":
                socket.create_server(
                    (os.environ[VARIABLES[1]], int(os.environ[VARIABLES[2]]))
                ).close()
            tuner.search(verbose=0)
    return read_records(folder)


def process_role() -> str:
    """Whether this process searches "alone", is the "chief" or a "worker".

    Raises:
        ValueError: if the environment has some of the variables and not the others.
    """
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if len(missing) == len(VARIABLES):
        return "alone"
    if missing:
        raise ValueError(
            f"a chief and its workers are told {', '.join(VARIABLES)}. Missing: "
            f"{', '.join(missing)}"
        )
    return "chief" if "chief" in os.environ[VARIABLES[0]] else "worker"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", module="sklearn")  # length scales at their bounds
        yield


class _ZooTuner(kt.Tuner):
    """Trains the trials that an oracle chooses with `run_trial`."""

    def __init__(self, context: TrialContext):
        self.context = context
        self.failures = 0
        try:
            super().__init__(_oracle(context), directory=str(context.folder), project_name="oracle")
            state = Path(self.project_dir) / "oracle.json"
            if process_role() != "worker" and state.exists():
                self.oracle.reload()  # also a search that a process in another role started
        except (json.JSONDecodeError, KeyError) as error:
            raise RunError(
                f"{context.folder / 'oracle'} cannot be read ({error}): delete it and rerun the "
                "command. Trials that are finished are not trained again."
            ) from error

    def on_search_begin(self) -> None:
        """Write the tuner's state, or a kill in the first trial makes keras-tuner start anew."""
        self.save()

    def run_trial(self, trial: Any, **_: Any) -> dict[str, float]:
        """Train a trial; what is not the candidate's fault ends the search."""
        try:
            record = run_trial(self.context, trial.trial_id, trial.hyperparameters.values)
        except TrialFailed as error:
            raise kt.errors.FailedTrialError(str(error)) from error
        except (OSError, RunError) as error:
            raise kt.errors.FatalRuntimeError(
                f"trial {trial.trial_id} was stopped: {error}. Rerun the same command to resume."
            ) from error
        return {self.context.search.objective: record.score}

    def on_trial_end(self, trial: Any) -> None:
        """Report the trial, keep the best, and stop when one trial after the other fails."""
        super().on_trial_end(trial)
        records = read_records(self.context.folder)
        record = next(record for record in records if record.trial == trial.trial_id)
        _report_trial(self.context, records, record)
        _keep_best(self.context, records)
        if record.status != REFUSED:
            self.failures = self.failures + 1 if record.status == FAILED else 0
        if self.failures == FAILURES:
            raise kt.errors.FatalRuntimeError(
                f"{FAILURES} trials failed in succession, the last with: {record.reason}"
            )


def _oracle(context: TrialContext) -> kt.Oracle:
    search = context.search
    arguments: dict[str, Any] = {
        "objective": kt.Objective(search.objective, OBJECTIVES[search.objective]),
        "hyperparameters": context.space.hyperparameters,
        "allow_new_entries": False,
        "tune_new_entries": False,
        "seed": search.seed + 1,  # keras-tuner takes 0 for "none"
        "max_consecutive_failed_trials": None,  # refused candidates count as failed there
    }
    if search.tuner == "hyperband":
        oracle = kt.oracles.HyperbandOracle(max_epochs=search.epochs, **arguments)
        oracle.max_trials = search.trials
        return oracle
    arguments["max_trials"] = search.trials
    if search.tuner == "bayesian":
        # The default, three for each hyperparameter, is more than most searches have.
        return _BayesianOracle(num_initial_points=max(3, search.trials // 3), **arguments)
    if search.tuner == "grid":
        return _GridOracle(context.space, **arguments)
    return kt.oracles.RandomSearchOracle(**arguments)


class _BayesianOracle(kt.oracles.BayesianOptimizationOracle):
    @kt.synchronized
    def end_trial(self, trial: Any) -> None:
        """Ignore the values that a worker sends back: 0.1 has become 0.10000000149."""
        trial.hyperparameters = self.trials[trial.trial_id].hyperparameters
        super().end_trial(trial)


class _GridOracle(kt.Oracle):
    """Every combination in turn. keras-tuner's own forgets its place when it is reloaded."""

    def __init__(self, space, **arguments: Any):
        super().__init__(**arguments)
        self.space = space

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The combination of a trial's number."""
        values = next(itertools.islice(self.space.combinations(), int(trial_id), None), None)
        return {"status": "STOPPED" if values is None else "RUNNING", "values": values}


def _train_default(context: TrialContext) -> None:
    """Train the base configuration for as long as a trial, to compare the trials with."""
    if any(record.trial == "default" for record in read_records(context.folder)):
        return
    try:
        record = run_trial(context, "default", {})
        _report_trial(context, read_records(context.folder), record)
    except TrialFailed as error:
        log.warning("the default configuration failed: %s", error)


def _report_trial(context: TrialContext, records: list[TrialRecord], record: TrialRecord) -> None:
    search = context.search
    outcome = f"{record.status}: {record.reason}"
    if record.status == FINISHED:
        outcome = show_score(record.score, search.objective)
    best = next(iter(best_first(records, search.objective)), None)
    ended = [other for other in records if other.trial != "default"]
    log.info(
        "trial %s %s  (best %s)  %d%s done%s",
        record.trial,
        outcome,
        f"{show_score(best.score, search.objective)}, trial {best.trial}" if best else "none",
        len(ended),
        f" of {search.trials}" if search.trials else "",
        f", about {duration(left)} left" if (left := _seconds_left(search, records)) else "",
    )


def _seconds_left(search: Search, records: list[TrialRecord]) -> float | None:
    """Estimate of the time left; None where it cannot be known yet."""
    finished = [record for record in records if record.status == FINISHED]
    ended = len([record for record in records if record.trial != "default"])
    if not finished or not search.trials:
        return None
    seconds = sum(record.seconds for record in finished) / len(finished)
    workers = max(1, len({record.worker for record in finished}))
    return seconds * max(0, search.trials - ended) / workers


def show_score(score: float, objective: str) -> str:
    """A score as people read it."""
    return f"{100 * score:.2f} %" if objective == "sequence_accuracy" else f"loss {score:.4f}"


def _keep_best(context: TrialContext, records: list[TrialRecord]) -> None:
    """Write the best configuration, at full length, as `best.json`."""
    for best in best_first(records, context.search.objective)[:1]:
        configuration = candidate(context.search.base, best.settings, context.full_steps)
        content = {
            "configuration": configuration.to_json(),
            "trial": dataclasses.asdict(best),
            "environment": environment(),
        }
        write_json(context.folder / "best.json", content)
