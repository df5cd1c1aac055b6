"""Inference over a data set: predictions for every image of a split, beside its labels."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import labels
from datasets import crops, sources
from inference.reader import Reader
from number_zoo.images import decode_image
from number_zoo.predictions import Predictions

_CHUNK = 256


@dataclass(frozen=True)
class EvalOutputs:
    """Predictions and labels of the images of a split, in their order.

    Attributes:
        predictions: the model's outputs and boxes.
        labels: the labels as text.
        truth: the labels as in training: `digits` (n, N) and, for N > 1, `length`.
        boxes: float32 (n, 4), the true boxes around the numbers in pixels; NaN where unknown.
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
) -> EvalOutputs:
    """Read every image of a split as `predict.py` reads an image.

    Args:
        reader: the model.
        dataset: name, folder or mix.
        split: `"train"`, `"validation"` or `"test"`.
        crop: the part of each image that is read: `"full"`, or a crop around the true boxes.
        margin: fraction by which the boxes are expanded for such a crop.
        data_dir: folder of prepared TFDS data.
        limit: only the first images, of each source.

    Raises:
        ValueError: if an image cannot be decoded or has no boxes for the crop, or if the model
            reads single digits and a label is of another length.
    """
    max_digits = reader.model.output["digits"].shape[1]
    predictions, texts, boxes = [], [], []
    unknown_box = np.full(4, np.nan, np.float32)
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        stream = sources.examples(dataset, split, data_dir, limit)
        for examples in sources.chunks(stream, _CHUNK):
            images = list(pool.map(lambda e: decode_image(e.read(), name=e.id), examples))
            given = [example.crop_box(crop, margin) for example in examples]
            predictions.append(reader.predict(images, given))
            for example in examples:
                if max_digits == 1 and len(example.label) != 1:
                    raise ValueError(
                        "a model with max_digits=1 reads single digits and cannot be evaluated on "
                        "numbers: train one with --set max_digits=N. "
                        f"Received: {example.id}, labelled {example.label!r}"
                    )
                texts.append(example.label)
                known = example.boxes is not None
                boxes.append(crops.union_box(example.boxes) if known else unknown_box)
    return EvalOutputs(
        Predictions.concatenate(predictions),
        texts,
        _label_arrays(texts, max_digits),
        np.stack(boxes),
    )


def overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (n, 4), in [0, 1]; NaN where either is unknown."""
    inner = np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])
    common = np.maximum(inner, 0).prod(axis=1)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=1) for b in (boxes, others)]
    return common / np.maximum(sum(areas) - common, 1e-9)


def _label_arrays(texts: list[str], max_digits: int) -> dict[str, np.ndarray]:
    encoded = [labels.encode(text, max_digits) for text in texts]
    digits = {"digits": np.stack([digits for _, digits in encoded])}
    if max_digits == 1:
        return digits
    return {"length": np.array([length for length, _ in encoded], np.int32)} | digits
