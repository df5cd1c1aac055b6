"""A reader over a data set: what it saw in every image, and what was there to see."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import labels
from datasets import crops, sources
from datasets.images import decode_image
from inference.reader import Predictions, Reader

_CHUNK = 256
_PLACES = ("boxes", "parts")


@dataclass(frozen=True)
class EvalOutputs:
    """What a reader saw in the images of a split, in their order.

    Attributes:
        seen: the model's outputs and the boxes it found.
        truth: labels in the form that training uses: `digits` (n, N) and, for N > 1, `length`.
        boxes: float32 (n, 4), the true boxes around the numbers in pixels; NaN where unknown.
    """

    seen: Predictions
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
    """Read every image of a split as a user's image would be read.

    Args:
        reader: what reads them.
        dataset: name, folder or mix.
        split: `"train"`, `"validation"` or `"test"`.
        crop: what the reader is given: `"full"`, or a crop from the true digit boxes.
        margin: share by which the box of such a crop is grown.
        data_dir: where TFDS data lies.
        limit: only the first so many images of each source.

    Raises:
        ValueError: if an image does not decode, has no boxes for the crop, or the model reads
            single digits and a number has more.
    """
    places = reader.model.output["digits"].shape[1]
    seen, numbers, boxes = [], [], []
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        stream = sources.examples_of_mix(dataset, split, data_dir, limit)
        for chunk in sources.chunks(stream, _CHUNK):
            images = list(pool.map(lambda one: decode_image(one.read(), name=one.id), chunk))
            seen.append(reader.look(images, [one.crop_box(crop, margin) for one in chunk]))
            numbers += [_checked(one, places) for one in chunk]
            boxes += [_box(one) for one in chunk]
    outputs = {key: np.concatenate([s.outputs[key] for s in seen]) for key in seen[0].outputs}
    found = Predictions(outputs, *(np.concatenate([getattr(s, k) for s in seen]) for k in _PLACES))
    return EvalOutputs(found, _truth(numbers, places), np.stack(boxes))


def overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (n, 4), from 0 to 1; NaN where either is unknown."""
    inner = np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])
    common = np.maximum(inner, 0).prod(axis=1)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=1) for b in (boxes, others)]
    return common / np.maximum(sum(areas) - common, 1e-9)


def _box(example: sources.Example) -> np.ndarray:
    if example.boxes is None or len(example.boxes) == 0:
        return np.full(4, np.nan, np.float32)
    return crops.union_box(example.boxes)


def _checked(example: sources.Example, places: int) -> str:
    if places == 1 and len(example.number) != 1:
        raise ValueError(
            "A model of single digits cannot be tried on numbers. "
            f"Received: {example.id} with the number {example.number!r}"
        )
    return example.number


def _truth(numbers: list[str], places: int) -> dict[str, np.ndarray]:
    encoded = [labels.encode(number, places) for number in numbers]
    digits = {"digits": np.stack([digits for _, digits in encoded])}
    if places == 1:
        return digits
    return {"length": np.array([length for length, _ in encoded], np.int32)} | digits
