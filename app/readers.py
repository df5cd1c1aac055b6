"""Models of the server: images in, predictions as the API returns them out."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from app.answers import Digit, Model, Reading
from evaluation.saliency import Saliency
from inference.boxes import expand_boxes
from inference.reader import Reader
from labels import BOX, DIGITS, LENGTH
from models import published
from models.decoding import log_softmax

_PROBABILITY, _PIXELS = 5, 1
"""Decimals that an answer has."""

_WARM_UP = (1, 2, 3)
"""Batch sizes read at the start, until the model is compiled for any batch size."""


@dataclass(frozen=True)
class Task:
    """An image to read.

    Attributes:
        image: uint8 (height, width, 3), RGB.
        box: bounding box of the number in pixels; None to detect it.
        explain: whether to return attention maps.
    """

    image: np.ndarray
    box: np.ndarray | None = None
    explain: bool = False


class ModelReader:
    """A model of the server, used by one thread at a time.

    Args:
        weights: name of published weights, or path of a run folder or a `.keras` file.

    Raises:
        ValueError: if there are no such weights.
    """

    def __init__(self, weights: str):
        self._reader = Reader(weights)
        self._saliency = Saliency(self._reader.model)
        model = self._reader.model
        card = published.card(weights) if weights in published.list_weights() else {}
        self.description = Model(
            # The last part of a path: clients need not know the server's folders.
            name=weights if card else Path(weights).resolve().stem,
            reads=card.get("reads", "what it was trained on"),
            input=model.input_shape[1:],
            max_digits=model.output[DIGITS].shape[1],
            parameters=model.count_params(),
            finds_box=BOX in model.output,
            licence=card.get("licence"),
        )

    @property
    def name(self) -> str:
        """Name of the model in requests and responses."""
        return self.description.name

    def warm_up(self) -> None:
        """Compile the model, so that the first request need not wait for it."""
        blank = np.zeros((32, 64, 3), np.uint8)
        for count in _WARM_UP:
            self.read([Task(blank)] * count)
        self._saliency.maps(blank, np.float32([0, 0, 64, 32]), "8")

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        """Read images in one batch.

        Returns:
            A reading for each task, in order.
        """
        images = [task.image for task in tasks]
        predictions = self._reader.predict(images, [_crop(task) for task in tasks])
        readings, outputs = predictions.readings, predictions.outputs
        digits = np.exp(log_softmax(outputs[DIGITS])).round(_PROBABILITY)
        lengths = [None] * len(tasks)
        if LENGTH in outputs:
            lengths = np.exp(log_softmax(outputs[LENGTH])).round(_PROBABILITY).tolist()
        confidences = np.exp(readings.log_probability).clip(0, 1).round(_PROBABILITY).tolist()
        rows = zip(tasks, readings.numbers(), confidences, lengths, strict=True)
        return [
            Reading(
                model=self.name,
                number=number,
                confidence=confidence,
                box=_edges(predictions.boxes[index]) if number else None,
                crop=_edges(predictions.crops[index]),
                digits=self._digits(task, number, digits[index], predictions.crops[index]),
                length=length,
            )
            for index, (task, number, confidence, length) in enumerate(rows)
        ]

    def _digits(self, task: Task, number: str, positions: np.ndarray, crop) -> list[Digit]:
        text = number.rstrip("+")
        maps = [None] * len(text)
        if task.explain and text:
            maps = [_png(values) for values in self._saliency.maps(task.image, crop, text)]
        return [
            Digit(
                digit=int(digit),
                probability=float(probabilities[int(digit)]),
                probabilities=probabilities.tolist(),
                attention=attention,
            )
            for digit, probabilities, attention in zip(
                text, positions[: len(text)], maps, strict=True
            )
        ]


def load_readers(weights: Sequence[str]) -> dict[str, ModelReader]:
    """Load models, ready to read.

    Args:
        weights: as `ModelReader` takes them, at least one.

    Returns:
        The readers by their names, in the order given.

    Raises:
        ValueError: if there are no such weights, or two have the same name.
    """
    readers: dict[str, ModelReader] = {}
    for source in weights:
        reader = ModelReader(source)
        if reader.name in readers:
            raise ValueError(f"two models have the name {reader.name!r}. Received: {source}")
        reader.warm_up()
        readers[reader.name] = reader
    return readers


def _crop(task: Task) -> np.ndarray | None:
    if task.box is None:
        return None
    height, width = task.image.shape[:2]
    return np.asarray(expand_boxes(task.box[None], np.float32([[0, 0, width, height]])))[0]


def _edges(box: np.ndarray) -> tuple[float, ...] | None:
    return tuple(box.astype(float).round(_PIXELS).tolist()) if np.isfinite(box).all() else None


def _png(values: np.ndarray) -> str:
    done, data = cv2.imencode(".png", (255 * values).astype(np.uint8))
    if not done:
        raise RuntimeError(f"OpenCV could not write a PNG of {values.shape}")
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()
