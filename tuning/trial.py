"""One trial: a training like any other, and the record of what came of it."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from artifacts.files import RunError, lock
from artifacts.run_folder import RunFolder
from training.fit import train
from tuning import hparams
from tuning.candidates import candidate, describe
from tuning.records import (
    FAILED,
    FINISHED,
    RUNNING,
    STOPPED,
    Record,
    read_record,
    read_records,
    run_of,
    write_record,
)
from tuning.search import Search
from tuning.space import Space, show
from tuning.stopping import StopTrial

log = logging.getLogger(__name__)

STARTS = 3
"""Times that a trial is begun without coming to the end of an epoch: it may be what kills the
process, as a model too large for the memory does."""

FEW = 500
"""Validation images that a trial's model is read with at its end, where the objective is none of
that: enough for its confidence to mean something when trials are compared."""

SIGN_OF_LIFE = 20.0
"""Seconds between a worker's signs of life."""

BUSY = 5.0
"""Seconds between looks whether another process is still at the same trial."""


class TrialFailed(Exception):
    """A trial that came to no score; its record says why."""


@dataclass(frozen=True)
class Bench:
    """Where trials are done.

    Attributes:
        search: what is searched.
        folder: the search's.
        space: what is searched over.
        full_steps: batches in an epoch of the search's base.
        data_dir, cache_dir: as for `training.fit.train`.
        worker: who does the trials.
    """

    search: Search
    folder: Path
    space: Space
    full_steps: int
    data_dir: Path | None = None
    cache_dir: Path | None = None
    worker: str = ""


def do_trial(bench: Bench, trial: str, values: Mapping[str, Any]) -> Record:
    """Train what values of the dimensions make, from the start or from where it stopped.

    Args:
        trial: its number.
        values: what the oracle chose; Hyperband's say how far to train, and from which trial on.

    Returns:
        The record, which is written as well. Where another process is at the trial already, as a
        worker may be that was thought lost, its record, once it is done.

    Raises:
        TrialFailed: if it cannot be trained.
    """
    run = run_of(bench.folder, trial)
    if _wait_for_others(run):
        done = read_record(bench.folder, trial)
        if done is not None and done.scored:
            return done
    began = time.monotonic()
    record = _begin(bench, trial, values, run)
    before = record.seconds
    try:
        shown = ", ".join(f"{name} {show(value)}" for name, value in record.values.items())
        log.info("trial %s: %s", trial, shown)
        done = _train(bench, record, values, run)
    except Exception as error:
        seconds = before + time.monotonic() - began
        failed = dataclasses.replace(
            record, status=FAILED, reason=describe(error), seconds=round(seconds, 1)
        )
        write_record(bench.folder, failed)
        raise TrialFailed(failed.reason) from error
    except BaseException:
        # Stopped by whoever watches it: not the trial's fault.
        write_record(bench.folder, dataclasses.replace(record, starts=record.starts - 1))
        raise
    finally:
        _clear_memory()
    seconds = before + time.monotonic() - began
    done = dataclasses.replace(done, seconds=round(seconds, 1))
    write_record(bench.folder, done)
    return done


def _wait_for_others(run: RunFolder) -> bool:
    """Wait until no other process trains in a run's folder; whether there was one."""
    waited = False
    while run.folder.exists():
        try:
            with lock(run.folder, "training"):
                break
        except RunError as busy:
            if not waited:
                log.info("waiting: %s", busy)
            waited = True
            time.sleep(BUSY)
    return waited


def _clear_memory() -> None:
    """Let go of the last model and its graphs, or memory grows from trial to trial."""
    keras.backend.clear_session()
    gc.collect()


def _begin(bench: Bench, trial: str, values: Mapping[str, Any], run: RunFolder) -> Record:
    """Note that the trial is begun, and how often it was."""
    rows = run.read_history(bench.search.epochs)
    last = read_record(bench.folder, trial)
    stuck = last is not None and last.status == RUNNING and last.epochs == len(rows)
    record = Record(
        trial,
        RUNNING,
        values=bench.space.rounded(values),
        epochs=len(rows),
        seconds=sum(row["seconds"] for row in rows),
        starts=last.starts + 1 if stuck else 1,
        worker=bench.worker,
    )
    write_record(bench.folder, record)
    return record


def _train(bench: Bench, record: Record, values: Mapping[str, Any], run: RunFolder) -> Record:
    if record.starts > STARTS:
        raise TrialFailed(
            f"the process ended {STARTS} times in this trial before another epoch was finished: "
            "is there memory enough?"
        )
    search = bench.search
    settings = bench.space.settings(values)
    length = (search.epochs, search.steps)
    configuration = candidate(search.base, settings, bench.full_steps, length)
    until = values.get("tuner/epochs", search.epochs)
    if "tuner/trial_id" in values:
        _go_on_from(run_of(bench.folder, values["tuner/trial_id"]), run)
    stop = StopTrial(run, search.aim, search.patience, _others(bench, record.trial), until)
    metrics = train(
        configuration,
        run.folder,
        data_dir=bench.data_dir,
        cache_dir=bench.cache_dir,
        until=until,
        callbacks=[stop],
        # Reading as a reader does takes several looks an image: as long as a short trial.
        most_read=None if search.aim.part == "reading" else FEW,
    )
    if search.tuner != "hyperband":  # which alone may go on from here
        run.checkpoint.unlink(missing_ok=True)
    done = dataclasses.replace(
        record,
        settings=settings,
        status=STOPPED if metrics["epochs"] < until else FINISHED,
        reason=stop.reason,
        score=search.aim.of(metrics),
        validation=metrics["validation"],
        epochs=metrics["epochs"],
        parameters=metrics["parameters"],
        multiply_adds=metrics["multiply_adds"],
    )
    hparams.write(run, bench.space, done)
    return done


def _others(bench: Bench, trial: str) -> list[RunFolder]:
    """The runs that a trial is held against."""
    if not bench.search.median_stop:
        return []
    found = read_records(bench.folder)
    return [run_of(bench.folder, one.trial) for one in found if one.scored and one.trial != trial]


def _go_on_from(source: RunFolder, run: RunFolder) -> None:
    """Begin a run where another of the same configuration ended; nothing if it is begun."""
    if run.folder.exists():
        return
    part = run.folder.with_name(f".part-{run.folder.name}")
    shutil.rmtree(part, ignore_errors=True)
    # Without the file that says that it is finished, and with no lock in anybody's hand.
    shutil.copytree(source.folder, part, ignore=shutil.ignore_patterns("metrics.json", ".lock"))
    part.replace(run.folder)


@contextlib.contextmanager
def signs_of_life(give: Callable[[], Any]) -> Iterator[None]:
    """Call `give` again and again within the block, in a thread of its own."""
    over = threading.Event()

    def repeat():
        while not over.wait(SIGN_OF_LIFE):
            with contextlib.suppress(Exception):  # the chief may be away for a moment
                give()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
