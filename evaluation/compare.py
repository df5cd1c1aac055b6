"""Evaluate trained models on the same images, side by side."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import datasets
import labels
import models
from datasets import mixing, sources
from evaluation import metrics, sheet
from evaluation.corruption import robustness
from evaluation.mistakes import mistake_figures
from evaluation.paired import Pair, compare_pairs
from evaluation.sample import load_images
from evaluation.timing import time_readers
from inference import provenance
from inference.over_dataset import overlap, run_inference
from inference.reader import Predictions, Reader
from models.decoding import DecodedSequences
from models.metrics import negative_log_likelihood

log = logging.getLogger(__name__)

CONSTANT = "constant answer"
_FEW = 1000


@dataclass(frozen=True)
class Result:
    """One model's readings of a split.

    Attributes:
        name: the run's folder, the file or the published name.
        figures: every figure of it, as JSON takes them.
        readings: what the model reads, in the order of the images.
        seen: what it saw; None for the constant answer.
        reader: the model; None for the constant answer.
    """

    name: str
    figures: dict[str, Any]
    readings: DecodedSequences
    seen: Predictions | None = None
    reader: Reader | None = None


@dataclass(frozen=True)
class Comparison:
    """Several models on the same images.

    Attributes:
        dataset, split, crop: the images, and which part of each the models were given.
        fingerprint: stands for the images and their numbers.
        images: (id, number) of each.
        results: the constant answer first, then one for each model.
        pairs: each two models compared on the same images.
        robustness: accuracy on worse images; empty where it was not asked for.
        robustness_images: how many images that is of.
        failed: (name, reason) of models that could not be evaluated.
        warnings: what a reader of the figures must know.
    """

    dataset: str
    split: str
    crop: str
    fingerprint: str
    images: list[tuple[str, str]]
    results: list[Result]
    pairs: list[Pair]
    robustness: dict[str, Any]
    robustness_images: int
    failed: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def compare(
    names: list[str],
    dataset: str,
    *,
    split: str = "test",
    crop: str | None = None,
    max_glimpses: int | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    timing: bool = True,
    worse: int = 0,
) -> Comparison:
    """Evaluate models on a split.

    Args:
        names: run folders, `.keras` files or published weights.
        dataset: name, folder or mix, as `datasets.load` takes it.
        split: "test", or "validation" while something is still being chosen.
        crop: "full", "union" or "square". Defaults to what each run was trained with.
        looks: how often each model looks at an image, where it is given all of it. Defaults to
            what suits the model, as in reading.
        data_dir: where TFDS data lies.
        limit: only the first so many images.
        timing: whether to time the models.
        worse: of how many images to make worse ones, for robustness; 0 for none.

    Raises:
        ValueError: if the data set is unknown or holds no image of that split.
    """
    images = datasets.numbers(dataset, split, data_dir, limit)
    if not images:
        raise ValueError(f"{dataset} has no images in its split {split!r}")
    truths = [number for _, number in images]
    results, failed = [], []
    for name in names:
        try:
            log.info("Reading %s images with %s", f"{len(images):,}", name)
            used = crop or provenance.configuration(name).get("crop", "full")
            results.append(
                _evaluate(name, dataset, split, used, max_glimpses, data_dir, limit, truths)
            )
        except Exception as error:
            log.error("%s: %s", name, error)
            failed.append((name, str(error)))
    crops = "/".join(sorted({result.figures["crop"] for result in results}))
    fingerprint = datasets.fingerprint(dataset, split, data_dir)
    readers = {result.name: result.reader for result in results}
    where = {"crop": crops if crops in ("union", "square") else "full", "data_dir": data_dir}
    if timing and readers:
        log.info("Timing %d models in turn", len(readers))
        chosen = load_images(dataset, split, sheet.choose(len(images), 64), **where)
        for name, times in time_readers(readers, list(chosen.values())).items():
            next(r for r in results if r.name == name).figures.update(times)
    worse = min(worse, len(images))
    damaged = {}
    if worse and readers:
        chosen = load_images(dataset, split, sheet.choose(len(images), worse), **where)
        numbers = [images[index][1] for index in chosen]
        damaged = robustness(readers, list(chosen.values()), numbers, report=log.info)
    return Comparison(
        dataset=dataset,
        split=split,
        crop=crops,
        fingerprint=fingerprint,
        images=images,
        results=[_baseline(dataset, images, results, data_dir), *results],
        pairs=compare_pairs({result.name: right(result, truths) for result in results}),
        robustness=damaged,
        robustness_images=worse,
        failed=failed,
        warnings=_warnings(dataset, split, images, fingerprint, results, data_dir),
    )


def right(result: Result, truths: list[str]) -> np.ndarray:
    """Bool (images,): which numbers a model read wholly right."""
    read = result.readings.numbers()
    return np.array([a == b for a, b in zip(read, truths, strict=True)])


def _evaluate(name, dataset, split, crop, max_glimpses, data_dir, limit, truths) -> Result:
    # Whoever is given the true box needs no second look.
    reader = Reader(name, max_glimpses if crop == "full" else 1)
    observed = run_inference(reader, dataset, split, crop=crop, data_dir=data_dir, limit=limit)
    model, seen = reader.model, observed.seen
    height, width, channels = model.input_shape[1:]
    loss = negative_log_likelihood(seen.outputs, observed.truth)
    about = {
        "parameters": model.count_params(),
        "multiply_adds": models.multiply_adds(model),
        "file_size": models.model_file(name).stat().st_size,
        "sha256": models.file_digest(models.model_file(name)),
        "input_shape": [height, width, channels],
        "crop": crop,
        "max_glimpses": reader.max_glimpses,
        "temperature": reader.temperature,
        "trained_with": provenance.trained_with(name),
        "seed": provenance.configuration(name).get("seed"),
    }
    figures = (
        metrics.figures(seen.readings, observed.truth, loss)
        | mistake_figures(truths, seen.readings.numbers())
        | metrics.box_figures(overlap(seen.boxes, observed.boxes))
        | about
    )
    return Result(name, figures, seen.readings, seen, reader)


def _warnings(dataset, split, images, fingerprint, results, data_dir) -> list[str]:
    found = provenance.seen_images(
        [result.name for result in results], dataset, split, fingerprint, data_dir
    )
    if len(images) < _FEW:
        found.append(f"{len(images)} images are few: compare models by their intervals")
    if split == "validation":
        found.append("the validation split chose between models: only the test split is neutral")
    if any(sources.is_folder(part.source) for part in mixing.parse_mix(dataset)):
        found.append(
            "the labels come from a labels.csv, not from the publisher of a data set: "
            "look at the mistakes, for some may be the labels'"
        )
    return found


def _baseline(dataset, images, results, data_dir) -> Result:
    """The constant answer: the commonest number of the training split, or of this one for want."""
    places = max((result.readings.digits.shape[1] for result in results), default=5)
    train = datasets.numbers(dataset, "train", data_dir) or images
    train = [number for _, number in train]
    encoded = [labels.encode(number, places) for _, number in images]
    truth = {
        "length": np.array([length for length, _ in encoded]),
        "digits": np.stack([digits for _, digits in encoded]),
    }
    readings = metrics.constant_answer(train, places, len(images))
    right = metrics.sequence_correct(readings, truth)
    loss = np.where(right, -readings.log_probability, np.inf)
    found = metrics.figures(readings, truth, loss) | {"negative_log_likelihood": None}
    found |= mistake_figures([number for _, number in images], readings.numbers())
    return Result(CONSTANT, found, readings)
