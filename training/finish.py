"""Finish a training: run inference on validation, fit the temperature, write the scores."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras

import datasets
import models
from artifacts.environment import environment
from artifacts.files import write_json
from artifacts.run_folder import RunFolder
from datasets import mixing
from inference.calibration import fit_temperature, scale_logits
from inference.over_dataset import run_inference
from inference.reader import Reader
from models.metrics import sequence_correct
from training.callbacks import Row, selected_epoch
from training.configuration import Configuration
from training.tasks import LocateTask

OTHER_SOURCES_LIMIT = 1000
"""Number of validation images of each further training source for fitting the temperature."""


def finish(
    configuration: Configuration,
    run: RunFolder,
    rows: list[Row],
    model: keras.Model,
    data_dir: str | Path | None = None,
    inference_limit: int | None = None,
) -> dict[str, Any]:
    """Score a trained run and write its `metrics.json`.

    Args:
        configuration: what was trained.
        run: its folder, with the selected model.
        rows: its history; may be empty.
        model: a model of the same architecture, to count parameters and multiply-adds.
        data_dir: where TFDS data lies.
        inference_limit: maximum number of validation images per source. Defaults to all.

    Returns:
        The content of `metrics.json`.
    """
    metrics: dict[str, Any] = {"validation": {}}
    if rows:
        selected = selected_epoch(rows, configuration.recipe.checkpoint)
        scores = [name for name in selected if name.startswith("val_")]
        metrics = {
            "validation": {name.removeprefix("val_"): selected[name] for name in scores},
            "epoch": int(selected["epoch"]),
            "epochs": len(rows),
            "hours": round(sum(row["seconds"] for row in rows) / 3600, 3),
        }
    metrics |= {
        "inference": calibrate(configuration, run, data_dir, inference_limit),
        "parameters": model.count_params(),
        "multiply_adds": models.multiply_adds(model),
        "crop": configuration.crop,
        "data": fingerprints(configuration, data_dir),
        "environment": environment(),
    }
    write_json(run.metrics, metrics)
    return metrics


def calibrate(
    configuration: Configuration,
    run: RunFolder,
    data_dir: str | Path | None = None,
    inference_limit: int | None = None,
) -> dict[str, Any]:
    """Fit the inference settings of a run's model on validation images, and compute its scores.

    For a locator, the setting is the threshold with the highest F1; for a reader, it is the
    temperature. The temperature is fitted on validation images of all training sources, with equal
    weights, not only on those that selected the epoch, so that the confidence is also calibrated on
    the harder sources.

    The arguments are those of `finish`.

    Returns:
        The `inference` of `metrics.json`: `temperature`, `max_glimpses` and `sequence_accuracy`;
        for a locator `threshold`, and `average_precision`, `precision`, `recall` and `f1` with it.
    """
    if models.entry(configuration.model).task == "locate":
        return _best_threshold(configuration, run, data_dir, inference_limit)
    reader = Reader(run.model, max_glimpses=None if configuration.crop == "full" else 1)
    data_kwargs = {"crop": configuration.crop, "data_dir": data_dir}
    validation = run_inference(
        reader, configuration.validation, "validation", limit=inference_limit, **data_kwargs
    )
    sources = {part.source for part in mixing.parse_mix(configuration.dataset)}
    others = sources - {part.source for part in mixing.parse_mix(configuration.validation)}
    limit = min(OTHER_SOURCES_LIMIT, inference_limit or OTHER_SOURCES_LIMIT)
    results = [validation] + [
        run_inference(reader, source, "validation", limit=limit, **data_kwargs)
        for source in sorted(others)
        if datasets.size(source, "validation", data_dir)
    ]
    temperature = fit_temperature(
        *((result.predictions.outputs, result.truth) for result in results)
    )
    predictions = models.decode_predictions(
        scale_logits(validation.predictions.outputs, temperature)
    )
    return {
        "temperature": temperature,
        "max_glimpses": reader.max_glimpses,
        "sequence_accuracy": float(sequence_correct(predictions, validation.truth).mean()),
    }


def _best_threshold(
    configuration: Configuration, run: RunFolder, data_dir: str | Path | None, limit: int | None
) -> dict[str, float]:
    model, scores = models.load(run.model), models.LocationScores()
    validation = LocateTask(configuration).validation(data_dir=data_dir, limit=limit)
    for images, truth in validation.as_numpy_iterator():
        scores.update_batch(model.predict_on_batch(images), truth, configuration.image_size)
    threshold = scores.best_threshold()
    results = scores.result(threshold)
    names = ("average_precision", "precision", "recall", "f1")
    # Without numbers there is nothing to score.
    return {"threshold": threshold} | {n: results[n] for n in names if not math.isnan(results[n])}


def fingerprints(
    configuration: Configuration, data_dir: str | Path | None = None
) -> dict[str, str]:
    """Fingerprints of the training and validation images, to recognise them in an evaluation.

    Those of the initial weights and of the teacher are included.
    """
    learned: dict[str, str] = {}
    for source in (configuration.teacher, configuration.weights):
        if source is not None:
            learned |= models.training_data(source)
    return learned | {
        f"{part.source} {split}": datasets.fingerprint(part.source, split, data_dir)
        for split, mix in (
            ("train", configuration.dataset),
            ("validation", configuration.validation),
        )
        for part in mixing.parse_mix(mix)
    }
