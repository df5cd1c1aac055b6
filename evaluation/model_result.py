"""Evaluate one model on the images of a split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

import datasets
import labels
import models
from evaluation import CONSTANT, figures
from evaluation.mistakes import mistake_figures
from inference import provenance
from inference.over_dataset import how_to_read, run_inference
from inference.reader import Reader as KerasReader
from inference.split_images import SplitImages
from models.metrics import negative_log_likelihood, sequence_correct
from number_zoo.predictions import DecodedSequences, Predict, Predictions
from number_zoo.reader import Reader, available_cores

_METADATA = ("parameters", "input_shape", "max_glimpses", "temperature")


@dataclass(frozen=True)
class Result:
    """The predictions and figures of one model for a split.

    Attributes:
        name: the run's folder, the file or the published name.
        figures: all its figures, as JSON values.
        readings: the text read in each image.
        confidence: float (images,), in [0, 1].
        correct: bool (images,), whether every digit and the length are correct.
        predictions, predict: None for the constant answer; `predict` is the function that read the
            images.
        model: the Keras model; None for the constant answer, and for a file that was exported.
    """

    name: str
    figures: dict[str, Any]
    readings: list[str]
    confidence: np.ndarray
    correct: np.ndarray
    predictions: Predictions | None = None
    predict: Predict | None = None
    model: keras.Model | None = None


def open_model(name: str, max_glimpses: int | None) -> Reader:
    """Open a model as `comparison.compare` describes it.

    Raises:
        ValueError: if an exported file has another number of glimpses.
    """
    is_file = Path(name).suffix == ".onnx"
    if not is_file and (max_glimpses is not None or name not in models.list_weights()):
        return KerasReader(name, max_glimpses)
    reader = Reader(name, threads=1, batch_threads=available_cores())
    fixed = reader.metadata["max_glimpses"]
    if max_glimpses not in (None, fixed):
        raise ValueError(
            f"{name} was exported with max_glimpses={fixed}. Export it again: export.py RUN "
            f"--format onnx --max-glimpses {max_glimpses}. Received: {max_glimpses}"
        )
    return reader


def evaluate_model(
    name: str, reader: Reader, images: SplitImages, crop: str, thresholds_on: str
) -> Result:
    """Evaluate a model on the images of a split.

    Args:
        name: of the model.
        reader: as `open_model` opens it.
        images: the images.
        crop: "full", "search", "union" or "square".
        thresholds_on: the split on which the confidence thresholds are chosen.

    Raises:
        ValueError: if the model can read none of the labels.
    """
    if isinstance(reader, KerasReader):
        model = reader.model
    else:
        model = models.load(name) if name in models.list_weights() else None
    max_digits = reader.metadata["max_digits"]
    unreadable = sum(len(text) > max_digits for text in images.texts)
    if unreadable == len(images.texts):
        raise ValueError(
            f"every label has more digits than this model can read (max_digits={max_digits}): "
            f"train one with --set max_digits={max(map(len, images.texts))}"
        )
    given = {"crop": crop, "data_dir": images.data_dir, "limit": images.limit}
    thresholds = None
    if thresholds_on != images.split:
        chosen = run_inference(reader, images.dataset, thresholds_on, **given)
        decoded = chosen.predictions.decoded
        thresholds = figures.choose_thresholds(
            sequence_correct(decoded, chosen.truth), np.exp(decoded.log_probability)
        )
    outputs = run_inference(reader, images.dataset, images.split, **given)
    predictions, truth = outputs.predictions, outputs.truth
    loss = negative_log_likelihood(predictions.outputs, truth)
    about = {
        "thresholds_chosen_on": thresholds_on,
        "max_digits": max_digits,
        "unreadable_labels": unreadable,
        "multiply_adds": None if model is None else models.multiply_adds(model),
        "file_size": reader.path.stat().st_size,
        "sha256": models.file_digest(reader.path),
        "crop": crop,
        **{key: reader.metadata[key] for key in _METADATA},
        "trained_with": provenance.trained_with(name),
        "seed": provenance.configuration(name).get("seed"),
    } | figures.box_figures(predictions.boxes, outputs.boxes)
    return _result(
        name, predictions.decoded, truth, images, loss, thresholds, about,
        predictions=predictions, predict=how_to_read(reader, crop)[0], model=model,
    )  # fmt: skip


def _result(
    name: str,
    decoded: DecodedSequences,
    truth: dict[str, np.ndarray],
    images: SplitImages,
    loss: np.ndarray,
    thresholds: dict,
    about: dict,
    **model,
) -> Result:
    """The result of a model (`predictions`, `predict`, `model`) or of a constant answer (neither).

    `loss` is −log P of each label, `thresholds` are those of the confidence, and `about` has the
    model's further figures.
    """
    readings = decoded.numbers()
    values = (
        figures.prediction_figures(decoded, truth, images.texts, loss, thresholds)
        | mistake_figures(images.texts, readings)
        | about
    )
    correct = sequence_correct(decoded, truth)
    return Result(name, values, readings, np.exp(decoded.log_probability), correct, **model)


def constant_result(images: SplitImages) -> Result:
    """The result of predicting the most common label of the training split (else of this split)."""
    train = datasets.labels(images.dataset, "train", images.data_dir) or images.labels
    train = [label for _, label in train]
    places = max(2, *map(len, train), *map(len, images.texts))
    truth = labels.encode_batch(images.texts, places)
    decoded = figures.constant_answer(train, places, len(images.texts))
    loss = np.full(len(images.texts), np.nan)  # the probability of all other labels is 0
    return _result(CONSTANT, decoded, truth, images, loss, None, {"negative_log_likelihood": None})
