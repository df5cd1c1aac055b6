"""The loop of a search: one process does it all, or a chief hands trials to workers.

keras-tuner runs the loop and speaks between the machines (gRPC). This module gives it an oracle
that heeds the limits, trials that are runs of `training.fit`, and the files of the search.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras_tuner as kt
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial

from training.fit import steps_per_epoch
from tuning import oracles
from tuning.candidates import candidate, refusal
from tuning.progress import Progress, say_what_was_found
from tuning.records import ORACLE, Record, read_record, read_records
from tuning.search import Search, open_search, read_search
from tuning.trial import Bench, TrialFailed, do_trial, signs_of_life

log = logging.getLogger(__name__)

FAILURES = 5
"""Trials that fail one after the other before a search gives up: the fault is not theirs."""

IDLE, WATCH = 2.0, 5.0
"""Seconds before a worker asks again for a trial, and between a chief's looks after workers."""

WAIT = 600.0
"""Seconds that a worker waits for the chief to write the search's folder, and then to answer."""


class SearchFailed(Exception):
    """A search that cannot go on."""


def run_search(
    search: Search,
    folder: Path,
    *,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
    chief: str | None = None,
) -> list[Record]:
    """Search, or go on with the search in `folder`.

    Args:
        search: what to search.
        folder: where; `tuning.search` says what is in it.
        data_dir, cache_dir: as for `training.fit.train`.
        chief: "HOST:PORT" to hand the trials to workers there, in place of doing them here.

    Returns:
        The records of all trials.

    Raises:
        RunError: if the folder holds something else or another process searches there.
        SearchFailed: if one trial after the other fails.
    """
    with open_search(folder, search):
        full = steps_per_epoch(search.base, data_dir)
        bench = Bench(search, folder, search.make_space(), full, data_dir, cache_dir)
        with _distributed("chief", chief) if chief else contextlib.nullcontext():
            oracle = _oracle(bench, shared=chief is not None)
            tuner = _Tuner(oracle, bench)
            say_what_was_found(bench)
            with _watch(oracle) if chief else contextlib.nullcontext():
                tuner.search(verbose=0)
        records = read_records(folder)
        if len(records) < (search.trials or 0):
            log.warning(
                "ended after %d of %d trials: no new candidate was found, %d were refused",
                len(records),
                search.trials,
                len(oracle.refused),
            )
        return records


def run_worker(
    folder: Path,
    chief: str,
    *,
    name: str | None = None,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> None:
    """Do trials for the chief of the search in `folder` until there are none left.

    Args:
        folder: the search's, which the chief's machine and this one share.
        chief: its "HOST:PORT".
        name: of this worker, no two the same. Defaults to the machine's and the process's.
        data_dir, cache_dir: as for `training.fit.train`.

    Raises:
        RunError: if there is no search in the folder after `WAIT` seconds.
        SearchFailed: if no chief answers for as long, or one trial after the other fails.
    """
    name = name or f"{socket.gethostname()}-{os.getpid()}"
    search = _wait_for_search(folder)
    full = steps_per_epoch(search.base, data_dir)
    bench = Bench(search, folder, search.make_space(), full, data_dir, cache_dir, name)
    with _distributed(name, chief):
        _wait_for_chief(chief)
        log.info("worker %s of %s", name, chief)
        _Tuner(_oracle(bench, shared=True), bench).search()


@contextlib.contextmanager
def _distributed(name: str, chief: str) -> Iterator[None]:
    """Let keras-tuner take this process for the chief, or for a worker of the chief."""
    host, port = _address(chief)
    if "chief" in name and name != "chief":
        raise ValueError(f"a worker's name has no 'chief' in it. Received: {name!r}")
    if name == "chief":
        socket.create_server((host, port)).close()  # says which address is taken
    named = {
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": host,
        "KERASTUNER_ORACLE_PORT": str(port),
    }
    os.environ.update(named)
    try:
        yield
    finally:
        for key in named:
            del os.environ[key]


def _address(chief: str) -> tuple[str, int]:
    host, colon, port = chief.rpartition(":")
    if not colon or not host or not port.isdigit():
        raise ValueError(f"the chief is at HOST:PORT. Received: {chief!r}")
    return host, int(port)


def _wait_for_chief(chief: str) -> None:
    """keras-tuner would wait for ever, also for one that has come to its end."""
    began = time.monotonic()
    while True:
        try:
            socket.create_connection(_address(chief), timeout=WATCH).close()
            return
        except OSError as error:
            if time.monotonic() - began >= WAIT:
                raise SearchFailed(f"no chief answers at {chief}: {error}") from error
        log.info("waiting for the chief at %s", chief)
        time.sleep(WATCH)


def _wait_for_search(folder: Path) -> Search:
    began = time.monotonic()
    while not (folder / "search.json").exists() and time.monotonic() - began < WAIT:
        log.info("waiting for the chief to begin the search in %s", folder)
        time.sleep(WATCH)
    return read_search(folder)


@contextlib.contextmanager
def _watch(oracle: oracles.SearchOracle) -> Iterator[None]:
    """Look after silent workers within the block; those that live ask too seldom to do it."""
    over = threading.Event()

    def look():
        while not over.wait(WATCH):
            for trial in oracle.release_silent():
                log.info("trial %s: its worker has gone silent, another may have it", trial)

    thread = threading.Thread(target=look, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _oracle(bench: Bench, shared: bool) -> oracles.SearchOracle:
    search = bench.search
    common: dict[str, Any] = {
        "objective": kt.Objective(search.objective, "max" if search.aim.larger else "min"),
        "hyperparameters": bench.space.hyperparameters,
        "allow_new_entries": False,
        "tune_new_entries": False,
        "seed": search.seed + 1,  # 0 would mean a new one each time
        "max_consecutive_failed_trials": None,  # the tuner counts them, in this process alone
    }
    if search.tuner == "hyperband":
        made = oracles.Hyperband(max_epochs=search.epochs, **common)
        made.max_trials = search.trials
    elif search.tuner == "bayesian":
        # keras-tuner would draw three for each dimension first: more than most searches have.
        first = max(3, search.trials // 3)
        made = oracles.Bayesian(max_trials=search.trials, num_initial_points=first, **common)
    else:
        kind = oracles.Random if search.tuner == "random" else oracles.Grid
        made = kind(max_trials=search.trials, **common)

    def refuse(values):
        try:
            settings = bench.space.settings(values)
            made = candidate(search.base, settings, bench.full_steps)
        except ValueError as error:
            return str(error)
        return refusal(made, search.limits)

    progress = Progress(bench, made)
    made.guard(refuse, progress.trial_ended, shared)
    return made


class _Tuner(BaseTuner):
    """Does the trials that an oracle hands out, or has them done by workers."""

    def __init__(self, oracle: oracles.SearchOracle, bench: Bench):
        self.bench = bench
        self.failed = 0
        self.asked = False
        # It prints where it reloads from.
        with contextlib.redirect_stdout(io.StringIO()):
            super().__init__(oracle, directory=str(bench.folder), project_name=ORACLE)

    def _get_tuner_fname(self) -> str:
        """The file that says that there is a search to go on with, whoever it was that began."""
        name = f"worker-{self.tuner_id}" if self._is_worker() else "tuner"
        return str(Path(self.project_dir) / f"{name}.json")

    def on_search_begin(self) -> None:
        # Or a kill in the first trial would have the search begin anew.
        self.save()

    def pre_create_trial(self) -> None:
        if self.asked:  # and got none, as others are still at theirs
            time.sleep(IDLE)
        self.asked = True

    def on_trial_begin(self, trial: Trial) -> None:
        self.asked = False

    def run_trial(self, trial: Trial, **_: Any) -> dict[str, float]:
        alive = (
            signs_of_life(lambda: self.oracle.get_trial(trial.trial_id))
            if self._is_worker()
            else contextlib.nullcontext()
        )
        with alive:
            try:
                done = do_trial(self.bench, trial.trial_id, trial.hyperparameters.values)
            except TrialFailed as error:
                self.failed += 1
                raise kt.errors.FailedTrialError(str(error)) from error
        self.failed = 0
        return {self.bench.search.objective: done.score}

    def on_trial_end(self, trial: Trial) -> None:
        super().on_trial_end(trial)
        if self.failed == FAILURES:
            reason = read_record(self.bench.folder, trial.trial_id).reason
            raise SearchFailed(f"{FAILURES} trials failed one after the other, the last: {reason}")
