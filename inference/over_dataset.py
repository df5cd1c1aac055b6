"""Inference over a data set: predictions and labels of every image of a split."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets import Example, sources
from inference.split_images import random_indices
from labels import encode_batch
from number_zoo.files import batches
from number_zoo.predictions import Predict, Predictions
from number_zoo.reader import Reader

SEARCH = "search"
"""The whole image, read as `number_zoo.read` reads it: also smoothed, in crops of small numbers and
in other quarter turns."""

_CHUNK = 256


def how_to_read(reader: Reader, crop: str) -> tuple[Predict, str]:
    """The function of a reader that reads a crop, and the crop of `datasets.crops` to give it."""
    return (reader.predict_any_turn, "full") if crop == SEARCH else (reader.predict, crop)


@dataclass(frozen=True)
class EvalOutputs:
    """Predictions and labels of the images of a split, in their order.

    Attributes:
        predictions: the model's outputs and boxes.
        labels: the labels as text.
        truth: the labels as in training: `digits` (n, N) and, for N > 1, `length`.
        boxes: float32 (n, 4), the true boxes around the numbers in pixels; NaN if unknown.
    """

    predictions: Predictions
    labels: list[str]
    truth: dict[str, np.ndarray]
    boxes: np.ndarray


def run_inference(
    reader: Reader,
    dataset: str,
    split: str,
    *,
    crop: str = "full",
    margin: float = 0.3,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    sample: int | None = None,
) -> EvalOutputs:
    """Read every image of a split.

    Args:
        reader: the model, with Keras or ONNX Runtime.
        dataset: name, folder or mixture.
        split: `"train"`, `"validation"` or `"test"`.
        crop: the part of each image that is read: `"full"`, `SEARCH`, or a crop around the true
            boxes.
        margin: fraction by which the boxes are expanded for such a crop.
        data_dir: folder of prepared TFDS data.
        limit: maximum number of images of each source, from the first.
        sample: maximum number of images, chosen at random: the first may all have one label.

    Raises:
        ValueError: if an image cannot be decoded or has no boxes for the crop, or if the model
            reads single digits and a label has another length.
    """
    max_digits = reader.metadata["max_digits"]
    predict, crop = how_to_read(reader, crop)
    predictions, texts, truths, boxes = [], [], [], []
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        stream = sources.examples(dataset, split, data_dir, limit)
        if sample is not None:
            every = list(stream)
            stream = iter([every[index] for index in random_indices(len(every), sample)])
        for examples in batches(stream, _CHUNK, lambda example: example.image):
            labels = [example.label for example in examples]
            truths.append(encode_batch(labels, max_digits, [example.id for example in examples]))
            images = list(pool.map(Example.decode, examples))
            given = [example.crop_box(crop, margin) for example in examples]
            predictions.append(predict(images, given))
            texts += labels
            boxes += [example.box for example in examples]
    truth = {name: np.concatenate([part[name] for part in truths]) for name in truths[0]}
    return EvalOutputs(Predictions.concatenate(predictions), texts, truth, np.stack(boxes))
