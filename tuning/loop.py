"""The loop of a search: an oracle chooses the candidates, `run_trial` trains them.

On several machines, keras-tuner's chief assigns the trials to workers, as set by the environment
variables `KERASTUNER_TUNER_ID` ("chief", or a worker's name), `KERASTUNER_ORACLE_IP` and
`KERASTUNER_ORACLE_PORT`. `Tuner.run_trial` is overridden instead of using a `HyperModel`: it knows
the number of the trial, which names the run, and the run writes the checkpoints.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import socket
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
import keras_tuner as kt

from artifacts.console import duration
from artifacts.environment import environment
from artifacts.files import RunError, write_json
from artifacts.run_folder import changed_labels, check_labels
from training.callbacks import tensorflow_writes
from training.configuration import Configuration
from training.fit import label_digests, steps_per_epoch
from tuning.oracle import delete_damaged_state, make_oracle
from tuning.search import Search, check_search, open_search, read_search
from tuning.trial import (
    DEFAULT,
    FAILED,
    FINISHED,
    REFUSED,
    TrialContext,
    TrialFailed,
    TrialRecord,
    best_first,
    candidate,
    is_busy,
    read_records,
    run_trial,
)

log = logging.getLogger(__name__)

FAILURES = 5
"""Number of failed trials in succession after which a search stops."""

VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


def run_search(
    search: Search,
    folder: str | Path,
    *,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> None:
    """Search or resume the search in `folder`, alone or as the chief or worker of the environment.

    Args:
        search: the search.
        folder: its folder, which the chief and the workers share.
        data_dir: as for `training.fit.train`.
        cache_dir: as for `training.fit.train`.

    Raises:
        RunError: if the folder contains other files or another search, if labels or images of an
            unfinished one have changed, or if another process searches in it.
        ValueError: if one of keras-tuner's environment variables is missing.
        OSError: if a file cannot be read or written, or the chief's port is taken.
        kt.errors.FatalError: if several trials fail in succession, or a trial cannot be written.
    """
    folder = Path(folder)
    is_distributed = "KERASTUNER_ORACLE_IP" in os.environ
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if is_distributed and missing:
        raise ValueError(f"a chief and its workers need {', '.join(VARIABLES)}. Missing: {missing}")
    name, host, port = (os.environ.get(name, "") for name in VARIABLES)
    is_chief = is_distributed and "chief" in name
    is_worker = is_distributed and not is_chief
    is_done = bool(search.trials) and _done(read_records(folder)) >= search.trials
    labels = label_digests(search.base)
    if is_worker or is_done:
        check_search(folder, search, labels)
        if is_done and (changed := changed_labels(folder / "search.json", labels)):
            log.warning(
                "%s is finished. It was searched before labels or images of %s changed.",
                folder, ", ".join(changed),
            )  # fmt: skip
            return
    if is_worker:
        check_labels(folder / "search.json", labels)
        if is_done and not _listens(host, int(port)):
            log.info("the search in %s is finished, and its chief has ended", folder)
            return  # keras-tuner would wait an hour for the chief
    with contextlib.nullcontext() if is_worker else open_search(folder, search, labels):
        context = TrialContext(search, folder, data_dir, cache_dir, name if is_worker else "")
        if not is_chief:
            _train_default(context)
        if not is_worker:
            delete_damaged_state(folder / "oracle")
        with _quiet(), tensorflow_writes(folder / "oracle"):
            tuner = _ZooTuner(context)
            if is_chief:  # keras-tuner does not report that a port is in use
                socket.create_server((host, int(port))).close()
            try:
                tuner.search(verbose=0)
            except grpc.RpcError as error:
                raise RunError(
                    f"the chief was stopped or failed ({error.details()}): start it if it is not "
                    "running, then this worker"
                ) from error


def best_configuration(
    folder: str | Path, budget: float | None = None, data_dir: Path | None = None
) -> Configuration:
    """The configuration of the best finished trial of a search, with its full length.

    Args:
        folder: of the search.
        budget: maximum number of multiply-adds per image; None for no limit.
        data_dir: where TFDS data lies.

    Raises:
        RunError: if the folder contains no search.
        ValueError: if no finished trial is within the budget.
    """
    search = read_search(Path(folder))
    ranked = best_first(read_records(folder), search.objective)
    within = [r for r in ranked if budget is None or r.multiply_adds <= budget]
    if not within:
        least = min((record.multiply_adds for record in ranked), default=None)
        raise ValueError(
            f"{folder} has no finished trial of at most {budget} multiply-adds. The cheapest of "
            f"{len(ranked)} has {least}"
        )
    return candidate(search.base, within[0].settings, steps_per_epoch(search.base, data_dir))


def _done(records: Iterable[TrialRecord]) -> int:
    return sum(record.trial != DEFAULT for record in records)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress keras-tuner's output: tables, values, and a traceback for each refused candidate."""
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
        warnings.catch_warnings(),
    ):
        logging.captureWarnings(True)
        warnings.filterwarnings("ignore", module="sklearn")  # length scales at their bounds
        try:
            yield
        finally:
            logging.captureWarnings(False)


class _ZooTuner(kt.Tuner):
    """Trains the trials that an oracle chooses with `run_trial`."""

    def __init__(self, context: TrialContext):
        self.context = context
        self.failures = 0
        oracle = make_oracle(context.search, context.space)
        super().__init__(oracle, directory=str(context.folder), project_name="oracle")
        if not context.worker and (Path(self.project_dir) / "oracle.json").exists():
            self.oracle.reload()  # including trials of a process in another role

    def on_search_begin(self) -> None:
        """Write the tuner's state, so that a search that is killed in the first trial can
        resume."""
        self.save()

    def run_trial(self, trial: Any, **_: Any) -> dict[str, float]:
        """Train a trial; errors that are not caused by the candidate end the search."""
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
        """Report the trial, write the best configuration, and stop after several failed trials."""
        records = {record.trial: record for record in read_records(self.context.folder)}
        record = records[trial.trial_id]
        if record.status == FINISHED and trial.status != "COMPLETED":
            raise kt.errors.FatalRuntimeError(
                f"trial {trial.trial_id} is trained, but keras-tuner could not store its score in "
                f"{self.project_dir}: "
                f"{trial.message.splitlines()[-1]}. Rerun the same command to resume."
            )
        super().on_trial_end(trial)
        _report_trial(self.context, record)
        if record.status != REFUSED:
            self.failures = self.failures + 1 if record.status == FAILED else 0
        if self.failures == FAILURES:
            raise kt.errors.FatalRuntimeError(
                f"{FAILURES} trials failed in succession, the last with: {record.reason}"
            )


def _train_default(context: TrialContext) -> None:
    """Train the base configuration for the length of a trial, as a baseline."""
    done = any(record.trial == DEFAULT for record in read_records(context.folder))
    if done or is_busy(context.run(DEFAULT)):  # by another worker
        return
    try:
        _report_trial(context, run_trial(context, DEFAULT, {}))
    except TrialFailed as error:
        log.warning("the default configuration failed: %s", error)


def _report_trial(context: TrialContext, record: TrialRecord) -> None:
    """Log a trial's result and the progress of the search, and write `best.json`."""
    search, records = context.search, read_records(context.folder)
    ranked = best_first(records, search.objective)
    done = _done(records)
    line = f"trial {record.trial} {record.status}"
    line += f": {record.reason}" if record.reason else f": {show_score(search, record.score)}"
    if ranked:
        line += f"  best {show_score(search, ranked[0].score)} (trial {ranked[0].trial})"
    line += f"  {done} of {search.trials or '?'} done"
    if ranked and search.trials:
        seconds = sum(other.seconds for other in ranked) / len(ranked)
        workers = len({other.worker for other in ranked})
        line += f"  {duration(seconds * max(0, search.trials - done) / workers)} left"
    log.info(line)
    if ranked:
        best = candidate(search.base, ranked[0].settings, context.full_steps)
        content = {
            "configuration": best.to_json(),
            "trial": dataclasses.asdict(ranked[0]),
            "environment": environment(),
        }
        write_json(context.folder / "best.json", content)


def show_score(search: Search, score: float) -> str:
    """A score of the search's objective as text."""
    return f"{score:.4f}" if search.objective == "loss" else f"{100 * score:.2f} %"
