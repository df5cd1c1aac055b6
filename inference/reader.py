"""Read numbers in images of any size with the inference graph, on Keras."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

import models
from datasets.images import decode_image
from inference import graph
from inference.config import inference_config
from labels import BOX, DIGITS, LENGTH
from models.decoding import DecodedSequences
from models.published import DEFAULT_WEIGHTS

BATCH, BATCH_PIXELS = 64, 8_000_000
"""Most images of a batch, and most pixels of them with their padding; one image may have more."""

_STATIC = keras.backend.backend() == "jax"
"""Whether the backend compiles the graph for each shape: then images are read one by one, padded
to squares of a few sizes."""

MAX_GLIMPSES = 4
"""Most glimpses of an image by a model that predicts a box and was trained on whole images."""


@dataclass(frozen=True)
class Reading:
    """The number in one image.

    Attributes:
        number: its digits; "" where there is none, ending in "+" where there are more digits than
            the model has positions.
        confidence: probability in [0, 1] that the number is correct, all digits and the length.
        box: left, top, right and bottom of the number in pixels, where a number is read and the
            model predicts boxes; else None.
    """

    number: str
    confidence: float
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Predictions:
    """Outputs of the inference graph for several images.

    Attributes:
        arrays: the outputs of `inference.graph.ReadNumbers` by name.
    """

    arrays: dict[str, np.ndarray]

    @classmethod
    def concatenate(cls, chunks: Sequence[Predictions]) -> Predictions:
        """Join the predictions of one reader, at least one."""
        names = chunks[0].arrays
        return cls({name: np.concatenate([c.arrays[name] for c in chunks]) for name in names})

    @property
    def outputs(self) -> dict[str, np.ndarray]:
        """Calibrated log-probabilities in the form of a model's outputs: `length` (images, N + 2)
        where N > 1, and `digits` (images, N, 10)."""
        logits = {DIGITS: self.arrays[graph.DIGIT_LOG_PROBS]}
        if graph.LENGTH_LOG_PROBS in self.arrays:
            logits[LENGTH] = self.arrays[graph.LENGTH_LOG_PROBS]
        return logits

    @property
    def readings(self) -> DecodedSequences:
        """The decoded numbers."""
        confidence = np.maximum(self.arrays[graph.CONFIDENCE].astype(np.float64), 1e-300)
        return DecodedSequences(self.arrays[LENGTH], self.arrays[DIGITS], np.log(confidence))

    @property
    def boxes(self) -> np.ndarray:
        """float32 (images, 4), of the numbers in pixels; NaN for models that predict none."""
        return self.arrays.get(BOX, np.full_like(self.crops, np.nan))

    @property
    def crops(self) -> np.ndarray:
        """float32 (images, 4), the last glimpse of each image, in pixels."""
        return self.arrays[graph.CROP]

    @property
    def attention(self) -> np.ndarray | None:
        """float32 (images, positions, 1 + N), attention maps in the last glimpse, the length's
        first; None for models without attention."""
        return self.arrays.get(graph.ATTENTION)


class Reader:
    """A trained model with its inference graph (`inference.graph`), for images of any size.

    Args:
        weights: name of published weights, or path of a run folder or a `.keras` file. Defaults
            to `models.published.DEFAULT_WEIGHTS`.
        max_glimpses: most glimpses of an image. Defaults to what the weights were calibrated
            with, or `MAX_GLIMPSES`, or 1 for a model without a `box` output.
        temperature: divisor of the log-probabilities. Defaults to the one fitted on validation,
            or 1.

    Raises:
        ValueError: if there are no such weights, the model has no `digits` output, or it cannot
            take that many glimpses.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        max_glimpses: int | None = None,
        temperature: float | None = None,
    ):
        weights = weights or DEFAULT_WEIGHTS
        self.model = models.load(weights)
        outputs = getattr(self.model, "output", None)  # None for a model without an input
        if not (isinstance(outputs, dict) and DIGITS in outputs):
            raise ValueError(
                f"{weights} is not a model of this zoo: it has no output named {DIGITS!r}. "
                f"Received: {outputs}"
            )
        config = inference_config(weights)
        self.temperature = temperature or config.temperature
        self.max_glimpses = max_glimpses or config.max_glimpses
        if self.max_glimpses is None:
            self.max_glimpses = MAX_GLIMPSES if BOX in outputs else 1
        if self.max_glimpses > 1 and BOX not in outputs:
            raise ValueError(
                f"{weights} predicts no box, which every further glimpse needs: "
                f"max_glimpses is 1. Received: max_glimpses={self.max_glimpses}"
            )
        self._run = _compile(
            graph.build_inference_model(
                self.model,
                self.max_glimpses,
                self.temperature,
                crops=True,
                only_active=not _STATIC,
            )
        )

    def read(self, images: Sequence[np.ndarray]) -> list[Reading]:
        """Read the number in each image.

        Args:
            images: uint8 arrays (height, width, 3), RGB, of any size, as
                `datasets.decode_image` returns them.

        Returns:
            A reading for each image, in order.
        """
        if len(images) == 0:
            return []
        predictions = self.predict(images)
        numbers = predictions.readings.numbers()
        confidences = np.exp(predictions.readings.log_probability).tolist()
        boxes = [
            tuple(box) if number and np.isfinite(box).all() else None
            for number, box in zip(numbers, predictions.boxes.tolist(), strict=True)
        ]
        return list(map(Reading, numbers, confidences, boxes))

    def predict(
        self, images: Sequence[np.ndarray], crops: Sequence[np.ndarray | None] | None = None
    ) -> Predictions:
        """Run the inference graph on each image.

        Args:
            images: as for `read`; at least one.
            crops: for each image the first glimpse (left, top, right, bottom in pixels), or None
                for the whole image. Where a crop is given, the quarters are not read.
        """
        crops = [None] * len(images) if crops is None else crops
        batches = _batches(images)
        predictions = Predictions.concatenate(
            [self._predict_batch([images[i] for i in b], [crops[i] for i in b]) for b in batches]
        )
        order = np.argsort(np.concatenate(batches))
        return Predictions({name: values[order] for name, values in predictions.arrays.items()})

    def _predict_batch(self, images: Sequence[np.ndarray], crops) -> Predictions:
        heights, widths = zip(*(image.shape[:2] for image in images), strict=True)
        height, width = max(heights), max(widths)
        if _STATIC:
            height = width = 1 << (max(height, width) - 1).bit_length()
        padded = np.zeros((len(images), height, width, 3), np.uint8)
        for row, image in zip(padded, images, strict=True):
            row[: image.shape[0], : image.shape[1]] = image
        inputs = {
            graph.IMAGES: padded,
            graph.CROPS: np.float32([np.zeros(4) if crop is None else crop for crop in crops]),
            graph.IMAGE_SIZES: np.float32([widths, heights]).T,
        }
        return Predictions(self._run(inputs))


def _batches(images: Sequence[np.ndarray]) -> list[list[int]]:
    """Indices of images in batches of similar sizes, so that little is padded."""
    batches, batch = [], []
    for index in sorted(range(len(images)), key=lambda index: images[index].size):
        shapes = np.array([images[other].shape[:2] for other in (*batch, index)])
        pixels = len(shapes) * shapes.max(axis=0).prod()
        if batch and (_STATIC or len(batch) == BATCH or pixels > BATCH_PIXELS):
            batches.append(batch)
            batch = []
        batch.append(index)
    return [*batches, batch]


def _compile(model: keras.Model):
    """A function from arrays to arrays that runs a model with inputs of any shape."""
    if keras.backend.backend() != "tensorflow":
        return model.predict_on_batch
    import tensorflow as tf

    # Not `predict_on_batch`, which would trace the graph anew for the second size of images, and
    # compile it with XLA for each.
    signature = {
        name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in model.input.items()
    }
    run = tf.function(
        lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False
    )
    return lambda inputs: {name: value.numpy() for name, value in run(inputs).items()}


def read(
    images: Iterable[np.ndarray | str | os.PathLike | bytes],
    weights: str | Path | None = None,
) -> list[Reading]:
    """Read the number in each image.

    Loading the weights takes seconds: for repeated calls keep a `Reader`.

    Args:
        images: uint8 arrays (height, width, 3), RGB, of any size; or paths of image files, or
            their bytes, as `datasets.decode_image` takes them.
        weights: as for `Reader`.

    Returns:
        A reading for each image, in order.

    Raises:
        ValueError: if there are no such weights, or a file is not an image.
        OSError: if a file is missing or cannot be opened.
    """
    arrays = [image if isinstance(image, np.ndarray) else decode_image(image) for image in images]
    return Reader(weights).read(arrays)
