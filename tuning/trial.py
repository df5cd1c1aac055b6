"""A trial: train a run with values of the hyperparameters, and write its record."""

from __future__ import annotations

import dataclasses
import functools
import gc
import logging
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

import models
from artifacts.console import count
from artifacts.files import RunError, atomic_path, lock, read_json, write_json
from artifacts.run_folder import RunFolder
from training.callbacks import tensorflow_writes
from training.configuration import Configuration, read_configuration, set_values
from training.fit import steps_per_epoch, train
from tuning.search import OBJECTIVES, Search
from tuning.space import Space, show

log = logging.getLogger(__name__)

DEFAULT = "default"
"""Name of the trial with the search's base configuration."""

FINISHED, REFUSED, FAILED = "finished", "refused", "failed"

INFERENCE_LIMIT = 500
"""Number of validation images for the temperature of a trial; calibration is not compared."""

WAIT = 5.0
"""Seconds between attempts while another process trains the same trial."""


class TrialFailed(Exception):
    """A trial without a score; its record contains the reason."""


@dataclass(frozen=True)
class TrialRecord:
    """A trial and its result, the content of `trials/NUMBER.json`.

    Attributes:
        trial: its number, or "default".
        status: "finished", "refused" (over the budget, not trained) or "failed".
        values: the hyperparameters that apply; none for the default.
        settings: the same in the form of `train.py --set`.
        reason: why the trial was refused or failed.
        score: value of the objective; None without one.
        validation: scores of the best epoch on the validation split.
        epochs: epochs of the run, including those of a continued trial.
        seconds: time that these epochs took.
        parameters, multiply_adds: cost of the model; None without a score.
        worker: the process that trained it.
    """

    trial: str
    status: str = FAILED
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
    """The common context of the trials of a search.

    Attributes:
        search: the search.
        folder: its folder.
        data_dir, cache_dir: as for `training.fit.train`.
        worker: name of this process among several.
    """

    search: Search
    folder: Path
    data_dir: Path | None = None
    cache_dir: Path | None = None
    worker: str = ""

    @functools.cached_property
    def space(self) -> Space:
        """The hyperparameters."""
        return self.search.make_space()

    @functools.cached_property
    def full_steps(self) -> int:
        """Batches in an epoch of the base configuration."""
        return steps_per_epoch(self.search.base, self.data_dir)

    def run(self, trial: str) -> RunFolder:
        """The run of a trial."""
        return RunFolder(self.folder / "trials" / trial)


def run_trial(context: TrialContext, trial: str, values: Mapping[str, Any]) -> TrialRecord:
    """Train with values of the hyperparameters, or resume a stopped trial.

    Args:
        trial: its number; `DEFAULT` trains the search's base configuration.
        values: values of the hyperparameters from the oracle. Those of Hyperband include the number
            of epochs (`tuner/epochs`) and the trial to continue (`tuner/trial_id`).

    Returns:
        The record, which is also written to its file.

    Raises:
        TrialFailed: if the candidate is refused or its training fails.
        OSError, RunError: if files cannot be read or written, independent of the candidate.
    """
    search, run = context.search, context.run(trial)
    record = TrialRecord(trial, worker=context.worker)
    try:
        if trial != DEFAULT:
            record = dataclasses.replace(
                record, values=context.space.active(values), settings=context.space.settings(values)
            )
        shown = ", ".join(f"{name} {show(value)}" for name, value in record.values.items())
        log.info("trial %s: %s", trial, shown or "the default configuration")
        length = (search.epochs, search.steps)
        configuration = candidate(search.base, record.settings, context.full_steps, length)
        if trial != DEFAULT and search.budget is not None:
            model = models.create(configuration.model, **configuration.arguments)
            cost = models.multiply_adds(model)
            if cost > search.budget:
                record = dataclasses.replace(record, status=REFUSED)
                budget = count(search.budget)
                raise TrialFailed(f"{count(cost)} multiply-adds, the budget is {budget}")
        while is_busy(run):  # a worker, if a restarted chief assigns its trial again
            log.info("trial %s: waiting for the process that trains it", trial)
            time.sleep(WAIT)
        if run.config.exists() and read_configuration(run.config) != configuration:
            log.warning("trial %s: replacing the run of another candidate", trial)
            shutil.rmtree(run.folder)  # from before keras-tuner's state was damaged
        if "tuner/trial_id" in values:
            _continue_run(context.run(values["tuner/trial_id"]), run)
        metrics = train(
            configuration,
            run.folder,
            data_dir=context.data_dir,
            cache_dir=context.cache_dir,
            until=values.get("tuner/epochs", search.epochs),
            inference_limit=INFERENCE_LIMIT,
        )
        if search.tuner != "hyperband":  # only hyperband continues trials
            run.checkpoint.unlink(missing_ok=True)
    except (OSError, RunError):
        raise
    except Exception as error:
        kind = "" if isinstance(error, TrialFailed) else f"{type(error).__name__}: "
        reason = (kind + " ".join(str(error).split())).removesuffix(": ")
        _write_record(context.folder, dataclasses.replace(record, reason=reason))
        raise TrialFailed(reason) from error
    finally:
        keras.backend.clear_session()  # otherwise memory grows with every trial
        gc.collect()
    record = dataclasses.replace(
        record,
        status=FINISHED,
        score=float(metrics["validation"][search.objective]),
        seconds=round(sum(row["seconds"] for row in run.read_history(metrics["epochs"])), 1),
        **{key: metrics[key] for key in ("validation", "epochs", "parameters", "multiply_adds")},
    )
    _write_hparams(run, record)
    _write_record(context.folder, record)  # last, since it marks the trial as finished
    return record


def candidate(
    base: Configuration,
    settings: Mapping[str, Any],
    full_steps: int,
    length: tuple[int, int] | None = None,
) -> Configuration:
    """The base configuration with other settings, with its full length or shorter.

    An epoch has the same number of images for every batch size, and the moving average of weights
    spans the same fraction of the training.

    Args:
        base: the configuration to change.
        settings: settings from `Space.settings`.
        full_steps: batches in an epoch of `base`.
        length: epochs, and batches in each for the batch size of `base`. Defaults to those of
            `base`.

    Raises:
        ValueError: if a setting is unknown or does not fit.
    """
    arguments, recipe = set_values(base.model, base.recipe, settings)
    epochs, steps = length or (recipe.epochs, full_steps)
    steps = max(1, round(steps * base.recipe.batch_size / recipe.batch_size))
    shortening = base.recipe.epochs * full_steps / (epochs * steps)
    whole_epochs = length is None and base.recipe.steps_per_epoch is None
    recipe = dataclasses.replace(
        recipe,
        epochs=epochs,
        steps_per_epoch=None if whole_epochs else steps,
        ema_momentum=round(recipe.ema_momentum**shortening, 6),
    )
    arguments = models.configuration(base.model, **{**base.arguments, **arguments})
    return dataclasses.replace(base, arguments=arguments, recipe=recipe)


def is_busy(run: RunFolder) -> bool:
    """Whether another process trains in the folder of a run."""
    try:
        with lock(run.folder, "training"):
            return False
    except RunError:
        return True
    except FileNotFoundError:
        return False


def _continue_run(source: RunFolder, run: RunFolder) -> None:
    """Start a run as an unfinished copy of another run, unless it is already started."""
    if run.folder.exists():
        return
    with atomic_path(run.folder) as part:
        shutil.copytree(source.folder, part, ignore=shutil.ignore_patterns("metrics.json", ".lock"))


def _write_hparams(run: RunFolder, record: TrialRecord) -> None:
    """Add the trial to TensorBoard's HParams view: `tensorboard --logdir SEARCH/trials`."""
    folder = run.tensorboard / "trial"
    with tensorflow_writes(folder), tf.summary.create_file_writer(str(folder)).as_default():
        hparams.hparams(dict(record.values), trial_id=record.trial)
        for name, value in {**record.validation, "multiply_adds": record.multiply_adds}.items():
            tf.summary.scalar(name, value, step=record.epochs)


def _write_record(folder: Path, record: TrialRecord) -> None:
    (folder / "trials").mkdir(exist_ok=True)
    write_json(folder / "trials" / f"{record.trial}.json", dataclasses.asdict(record))


def read_records(folder: str | Path) -> list[TrialRecord]:
    """The records of a search's trials in the order of their numbers, the default last.

    Raises:
        RunError: if a file is not such a record.
    """
    records = []
    for path in sorted((Path(folder) / "trials").glob("*.json")):
        try:
            records.append(TrialRecord(**read_json(path)))
        except TypeError as error:
            raise RunError(f"{path} is not the record of a trial: {error}") from error
    return records


def best_first(records: Iterable[TrialRecord], objective: str) -> list[TrialRecord]:
    """The finished trials by descending score; for equal scores by ascending loss."""
    sign = -1 if OBJECTIVES[objective] == "max" else 1
    finished = [record for record in records if record.status == FINISHED]
    return sorted(finished, key=lambda record: (sign * record.score, record.validation["loss"]))
