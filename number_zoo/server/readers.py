"""Models of the server: from an image to the prediction that the API returns."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from number_zoo import names
from number_zoo.boxes import crop_around
from number_zoo.lexicon import Lexicon
from number_zoo.locator import Locations
from number_zoo.predictions import Predictions
from number_zoo.reader import available_cores, open_reader
from number_zoo.server.answers import Digit, Model, Reading

_PROBABILITY_DECIMALS, _PIXEL_DECIMALS = 5, 1

_THREADS = min(4, available_cores())
"""Number of threads that read one image."""


class ModelReader:
    """A model of the server; several threads may use it.

    Args:
        weights, locator: as `number_zoo.reader.open_reader` takes them.
        lexicon: the only numbers to read by default; None for any.

    Raises:
        ValueError: if there are no such weights, or the lexicon has numbers of more digits than
            they read.
    """

    def __init__(self, weights: str, locator: str | None = None, lexicon: Lexicon | None = None):
        self._lexicon = lexicon
        self._reader = open_reader(weights, 1, _THREADS, locator)
        metadata = self._reader.metadata
        # The first image takes longest, so it should not be that of a request.
        outputs = self._reader.predict([np.zeros((32, 64, 3), np.uint8)]).arrays
        self.description = Model(
            name=self._reader.name,
            reads=metadata.get("reads") or "images like its training data",
            input=metadata["input_shape"],
            max_digits=metadata["max_digits"],
            parameters=metadata["parameters"],
            finds_box=names.BOX in outputs,
            finds_all=True,
            licence=metadata.get("licence"),
            lexicon=None if lexicon is None else len(lexicon),
        )
        self.check(lexicon)
        self._grid = metadata.get("attention_grid")

    @property
    def name(self) -> str:
        """Name of the model, as in requests and responses."""
        return self.description.name

    def check(self, lexicon: Lexicon | None) -> None:
        """Raise a ValueError if a lexicon has numbers of more digits than the model reads."""
        if lexicon is not None:
            try:
                lexicon.check_length(self.description.max_digits)
            except ValueError as error:
                raise ValueError(f"{self.name}: {error}") from None

    def read(
        self,
        image: np.ndarray,
        box: np.ndarray | None = None,
        explain: bool = False,
        lexicon: Lexicon | None = None,
    ) -> Reading:
        """Read an image.

        Args:
            image: uint8 (height, width, 3), RGB.
            box: bounding box of the number in pixels; None to predict it.
            explain: whether to return attention maps.
            lexicon: the only numbers to read; None for those of the model.
        """
        crop = None if box is None else crop_around(box, *image.shape[1::-1])
        lexicon = lexicon or self._lexicon
        predictions = self._reader.predict_any_turn([image], [crop], lexicon)
        (reading,) = self._answers(predictions, explain)
        return reading

    def locate(self, image: np.ndarray) -> Locations:
        """Find the numbers in an image, uint8 (height, width, 3)."""
        return self._reader.locator.locate(image)

    def read_all(
        self,
        image: np.ndarray,
        locations: Locations,
        explain: bool = False,
        lexicon: Lexicon | None = None,
    ) -> list[Reading]:
        """Read all numbers in an image, in reading order.

        Args:
            image, explain, lexicon: as for `read`.
            locations: of the numbers.
        """
        lexicon = lexicon or self._lexicon
        (predictions,) = self._reader.predict_all([image], [locations], lexicon)
        return self._answers(predictions, explain)

    def _answers(self, predictions: Predictions, explain: bool) -> list[Reading]:
        lengths = predictions.arrays.get(names.LENGTH_LOG_PROBS)
        return [
            Reading(
                model=self.name,
                number=reading.number,
                confidence=round(min(reading.confidence, 1.0), _PROBABILITY_DECIMALS),
                box=_edges(reading.box),
                turn=reading.turn,
                crop=_edges(predictions.crops[row]),
                digits=self._digits(predictions, row, reading.number, reading.turn, explain),
                length=None if lengths is None else _probabilities(lengths[row]),
            )
            for row, reading in enumerate(predictions.readings())
        ]

    def _digits(
        self, predictions: Predictions, row: int, number: str, turn: int, explain: bool
    ) -> list[Digit]:
        attention = predictions.attention if explain else None
        log_probs = predictions.arrays[names.DIGIT_LOG_PROBS][row]
        digits = []
        for position, digit in enumerate(map(int, number.rstrip("+"))):
            probabilities = _probabilities(log_probs[position])
            values = None if attention is None else attention[row, :, 1 + position]
            digits.append(
                Digit(
                    digit=digit,
                    probability=probabilities[digit],
                    probabilities=probabilities,
                    attention=None if values is None else self._map(values, turn),
                )
            )
        return digits

    def _map(self, values: np.ndarray, turn: int) -> str:
        """An attention map (positions,) as a grey PNG of the model's input size, rotated back to
        the orientation of the image."""
        height, width, _ = self.description.input
        grid = Image.fromarray(values.reshape(self._grid).astype(np.float32))
        pixels = np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)).clip(0)
        file = io.BytesIO()
        pixels = np.rot90(pixels, -turn)
        grey = (255 * pixels / max(float(pixels.max()), 1e-9)).round().astype(np.uint8)
        Image.fromarray(grey).save(file, "PNG")
        return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def load_readers(
    weights: Sequence[str], locator: str | None = None, lexicon: Lexicon | None = None
) -> dict[str, ModelReader]:
    """Load models, ready to read.

    Args:
        weights: as for `ModelReader`, at least one.
        locator: as for `ModelReader`. The default locator is loaded on first use.
        lexicon: as for `ModelReader`.

    Returns:
        The readers by name, in the given order.

    Raises:
        ValueError: as for `ModelReader`, or if two weights have the same name.
    """
    readers: dict[str, ModelReader] = {}
    for source in weights:
        reader = ModelReader(source, locator, lexicon)
        if reader.name in readers:
            raise ValueError(f"two models have the name {reader.name!r}. Received: {source}")
        readers[reader.name] = reader
    return readers


def _probabilities(logarithms: np.ndarray) -> list[float]:
    return np.exp(logarithms.astype(np.float64)).clip(0, 1).round(_PROBABILITY_DECIMALS).tolist()


def _edges(box: Sequence[float] | None) -> tuple[float, ...] | None:
    return None if box is None else tuple(round(float(edge), _PIXEL_DECIMALS) for edge in box)
