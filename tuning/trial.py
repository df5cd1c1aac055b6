"""One trial: from values of the hyperparameters to a run like any other, and its record."""

from __future__ import annotations

import dataclasses
import gc
import logging
import re
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

import models
from artifacts.console import count
from artifacts.files import RunError, lock, read_json, write_json
from artifacts.names import unknown_name
from artifacts.run_folder import RunFolder
from models import registry
from training.configuration import Configuration, set_values
from training.fit import train
from tuning.search import OBJECTIVES, Search
from tuning.space import Space, show

log = logging.getLogger(__name__)

LIMITS = ("multiply_adds", "parameters")
"""Costs that a budget can limit; the multiply-adds are those of one image."""

FINISHED, REFUSED, FAILED = "finished", "refused", "failed"

READ_AT_END = 500
"""Validation images on which a trial's temperature is fitted: its calibration is not compared."""

WAIT = 5.0
"""Seconds between attempts while another process is at the same trial."""


class TrialFailed(Exception):
    """A trial without a score; its record has the reason."""


@dataclass(frozen=True)
class TrialRecord:
    """A trial and its result, as `trials/NUMBER.json` holds it.

    Attributes:
        trial: its number, or "default" for the configuration that the search starts from.
        status: "finished", "refused" (over a limit, not trained) or "failed".
        values: the hyperparameters that apply; empty for the default.
        settings: the same as `train.py --set` takes it.
        reason: why the trial was refused or failed.
        score: value of the objective; None without one.
        validation: all scores of the best epoch on the validation split.
        epochs: how many the run has, those of the trial that it continues included.
        seconds: time that these epochs took.
        parameters, multiply_adds: cost of the model; None without a score.
        worker: the process that trained it.
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
    worker: str = ""


@dataclass(frozen=True)
class TrialContext:
    """What the trials of a search have in common.

    Attributes:
        search: the search.
        folder: the search's folder.
        space: the search's space.
        full_steps: batches in an epoch of the search's base configuration.
        data_dir, cache_dir: as for `training.fit.train`.
        worker: name of this process among several.
    """

    search: Search
    folder: Path
    space: Space
    full_steps: int
    data_dir: Path | None = None
    cache_dir: Path | None = None
    worker: str = ""

    def run(self, trial: str) -> RunFolder:
        """The run of a trial."""
        return RunFolder(self.folder / "trials" / trial)


def run_trial(context: TrialContext, trial: str, values: Mapping[str, Any]) -> TrialRecord:
    """Train with the given values of the hyperparameters, or resume where the trial was stopped.

    Args:
        trial: its number; "default" trains the search's base configuration.
        values: values of the hyperparameters as the oracle gives them. Hyperband's say how far to
            train (`tuner/epochs`) and which trial to continue (`tuner/trial_id`).

    Returns:
        The record, which is also written.

    Raises:
        TrialFailed: if the candidate is refused or its training fails.
        OSError, RunError: if files cannot be written or read: not the candidate's fault.
    """
    search, run = context.search, context.run(trial)
    is_default = trial == "default"
    record = TrialRecord(
        trial,
        FAILED,
        values={} if is_default else context.space.active(values),
        settings={} if is_default else context.space.settings(values),
        worker=context.worker,
    )
    shown = ", ".join(f"{name} {show(value)}" for name, value in record.values.items())
    log.info("trial %s: %s", trial, shown or "the configuration as it is")
    try:
        configuration = candidate(
            search.base, record.settings, context.full_steps, (search.epochs, search.steps)
        )
        reason = None if is_default else rejection_reason(configuration, search.limits)
        if reason is not None:
            record = dataclasses.replace(record, status=REFUSED)
            raise TrialFailed(reason)
        _wait_for_other_process(run)
        if "tuner/trial_id" in values:
            _continue_run(context.run(values["tuner/trial_id"]), run)
        metrics = _train(context, configuration, run, values.get("tuner/epochs", search.epochs))
    except (OSError, RunError):
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, TrialFailed) else describe(error)
        write_record(context.folder, dataclasses.replace(record, reason=reason))
        raise TrialFailed(reason) from error
    finally:
        keras.backend.clear_session()  # or memory grows from trial to trial
        gc.collect()
    rows = run.read_history(metrics["epochs"])
    record = dataclasses.replace(
        record,
        status=FINISHED,
        score=float(metrics["validation"][search.objective]),
        validation=metrics["validation"],
        epochs=metrics["epochs"],
        seconds=sum(row["seconds"] for row in rows),
        parameters=metrics["parameters"],
        multiply_adds=metrics["multiply_adds"],
    )
    write_record(context.folder, record)
    _write_hparams(run, record)
    return record


def _train(
    context: TrialContext, configuration: Configuration, run: RunFolder, until: int
) -> dict[str, Any]:
    search = context.search
    callbacks = []
    if search.patience is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                f"val_{search.objective}",
                mode=OBJECTIVES[search.objective],
                patience=search.patience,
            )
        )
    metrics = train(
        configuration,
        run.folder,
        data_dir=context.data_dir,
        cache_dir=context.cache_dir,
        until=until,
        callbacks=callbacks,
        most_read=READ_AT_END,
    )
    if search.tuner != "hyperband":  # which alone continues trials
        run.checkpoint.unlink(missing_ok=True)
    return metrics


def candidate(
    base: Configuration,
    settings: Mapping[str, Any],
    full_steps: int,
    length: tuple[int, int] | None = None,
) -> Configuration:
    """The base configuration with other settings, at its full length or shorter.

    An epoch keeps its number of images whatever the batch size, and the moving average of weights
    spans the same fraction of the training.

    Args:
        base: the configuration to change.
        settings: what `Space.settings` gives.
        full_steps: batches in an epoch of `base`.
        length: epochs, and batches of the base's size in each. Defaults to those of `base`.

    Raises:
        ValueError: if a setting is unknown or does not fit.
    """
    arguments, recipe = set_values(base.model, base.recipe, settings)
    epochs, steps = length or (recipe.epochs, full_steps)
    whole = length is None and base.recipe.steps_per_epoch is None
    steps = max(1, round(steps * base.recipe.batch_size / recipe.batch_size))
    shortening = base.recipe.epochs * full_steps / (epochs * steps)
    recipe = dataclasses.replace(
        recipe,
        epochs=epochs,
        steps_per_epoch=None if whole else steps,
        ema_momentum=round(recipe.ema_momentum**shortening, 6),
    )
    arguments = registry.configuration(base.model, **{**base.arguments, **arguments})
    return dataclasses.replace(base, arguments=arguments, recipe=recipe)


def parse_limits(texts: Sequence[str]) -> dict[str, float]:
    """Read limits such as "50M" (multiply-adds) or "parameters=2M".

    Raises:
        ValueError: for an unknown name, or an amount that is not a number above 0.
    """
    limits = {}
    for text in texts:
        name, equals, amount = text.rpartition("=")
        name = name if equals else "multiply_adds"
        if name not in LIMITS:
            raise ValueError(unknown_name("limit", name, LIMITS))
        match = re.fullmatch(r"(\d+\.?\d*|\.\d+)([kMG]?)", amount.strip())
        value = float(match[1]) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[match[2]] if match else 0
        if value <= 0:
            raise ValueError(f"a limit is a number above 0 such as 50M or 800k. Received: {text!r}")
        limits[name] = value
    return limits


def rejection_reason(configuration: Configuration, limits: Mapping[str, float]) -> str | None:
    """Why a candidate is over the limits; None if it is not.

    Raises:
        ValueError: if the model cannot be built.
    """
    if not limits:
        return None
    model = models.create(configuration.model, **configuration.arguments)
    costs = {"multiply_adds": models.multiply_adds(model), "parameters": model.count_params()}
    for name, limit in limits.items():
        if costs[name] > limit:
            return f"{count(costs[name])} {name.replace('_', '-')}, the limit is {count(limit)}"
    return None


def describe(error: BaseException) -> str:
    """An error in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _wait_for_other_process(run: RunFolder) -> None:
    """Wait while a worker trains in the folder that a restarted chief gave to another as well."""
    while run.folder.exists():
        try:
            with lock(run.folder, "training"):
                return
        except RunError as error:
            log.info("waiting: %s", error)
            time.sleep(WAIT)


def _continue_run(source: RunFolder, run: RunFolder) -> None:
    """Start a run as an unfinished copy of another; nothing if it is started already."""
    if run.folder.exists():
        return
    part = run.folder.with_name(f".part-{run.folder.name}")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source.folder, part, ignore=shutil.ignore_patterns("metrics.json", ".lock"))
    part.replace(run.folder)


def _write_hparams(run: RunFolder, record: TrialRecord) -> None:
    """Add the trial to TensorBoard's HParams view: `tensorboard --logdir SEARCH/trials`."""
    with tf.summary.create_file_writer(str(run.tensorboard / "trial")).as_default():
        hparams.hparams(dict(record.values), trial_id=record.trial)
        scores = {**record.validation, "multiply_adds": record.multiply_adds}
        for name, value in scores.items():
            tf.summary.scalar(name, value, step=record.epochs)


def write_record(folder: Path, record: TrialRecord) -> None:
    """Write the record of a trial into the search's folder."""
    (folder / "trials").mkdir(exist_ok=True)
    write_json(folder / "trials" / f"{record.trial}.json", dataclasses.asdict(record))


def read_records(folder: Path) -> list[TrialRecord]:
    """The records of a search's trials in the order of their numbers, the default last.

    Raises:
        RunError: if a file holds something else.
    """
    records = []
    for path in sorted((folder / "trials").glob("*.json")):
        try:
            records.append(TrialRecord(**read_json(path)))
        except TypeError as error:
            raise RunError(f"{path} is not the record of a trial: {error}") from error
    return records


def best_first(records: Iterable[TrialRecord], objective: str) -> list[TrialRecord]:
    """The finished trials, the best first, of equal ones the one of smaller loss."""
    sign = -1 if OBJECTIVES[objective] == "max" else 1
    finished = [record for record in records if record.status == FINISHED]
    return sorted(finished, key=lambda record: (sign * record.score, record.validation["loss"]))
