"""Train a reader from a folder of labelled photos: choose initial weights, data and recipe.

The published weights that read the folder's training images best are fine-tuned, and the result is
compared with them on the validation split; the test split is not used. Weights interpolated between
the start and the end of the training are also compared, since they are often better than either
(Wortsman et al. 2022, https://arxiv.org/abs/2109.01903).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

import datasets
import models
from artifacts.files import RunError, atomic_path, read_json, write_json
from artifacts.run_folder import RunFolder
from datasets import tfds_data
from inference.calibration import fit_temperature, scale_logits
from inference.over_dataset import run_inference
from inference.reader import Reader
from models.metrics import negative_log_likelihood, sequence_correct
from number_zoo.published import DEFAULT_WEIGHTS
from training.configuration import Configuration, normalize, read_configuration
from training.recipes import get_recipe
from training.transfer import transfer_weights

log = logging.getLogger(__name__)

SAMPLE = 100
"""Number of training images on which published weights are compared."""

ALPHAS = (0.5, 1.0)
"""Interpolation weights of the trained weights that are compared with the published weights."""

REHEARSAL = "rendered_numbers/kinds"
"""Rendered images of every kind, which are mixed in if there are few photos and it is prepared."""

FEW = 200
"""Number of training images below which rendered images are mixed in."""

RECIPE = "few_labels"

LEAST_GAIN = 0.01
"""Minimum mean gain in log-probability of a better reader, independent of its standard error."""

MANY = 500
"""Number of training images from which on all layers are trained."""


@dataclass(frozen=True)
class Plan:
    """Arguments of `training.configuration.configure` for a folder.

    Attributes:
        weights: name of published weights.
        dataset: the folder, or a mix with it.
        recipe: name and fields of the recipe.
        reason: the choices and their reasons, for a log.
    """

    weights: str
    dataset: str
    recipe: dict[str, Any]
    reason: str


def plan(folder: str, data_dir: str | Path | None = None, run: str | Path | None = None) -> Plan:
    """Choose the weights, mixture and length of a training from a folder's images.

    Args:
        folder: path of a folder, optionally with its options.
        data_dir: folder of TFDS data; nothing is prepared.
        run: folder of the run. If it was started with this plan, its weights and mixture are kept,
            even if other weights or data have become available.
    """
    images = datasets.size(folder, "train")
    longest = max(len(label) for _, label in datasets.labels(folder, "train"))
    if started := _started(run, folder):
        weights, mix = started.weights, started.dataset
        best, why = f"as {run} was started", f"is in {mix}"
    else:
        weights, best = _best_weights(folder, images)
        mix, why = folder, "alone, since its weights are interpolated with the published ones"
        if images < FEW and "," not in folder and _is_prepared(REHEARSAL, data_dir):
            mix = f"{folder}:2,{REHEARSAL}:1"
            why = f"with a third of {REHEARSAL}, since photos are few"
    # From 80 steps for 30 images to 600 for 4,000, which take minutes on two cores.
    recipe = get_recipe(RECIPE)
    steps = int(np.clip(80 * (images / 30) ** 0.4, 60, 600)) // recipe.epochs
    digits = models.architecture_of(weights)[1]["max_digits"]
    return Plan(
        weights,
        mix,
        {"recipe": RECIPE, "steps_per_epoch": steps} | ({"frozen": ""} if images >= MANY else {}),
        f"start: {weights}, {best}; max_digits: {max(digits, longest)}, since labels have up to "
        f"{longest} and the weights {digits}; data: the folder {why}; recipe: {RECIPE} for "
        f"{images} training images, {recipe.epochs * steps} steps of {recipe.batch_size}, "
        f"{'all layers' if images >= MANY else 'without the convolutions'}",
    )


def _started(run: str | Path | None, folder: str) -> Configuration | None:
    """The configuration of a run that was started with a plan for the folder."""
    started = None if run is None else RunFolder(Path(run))
    if started is None or not started.is_trained:
        return None
    configuration = read_configuration(started.config)
    is_planned = configuration.validation == normalize(folder)
    return configuration if is_planned and configuration.weights in models.list_weights() else None


def started_runs(folder: str) -> Iterator[Path]:
    """Default run folders that were started with a plan for a folder, the last one first."""
    configurations = Path("runs").glob(f"*/{RunFolder(Path()).config.name}")
    for path in sorted(configurations, key=lambda path: path.stat().st_mtime, reverse=True):
        with contextlib.suppress(RunError):  # not a run, or of another version
            if _started(path.parent, folder):
                yield path.parent


def _best_weights(folder: str, images: int) -> tuple[str, str]:
    """The published weights that read most of a sample of training images, and the reason."""
    scores = {}
    for name in sorted(models.list_weights(), key=lambda name: name != DEFAULT_WEIGHTS):
        outputs = run_inference(Reader(name, max_glimpses=1), folder, "train", sample=SAMPLE)
        correct = sequence_correct(outputs.predictions.decoded, outputs.truth)
        scores[name] = int(correct.sum()), -_losses(outputs, 1.0).mean()
    read = ", ".join(f"{name} {score[0]}" for name, score in scores.items())
    best = max(scores, key=lambda name: scores[name])  # the first one if several are equal
    return best, f"the best on {min(images, SAMPLE)} training images in one glimpse ({read})"


def _is_prepared(name: str, data_dir: str | Path | None) -> bool:
    return any((tfds_data.resolve_data_dir(data_dir) / name).glob("*/dataset_info.json"))


def _losses(outputs, temperature: float) -> np.ndarray:
    """−log P of each label; that of a refusal for labels that are too long for the model."""
    logits = scale_logits(outputs.predictions.outputs, temperature)
    return np.asarray(negative_log_likelihood(logits, outputs.truth))


def choose_reader(run: RunFolder) -> dict[str, Any]:
    """Compare a finished run with the weights that it started from, on its validation split.

    The run's model is replaced by the best of the interpolated ones. It should replace the
    published reader if it reads at least as many validation images and the mean log-probability of
    their labels is higher by more than its standard error and `LEAST_GAIN`.

    Args:
        run: a run of the configuration of a `Plan`.

    Returns:
        The `comparison` that is added to the run's `metrics.json`: `weights`, `images`, `correct`
        and `published_correct`, `loss` and `published_loss`, `alpha` and `replace`.
    """
    metrics = read_json(run.metrics)
    interpolated = run.folder / "interpolated.keras"
    if "comparison" in metrics:
        if interpolated.exists():  # killed before the last step
            interpolated.replace(run.model)
        return metrics["comparison"]
    configuration = read_configuration(run.config)
    reader = Reader(run.folder, temperature=1.0)  # only one, since compiling its graph takes long
    start, end = start_weights(configuration), reader.model.get_weights()
    scores = {}
    for alpha in (0.0, *ALPHAS):
        reader.model.set_weights(interpolate(start, end, alpha))
        scores[alpha] = _score(reader, configuration)
    alpha = min(ALPHAS, key=lambda alpha: scores[alpha][0].mean())
    losses, correct, temperature = scores[alpha]
    published_losses, published_correct, _ = scores[0.0]
    gains = published_losses - losses
    error = gains.std() / max(1, len(gains) - 1) ** 0.5
    is_likelier = gains.mean() > max(error, LEAST_GAIN)
    comparison = {
        "weights": configuration.weights,
        "images": len(gains),
        "correct": int(correct.sum()),
        "published_correct": int(published_correct.sum()),
        "loss": float(losses.mean()),
        "published_loss": float(published_losses.mean()),
        "alpha": alpha,
        "replace": bool(is_likelier and correct.sum() >= published_correct.sum()),
    }
    reader.model.set_weights(interpolate(start, end, alpha))
    # The trained model is replaced last: a rerun after a kill must not interpolate a second time.
    with atomic_path(interpolated) as path:
        reader.model.save(path)
    fitted = {"temperature": temperature, "sequence_accuracy": float(correct.mean())}
    inference = metrics["inference"] | fitted
    write_json(run.metrics, metrics | {"inference": inference, "comparison": comparison})
    interpolated.replace(run.model)
    return comparison


def _score(reader: Reader, configuration: Configuration) -> tuple[np.ndarray, np.ndarray, float]:
    """−log P and correctness of each validation image, (n,), and the fitted temperature."""
    outputs = run_inference(reader, configuration.validation, "validation")
    temperature = fit_temperature((outputs.predictions.outputs, outputs.truth))
    correct = sequence_correct(outputs.predictions.decoded, outputs.truth)
    return _losses(outputs, temperature), correct, temperature


def start_weights(configuration: Configuration) -> list[np.ndarray]:
    """The initial weights of a run of this configuration."""
    # As in the training: new layers have the initial values of the run's seed.
    keras.utils.set_random_seed(configuration.seed)
    model = models.create(configuration.model, **configuration.arguments)
    transfer_weights(model, models.load(configuration.weights))
    return model.get_weights()


def interpolate(
    start: Sequence[np.ndarray], end: Sequence[np.ndarray], alpha: float
) -> list[np.ndarray]:
    """(1 − alpha) · start + alpha · end of each weight; alpha is from 0 to 1."""
    return [(1 - alpha) * first + alpha * last for first, last in zip(start, end, strict=True)]


def describe_choice(comparison: dict[str, Any], run: Path) -> str:
    """The result of `choose_reader` as a recommendation."""
    names = "the fine-tuned reader", comparison["weights"]
    scores = (
        f"of {comparison['images']} validation images {names[0]} reads {comparison['correct']} and "
        f"{names[1]} {comparison['published_correct']}; −log P {comparison['loss']:.3f} and "
        f"{comparison['published_loss']:.3f}"
    )
    few = " (few images: label more for a reliable comparison)" if comparison["images"] < 30 else ""
    if comparison["replace"]:
        return f"Replace {names[1]} by {run}: {scores}{few}"
    return f"Keep {names[1]}, since {run} is not clearly better: {scores}{few}"
