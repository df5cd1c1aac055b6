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
from inference.graph import expand_boxes
from inference.reader import Reader
from labels import BOX, DIGITS, LENGTH
from models import published
from models.decoding import log_softmax

_PROBABILITY, _PIXELS = 5, 1
"""Decimals that an answer has."""

_WARM_UP = (1, 2, 3)
"""Batches read at the start, until the model is compiled for batches of any size."""


@dataclass(frozen=True)
class Task:
    """An image to read.

    Attributes:
        image: uint8 (height, width, 3), RGB.
        box: where the number is, in pixels; None to look for it.
        explain: whether to return attention maps.
    """

    image: np.ndarray
    box: np.ndarray | None = None
    explain: bool = False


class ModelReader:
    """A model that answers tasks. Used by one thread at a time.

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
            # The last part of a path: where the server keeps its runs is nobody's business.
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
        """What the model is called in requests and answers."""
        return self.description.name

    def warm_up(self) -> None:
        """Compile all that reading needs, so that the first visitor does not wait for it."""
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
        seen = self._reader.predict(images, [_part(task) for task in tasks])
        found = seen.readings
        digits = np.exp(log_softmax(seen.outputs[DIGITS])).round(_PROBABILITY)
        lengths = [None] * len(tasks)
        if LENGTH in seen.outputs:
            lengths = np.exp(log_softmax(seen.outputs[LENGTH])).round(_PROBABILITY).tolist()
        confidences = np.exp(found.log_probability).clip(0, 1).round(_PROBABILITY).tolist()
        rows = zip(tasks, found.numbers(), confidences, lengths, strict=True)
        return [
            Reading(
                model=self.name,
                number=number,
                confidence=confidence,
                box=_edges(seen.boxes[index]) if number else None,
                crop=_edges(seen.crops[index]),
                digits=self._digits(task, number, digits[index], seen.crops[index]),
                length=length,
            )
            for index, (task, number, confidence, length) in enumerate(rows)
        ]

    def _digits(self, task: Task, number: str, places: np.ndarray, part) -> list[Digit]:
        text = number.rstrip("+")
        heats = [None] * len(text)
        if task.explain and text:
            heats = [_png(one) for one in self._saliency.maps(task.image, part, text)]
        return [
            Digit(
                digit=int(digit),
                probability=float(chances[int(digit)]),
                probabilities=chances.tolist(),
                attention=attention,
            )
            for digit, chances, attention in zip(text, places[: len(text)], heats, strict=True)
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
    for one in weights:
        reader = ModelReader(one)
        if reader.name in readers:
            raise ValueError(f"two models are called {reader.name!r}. Received: {one}")
        reader.warm_up()
        readers[reader.name] = reader
    return readers


def _part(task: Task) -> np.ndarray | None:
    if task.box is None:
        return None
    height, width = task.image.shape[:2]
    return np.asarray(expand_boxes(task.box[None], np.float32([[0, 0, width, height]])))[0]


def _edges(box: np.ndarray) -> tuple[float, ...] | None:
    return tuple(box.astype(float).round(_PIXELS).tolist()) if np.isfinite(box).all() else None


def _png(heat: np.ndarray) -> str:
    done, data = cv2.imencode(".png", (255 * heat).astype(np.uint8))
    if not done:
        raise RuntimeError(f"OpenCV could not write a PNG of {heat.shape}")
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()
