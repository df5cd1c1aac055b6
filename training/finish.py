"""The end of a training: read validation as pictures will be read, and keep the scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

import datasets
import models
from datasets import mixing
from evaluation.calibrate import fit_temperature, tempered
from evaluation.metrics import whole_number_right
from evaluation.observe import observe
from reading.reader import Reader
from training.callbacks import kept
from training.configuration import Configuration
from training.environment import environment
from training.run_folder import RunFolder, write_json

FEW = 1000
"""Validation pictures of each further source that the temperature is fitted on."""


def finish(
    configuration: Configuration,
    run: RunFolder,
    rows: list[dict[str, float]],
    model: keras.Model,
    data_dir: str | Path | None = None,
    most_read: int | None = None,
) -> dict[str, Any]:
    """Score a run whose epochs are trained, and write its `metrics.json`.

    Args:
        configuration: what was trained.
        run: holds the best model.
        rows: its history, an epoch each.
        model: any of its models, for what it costs.
        data_dir: where TFDS data lies.
        most_read: validation pictures of each source that the model is read with at most.

    Returns:
        What is in `metrics.json`.
    """
    best = kept(rows, configuration.recipe.keep)
    read = read_validation(configuration, run, data_dir, most_read)
    metrics = {
        "validation": {
            name.removeprefix("val_"): value
            for name, value in best.items()
            if name.startswith("val_")
        },
        "reading": read,
        "best_epoch": int(best["epoch"]),
        "epochs": len(rows),
        "hours": round(sum(row["seconds"] for row in rows) / 3600, 3),
        "parameters": model.count_params(),
        "multiply_adds": models.multiply_adds(model),
        "crop": configuration.crop,
        "data": _fingerprints(configuration, data_dir),
        "environment": environment(),
    }
    write_json(run.metrics, metrics)
    if len(rows) == configuration.recipe.epochs:
        run.checkpoint.unlink(missing_ok=True)
    return metrics


def read_validation(
    configuration: Configuration,
    run: RunFolder,
    data_dir: str | Path | None = None,
    most_read: int | None = None,
) -> dict[str, Any]:
    """Read validation with a run's model as pictures are read with it, and fit its temperature.

    The temperature is fitted on validation pictures of all that was trained on, each source alike,
    not only of the kind that chose the epoch: a reader meets harder pictures than those, and is to
    know then that it is less sure.

    Args:
        configuration: what was trained.
        run: holds the model.
        data_dir: where TFDS data lies.
        most_read: pictures of each source at most.

    Returns:
        `temperature`, `looks` and `number_accuracy`: what the run's `metrics.json` has under
        `reading`.
    """
    reader = Reader(run.model, looks=None if configuration.crop == "full" else 1)
    where = {"crop": configuration.crop, "data_dir": data_dir}
    chosen = observe(reader, configuration.validation, "validation", limit=most_read, **where)
    others = {part.source for part in mixing.parse_mix(configuration.dataset)} - {
        part.source for part in mixing.parse_mix(configuration.validation)
    }
    observed = [chosen] + [
        observe(reader, source, "validation", limit=min(FEW, most_read or FEW), **where)
        for source in sorted(others)
        if datasets.size(source, "validation", data_dir)
    ]
    temperature = fit_temperature(*((one.seen.outputs, one.truth) for one in observed))
    readings = models.read_out(tempered(chosen.seen.outputs, temperature))
    right = whole_number_right(readings, chosen.truth)
    return {
        "temperature": temperature,
        "looks": reader.looks,
        "number_accuracy": float(right.mean()),
    }


def _fingerprints(configuration: Configuration, data_dir) -> dict[str, str]:
    """What was trained and selected on, part by part, to tell test pictures from seen ones."""
    return {
        f"{part.source} {split}": datasets.fingerprint(part.source, split, data_dir)
        for split, mix in (
            ("train", configuration.dataset),
            ("validation", configuration.validation),
        )
        for part in mixing.parse_mix(mix)
    }
