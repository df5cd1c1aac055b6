"""Evaluate trained models on the same images, side by side."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datasets
from datasets import mixing, sources
from datasets.crops import CROPS
from evaluation.corruption import corruption_accuracy
from evaluation.model_result import Result, constant_result, evaluate_model, open_model
from evaluation.paired import Pair, compare_pairs
from evaluation.timing import time_readers
from inference import provenance
from inference.split_images import SplitImages, random_indices

log = logging.getLogger(__name__)

TIMED_IMAGES, FEW_IMAGES = 64, 1000


@dataclass(frozen=True)
class Comparison:
    """Several models on the same images.

    Attributes:
        images: the evaluated images.
        crop: the crop of each image that the models received.
        fingerprint: of all images and labels of the split.
        baseline: the constant answer.
        results: one for each model that could be evaluated, at least one.
        pairs: every two models compared.
        corruption: accuracy on corrupted images; empty if it was not requested.
        corruption_images: number of images that were corrupted.
        failed: (name, reason) of models that could not be evaluated.
        warnings: warnings about the figures.
    """

    images: SplitImages
    crop: str
    fingerprint: str
    baseline: Result
    results: list[Result]
    pairs: list[Pair]
    corruption: dict[str, Any]
    corruption_images: int
    failed: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def compare(
    names: Sequence[str],
    dataset: str,
    *,
    split: str = "test",
    crop: str | None = None,
    max_glimpses: int | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    timing: bool = True,
    corruption_samples: int = 0,
) -> Comparison:
    """Evaluate models on a split.

    Models are read as `predict.py` reads them: published weights and exported files with ONNX
    Runtime, the others with Keras. With a number of glimpses, as for crops, published weights are
    read with Keras.

    Args:
        names: run folders, `.keras` files, exported `.onnx` files or published weights.
        dataset: name, folder or mix, as `datasets.load` takes it.
        split: "test", or "validation" for model selection.
        crop: "full", "search" (`inference.over_dataset.SEARCH`), "union" or "square". Defaults to
            the training crop of each model.
        max_glimpses: maximum number of glimpses on whole images. Defaults to that of each model.
        data_dir: folder of prepared TFDS data.
        limit: maximum number of images of each source, from the first; also for the validation
            split, on which the confidence thresholds are chosen if the data set has one.
        timing: whether to time the models.
        corruption_samples: images to evaluate with corruptions; 0 for none.

    Raises:
        ValueError: if no model can be evaluated, or the data set is unknown or has no image in that
            split. Models are loaded before data is read or downloaded.
    """
    loaded, results, failed = [], [], []
    for name in dict.fromkeys(names):
        with noted_failure(name, failed):
            model_crop = crop or provenance.configuration(name).get("crop", "full")
            # Glimpses locate the number, which is unnecessary in a crop around the true box.
            reader = open_model(name, 1 if model_crop in ("union", "square") else max_glimpses)
            loaded.append((name, model_crop, reader))
    if not loaded:
        raise none_evaluated(failed)
    images = SplitImages(dataset, split, data_dir, limit)
    if not (total := len(images.labels)):
        raise ValueError(f"{dataset} has no images in its split {split!r}")
    thresholds_on = "validation" if _has_validation(images) else split
    for name, model_crop, reader in loaded:
        log.info("Reading %s images with %s", f"{total:,}", name)
        with noted_failure(name, failed):
            results.append(evaluate_model(name, reader, images, model_crop, thresholds_on))
    if not results:
        raise none_evaluated(failed)
    crops = {result.figures["crop"] for result in results}
    sample_crop = crops.pop() if len(crops) == 1 and crops <= set(CROPS) else "full"
    if timing:
        _add_times(results, images, sample_crop)
    corruption, corruption_samples = {}, min(corruption_samples, total)
    if corruption_samples:
        indices = random_indices(total, corruption_samples)
        sample = images.load(indices, sample_crop, reduce=True)
        corruption = corruption_accuracy(
            {result.name: result.predict for result in results},
            sample.values(),
            [images.texts[index] for index in sample],
        )
    return Comparison(
        images=images,
        crop="/".join(sorted({result.figures["crop"] for result in results})),
        fingerprint=datasets.fingerprint(dataset, split, data_dir),
        baseline=constant_result(images),
        results=results,
        pairs=compare_pairs({result.name: result.correct for result in results}),
        corruption=corruption,
        corruption_images=corruption_samples,
        failed=failed,
        warnings=_warnings(images, results),
    )


@contextlib.contextmanager
def noted_failure(name: str, failed: list[tuple[str, str]]) -> Iterator[None]:
    """Within the block, an error is logged and recorded as the reason why a model is not
    evaluated."""
    try:
        yield
    except Exception as error:
        log.error("%s cannot be evaluated: %s", name, error)
        failed.append((name, str(error)))


def none_evaluated(failed: list[tuple[str, str]]) -> ValueError:
    """The error if every model failed."""
    reasons = "; ".join(f"{name}: {reason}" for name, reason in failed)
    return ValueError(f"no model can be evaluated. {reasons}")


def _add_times(results: list[Result], images: SplitImages, crop: str) -> None:
    log.info("Timing %s", "1 model" if len(results) == 1 else f"{len(results)} models in turn")
    sample = images.load(random_indices(len(images.labels), TIMED_IMAGES), crop)
    times = time_readers({result.name: result.predict for result in results}, sample)
    for result in results:
        result.figures.update(times[result.name])


def _has_validation(images: SplitImages) -> bool:
    if images.split != "test":
        return False
    try:
        return datasets.size(images.dataset, "validation", images.data_dir) > 0
    except ValueError:  # the data set has no such split
        return False


def _warnings(images: SplitImages, results: list[Result]) -> list[str]:
    names = [result.name for result in results]
    warnings = split_warnings(names, images.dataset, images.split, images.data_dir)
    for result in results:
        if count := result.figures["unreadable_labels"]:
            warnings.append(
                f"{count} of {len(images.labels)} labels are unreadable by {result.name} "
                f"(max_digits={result.figures['max_digits']}) and count as wrong: train with "
                f"--set max_digits={max(map(len, images.texts))}"
            )
    if len(images.labels) < FEW_IMAGES:
        warnings.append(
            f"few images ({len(images.labels)}): compare models by their intervals, not by their "
            "figures alone"
        )
    return warnings


def split_warnings(
    names: Iterable[str], dataset: str, split: str, data_dir: str | Path | None = None
) -> list[str]:
    """Warnings about the images of a split, and about models that were trained with some of them;
    the arguments are those of `provenance.leak_warnings`."""
    warnings = provenance.leak_warnings(names, dataset, split, data_dir)
    if split == "validation":
        warnings.append("models are selected on validation images: only test is unbiased")
    if any(sources.is_folder(part.source) for part in mixing.parse_mix(dataset)):
        warnings.append(
            "the labels are those of a folder, not of a published data set: some mistakes may be "
            "label errors"
        )
    return warnings
