"""Find the numbers in images of any size with a locator: its inference graph, on Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
from keras import ops

import models
from inference.backends import compile_graph, in_float32
from models.locator import SIZE_MULTIPLE
from number_zoo import locator
from number_zoo.names import BOXES, IMAGES, SCORES, TURNS
from number_zoo.published import DEFAULT_LOCATOR

LIMIT = 100
"""Maximum number of numbers that are found in an image."""


class LocateNumbers(keras.layers.Layer):
    """Find the numbers in each image with a locator of the zoo.

    Args:
        model: a locator for images of any size (`any_size`).

    Call arguments:
        images: uint8 (batch, height, width, 3), RGB. They are padded with zeros to multiples of 32
            pixels.

    Returns:
        `boxes` float32 (batch, k, 4) in pixels, `scores` float32 (batch, k) and `turns` int32
        (batch, k), as `models.decode_locations` returns them, with k = `LIMIT`.
    """

    def __init__(self, model: keras.Model, **kwargs):
        super().__init__(**kwargs)
        self.model = model

    def call(self, images):
        _, height, width, _ = ops.shape(images)
        # No negative operands, since converters to ONNX round negative quotients towards zero.
        below, right = (
            (size + SIZE_MULTIPLE - 1) // SIZE_MULTIPLE * SIZE_MULTIPLE - size
            for size in (height, width)
        )
        padded = ops.pad(images, ((0, 0), (0, below), (0, right), (0, 0)))
        locations = self.model(ops.cast(padded, "float32"), training=False)
        return models.decode_locations(locations, (height, width), LIMIT)

    def compute_output_spec(self, images):
        """Shapes and dtypes of the outputs, without a trace of the graph."""
        shape = (images.shape[0], LIMIT)
        return {
            BOXES: keras.KerasTensor((*shape, 4), "float32", name=BOXES),
            SCORES: keras.KerasTensor(shape, "float32", name=SCORES),
            TURNS: keras.KerasTensor(shape, "int32", name=TURNS),
        }


def build_locator_model(model: keras.Model) -> keras.Model:
    """Build the end-to-end model from uint8 images of any size to the outputs of `LocateNumbers`.

    Args:
        model: a locator with any input shape.
    """
    images = keras.Input((None, None, 3), dtype="uint8", name=IMAGES)
    locations = LocateNumbers(any_size(model), dtype="float32", name="locate_numbers")(images)
    return keras.Model({IMAGES: images}, locations, name=model.name)


def any_size(model: keras.Model) -> keras.Model:
    """A copy of a fully convolutional model, in float32, for images of any size."""
    channels = model.input_shape[3]
    return in_float32(model, keras.Input((None, None, channels)))


class Locator(locator.Locator):
    """A trained Keras model with its inference graph (`LocateNumbers`).

    Args:
        weights: name of published weights, or path of a run folder or a `.keras` file. Defaults
            to `number_zoo.published.DEFAULT_LOCATOR`.

    Raises:
        ValueError: if there are no such weights, or the model is not a locator.
    """

    def __init__(self, weights: str | Path | None = None):
        weights = weights or DEFAULT_LOCATOR
        self.model = models.load(weights)
        if models.task_of(weights) != "locate":
            raise ValueError(
                f"{weights} is no locator: accepted are the weights of "
                f"{' or '.join(models.list_models(task='locate'))}. Received: {self.model.name}"
            )
        self.name = Path(weights).resolve().name.removesuffix(".keras")
        self.threshold: float | None = models.inference_config(weights).get("threshold")
        self.graph = build_locator_model(self.model)
        self._backend = self.backend = compile_graph(self.graph)

    @property
    def metadata(self) -> dict[str, Any]:
        """Metadata of exported files, see `number_zoo.session.METADATA`."""
        return {
            "task": "locate",
            "input_shape": list(self.model.input_shape[1:]),
            "parameters": self.model.count_params(),
            "threshold": self.threshold,
        }
