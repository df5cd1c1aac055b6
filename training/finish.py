"""The end of a training: read validation as images will be read, and keep the scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

import datasets
import models
from artifacts.environment import environment
from artifacts.files import write_json
from artifacts.run_folder import RunFolder
from datasets import mixing
from inference.calibration import fit_temperature, tempered
from inference.over_dataset import run_inference
from inference.reader import Reader
from models.metrics import sequence_correct
from training.callbacks import kept
from training.configuration import Configuration

FEW = 1000
"""Validation images of each further source that the temperature is fitted on."""


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
        most_read: validation images of each source that the model is read with at most.

    Returns:
        What is in `metrics.json`.
    """
    best = kept(rows, configuration.recipe.checkpoint)
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
    """Read validation with a run's model as images are read with it, and fit its temperature.

    The temperature is fitted on validation images of all that was trained on, each source alike,
    not only of the kind that chose the epoch: a reader meets harder images than those, and is to
    know then that it is less sure.

    Args:
        configuration: what was trained.
        run: holds the model.
        data_dir: where TFDS data lies.
        most_read: images of each source at most.

    Returns:
        `temperature`, `max_glimpses` and `sequence_accuracy`: what the run's `metrics.json` has
        under `reading`.
    """
    reader = Reader(run.model, max_glimpses=None if configuration.crop == "full" else 1)
    where = {"crop": configuration.crop, "data_dir": data_dir}
    chosen = run_inference(reader, configuration.validation, "validation", limit=most_read, **where)
    others = {part.source for part in mixing.parse_mix(configuration.dataset)} - {
        part.source for part in mixing.parse_mix(configuration.validation)
    }
    observed = [chosen] + [
        run_inference(reader, source, "validation", limit=min(FEW, most_read or FEW), **where)
        for source in sorted(others)
        if datasets.size(source, "validation", data_dir)
    ]
    temperature = fit_temperature(*((one.seen.outputs, one.truth) for one in observed))
    readings = models.decode_predictions(tempered(chosen.seen.outputs, temperature))
    right = sequence_correct(readings, chosen.truth)
    return {
        "temperature": temperature,
        "max_glimpses": reader.max_glimpses,
        "sequence_accuracy": float(right.mean()),
    }


def _fingerprints(configuration: Configuration, data_dir) -> dict[str, str]:
    """What was trained and selected on, part by part, to tell test images from seen ones."""
    return {
        f"{part.source} {split}": datasets.fingerprint(part.source, split, data_dir)
        for split, mix in (
            ("train", configuration.dataset),
            ("validation", configuration.validation),
        )
        for part in mixing.parse_mix(mix)
    }
