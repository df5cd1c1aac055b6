"""The graph of a locator: from uint8 images of any size to boxes, scores and turns."""

from __future__ import annotations

import keras
from keras import ops

from inference.graph import in_float32
from models import decode_locations
from models.locator import SIZE_MULTIPLE
from number_zoo.names import IMAGES

LIMIT = 100
"""Most numbers that are found in an image."""


class LocateNumbers(keras.layers.Layer):
    """Find the numbers in each image with a locator of the zoo.

    Args:
        model: a locator for images of any size (`any_size`).
        limit: k, the number of boxes of each image.

    Call arguments:
        images: uint8 (batch, height, width, 3), RGB. They are padded with zeros to multiples of 32
            pixels.

    Returns:
        `boxes` float32 (batch, k, 4) in pixels, `scores` float32 (batch, k) and `turns` int32
        (batch, k), as `models.decode_locations` returns them.
    """

    def __init__(self, model: keras.Model, limit: int = LIMIT, **kwargs):
        super().__init__(**kwargs)
        self.model, self.limit = model, limit

    def call(self, images):
        _, height, width, _ = ops.shape(images)
        # Operands are never negative: converters to ONNX round such quotients towards zero.
        below, right = (
            (size + SIZE_MULTIPLE - 1) // SIZE_MULTIPLE * SIZE_MULTIPLE - size
            for size in (height, width)
        )
        padded = ops.pad(ops.cast(images, "float32"), ((0, 0), (0, below), (0, right), (0, 0)))
        locations = self.model(padded, training=False)
        return decode_locations(locations, (height, width), self.limit)


def build_locator_model(model: keras.Model, limit: int = LIMIT) -> keras.Model:
    """Build the end-to-end model: uint8 `images` of any size in, what `LocateNumbers` returns out.

    Args:
        model: a locator with any input shape.
        limit: k, the number of boxes of each image.
    """
    images = keras.Input((None, None, 3), dtype="uint8", name=IMAGES)
    found = LocateNumbers(any_size(model), limit, name="locate_numbers")(images)
    return keras.Model({IMAGES: images}, found, name=model.name)


def any_size(model: keras.Model) -> keras.Model:
    """A fully convolutional model with the same weights, in float32, whose images have any size."""
    model = in_float32(model)
    config = model.get_config()
    for layer in config["layers"]:
        if layer["class_name"] == "InputLayer":
            batch, _, _, channels = layer["config"]["batch_shape"]
            layer["config"]["batch_shape"] = (batch, None, None, channels)
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    return copy
