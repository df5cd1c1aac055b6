"""Models of the server: an image in, the prediction as the API returns it out."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from number_zoo import names
from number_zoo.boxes import crop_around
from number_zoo.reader import available_cores, open_reader
from number_zoo.server.answers import Digit, Model, Reading

_PROBABILITY, _PIXELS = 5, 1
"""Decimals of an answer."""

_THREADS = min(4, available_cores())
"""Cores that read one image, if no other image needs them."""


class ModelReader:
    """A model of the server; several threads may use it.

    Args:
        weights: as `number_zoo.reader.open_reader` takes them.

    Raises:
        ValueError: if there are no such weights.
    """

    def __init__(self, weights: str):
        self._reader = open_reader(weights, threads=1, batch_threads=_THREADS)
        metadata = self._reader.metadata
        # The first image takes longest, so that it is not one of a request.
        outputs = self._reader.predict([np.zeros((32, 64, 3), np.uint8)]).arrays
        self.description = Model(
            name=self._reader.name,
            reads=metadata.get("reads") or "what it was trained on",
            input=metadata["input_shape"],
            max_digits=metadata["max_digits"],
            parameters=metadata["parameters"],
            finds_box=names.BOX in outputs,
            licence=metadata.get("licence"),
        )
        self._grid = metadata.get("attention_grid")

    @property
    def name(self) -> str:
        """Name of the model in requests and responses."""
        return self.description.name

    def read(
        self, image: np.ndarray, box: np.ndarray | None = None, explain: bool = False
    ) -> Reading:
        """Read an image.

        Args:
            image: uint8 (height, width, 3), RGB.
            box: bounding box of the number in pixels; None to detect it.
            explain: whether to return attention maps.
        """
        height, width = image.shape[:2]
        crop = None if box is None else crop_around(box, width, height)
        predictions = self._reader.predict([image], [crop])
        (reading,) = predictions.readings()
        lengths = predictions.arrays.get(names.LENGTH_LOG_PROBS)
        return Reading(
            model=self.name,
            number=reading.number,
            confidence=round(min(reading.confidence, 1.0), _PROBABILITY),
            box=_edges(reading.box),
            crop=_edges(predictions.crops[0]),
            digits=self._digits(reading.number.rstrip("+"), predictions.arrays, explain),
            length=None if lengths is None else _probabilities(lengths[0]),
        )

    def _digits(self, text: str, arrays: dict[str, np.ndarray], explain: bool) -> list[Digit]:
        attention = arrays.get(names.ATTENTION) if explain else None
        digits = []
        for position, digit in enumerate(map(int, text)):
            probabilities = _probabilities(arrays[names.DIGIT_LOG_PROBS][0, position])
            values = None if attention is None else attention[0, :, 1 + position]
            digits.append(
                Digit(
                    digit=digit,
                    probability=probabilities[digit],
                    probabilities=probabilities,
                    attention=None if values is None else self._map(values),
                )
            )
        return digits

    def _map(self, values: np.ndarray) -> str:
        """An attention map (positions,) at the model's input size, as a grey PNG."""
        height, width, _ = self.description.input
        grid = Image.fromarray(values.reshape(self._grid).astype(np.float32))
        pixels = np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)).clip(0)
        file = io.BytesIO()
        grey = (255 * pixels / max(float(pixels.max()), 1e-9)).round().astype(np.uint8)
        Image.fromarray(grey).save(file, "PNG")
        return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


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
        readers[reader.name] = reader
    return readers


def _probabilities(logarithms: np.ndarray) -> list[float]:
    return np.exp(logarithms.astype(np.float64)).clip(0, 1).round(_PROBABILITY).tolist()


def _edges(box: Sequence[float] | None) -> tuple[float, ...] | None:
    return None if box is None else tuple(round(float(edge), _PIXELS) for edge in box)
