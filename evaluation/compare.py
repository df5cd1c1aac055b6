"""Evaluate trained models on the same pictures and keep every figure."""

from __future__ import annotations

import csv
import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import datasets
import labels
import models
from evaluation import metrics, sheet
from evaluation.observe import observe, overlap
from models.sequence import Readings, negative_log_likelihood
from reading.reader import Reader
from training.environment import environment
from training.run_folder import RunFolder, read_json, replacing, write_json

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """One model's readings of a split.

    Attributes:
        name: the run's folder or the file.
        figures: what `metrics.figures` gives, with the model's cost.
        readings: what the model reads, in the order of the pictures.
    """

    name: str
    figures: dict[str, Any]
    readings: Readings


@dataclass(frozen=True)
class Comparison:
    """Several models on the same pictures.

    Attributes:
        dataset, split, crop: the pictures, and which part of each the models were given.
        pictures: (id, number) of each.
        results: the constant answer first, then one for each model.
        failed: (name, reason) of models that could not be evaluated.
        warnings: what a reader of the figures must know.
    """

    dataset: str
    split: str
    crop: str
    pictures: list[tuple[str, str]]
    results: list[Result]
    failed: list[tuple[str, str]]
    warnings: list[str]


def compare(
    sources: list[str],
    dataset: str,
    *,
    split: str = "test",
    crop: str | None = None,
    looks: int | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> Comparison:
    """Evaluate models on a split.

    Args:
        sources: run folders or `.keras` files.
        dataset: name, folder or mix, as `datasets.load` takes it.
        split: "test", or "validation" while something is still being chosen.
        crop: "full", "union" or "square". Defaults to what each run was trained with.
        looks: how often each model looks at a picture, where it is given all of it. Defaults to
            what suits the model, as in reading.
        data_dir: where TFDS data lies.
        limit: only the first so many pictures.

    Raises:
        ValueError: if the data set is unknown or holds no picture of that split.
    """
    pictures = datasets.numbers(dataset, split, data_dir, limit)
    if not pictures:
        raise ValueError(f"{dataset} has no pictures in its split {split!r}")
    results, failed, warnings, crops = [], [], [], set()
    fingerprint = datasets.fingerprint(dataset, split, data_dir)
    for source in sources:
        try:
            used = crop or _trained_crop(source)
            results.append(_evaluate(source, dataset, split, used, looks, data_dir, limit))
            crops.add(used)
        except Exception as error:
            log.error("%s: %s", source, error)
            failed.append((source, str(error)))
        else:
            warnings += _warn_seen(source, fingerprint)
    places = max((r.readings.digits.shape[1] for r in results), default=5)
    baseline = _baseline(dataset, pictures, places, data_dir)
    if len(pictures) < 1000:
        warnings.append(
            f"{len(pictures)} pictures are few: mind the intervals when comparing models"
        )
    return Comparison(
        dataset, split, "/".join(sorted(crops)), pictures, [baseline, *results], failed, warnings
    )


def _trained_crop(source: str) -> str:
    config = RunFolder(Path(source)).config
    return read_json(config)["configuration"]["crop"] if config.exists() else "full"


def _evaluate(source, dataset, split, crop, looks, data_dir, limit) -> Result:
    # Whoever is given the true box needs no second look.
    reader = Reader(source, looks if crop == "full" else 1)
    observed = observe(reader, dataset, split, crop=crop, data_dir=data_dir, limit=limit)
    model, seen = reader.model, observed.seen
    height, width, channels = model.input_shape[1:]
    loss = negative_log_likelihood(seen.outputs, observed.truth)
    found = metrics.figures(seen.readings, observed.truth, loss)
    where = metrics.box_figures(overlap(seen.boxes, observed.boxes))
    cost = {
        "parameters": model.count_params(),
        "multiply_adds": models.multiply_adds(model) * reader.looks,
        "input_shape": [height, width, channels],
        "crop": crop,
        "looks": reader.looks,
    }
    return Result(source, found | where | cost, seen.readings)


def _warn_seen(source: str, fingerprint: str) -> list[str]:
    found = RunFolder(Path(source)).metrics
    if found.exists() and fingerprint in read_json(found).get("data", {}).values():
        return [f"{source} was trained or selected on these very pictures"]
    return []


def _baseline(dataset, pictures, places, data_dir) -> Result:
    """The constant answer, the commonest number of the training split."""
    train = [number for _, number in datasets.numbers(dataset, "train", data_dir)]
    encoded = [labels.encode(number, places) for _, number in pictures]
    truth = {
        "length": np.array([length for length, _ in encoded]),
        "digits": np.stack([digits for _, digits in encoded]),
    }
    readings = metrics.constant_answer(train, places, len(pictures))
    right = metrics.whole_number_right(readings, truth)
    loss = np.where(right, -readings.log_probability, np.inf)
    found = metrics.figures(readings, truth, loss) | {"negative_log_likelihood": None}
    return Result("constant answer", found, readings)


def write(comparison: Comparison, folder: Path, data_dir: str | Path | None = None) -> None:
    """Write `results.json`, `results.csv`, `predictions.csv` and sheets, each file whole.

    For each model `readings-N.png` shows pictures chosen at random and `mistakes-N.png` its
    surest mistakes; N counts the models in the order they were named.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(
        folder / "results.json",
        {
            "dataset": comparison.dataset,
            "split": comparison.split,
            "crop": comparison.crop,
            "models": {result.name: result.figures for result in comparison.results},
            "failed": dict(comparison.failed),
            "warnings": comparison.warnings,
            "environment": environment(),
        },
    )
    flat = [{"model": r.name} | _flatten(r.figures) for r in comparison.results]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    _write_csv(folder / "results.csv", columns, [[row.get(c) for c in columns] for row in flat])
    readings = [(r.readings.numbers(), r.readings.log_probability) for r in comparison.results[1:]]
    names = [result.name for result in comparison.results[1:]]
    header = ["picture", "number", *(f"{n}{what}" for n in names for what in ("", " confidence"))]
    rows = [
        [name, number]
        + [cell for read, log_p in readings for cell in (read[i], f"{np.exp(log_p[i]):.6f}")]
        for i, (name, number) in enumerate(comparison.pictures)
    ]
    _write_csv(folder / "predictions.csv", header, rows)
    for number, result in enumerate(comparison.results[1:], 1):
        _write_sheets(comparison, result, folder, number, data_dir)


def _write_sheets(comparison, result: Result, folder: Path, number: int, data_dir) -> None:
    read = result.readings.numbers()
    right = np.array([r == truth for r, (_, truth) in zip(read, comparison.pictures, strict=True)])
    chosen = {
        "readings": sheet.choose(len(right), 48),
        "mistakes": sheet.mistakes(right, result.readings.log_probability, 48),
    }
    for name, indices in chosen.items():
        sheet.write_sheet(
            folder / f"{name}-{number}.png",
            comparison.dataset,
            comparison.split,
            comparison.pictures,
            result.readings,
            indices,
            data_dir=data_dir,
        )


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key} ")
        else:
            flat[prefix + key] = value
    return flat


def _write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    with replacing(path) as part:
        part.write_text(text.getvalue(), newline="")
