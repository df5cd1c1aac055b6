"""Run graphs of Keras, for images of any shape, on each backend."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from number_zoo.names import IMAGES

STATIC_SHAPES = keras.backend.backend() == "jax"
"""Whether the backend compiles the graph for each shape of images; images are then read one by
one."""


def in_float32(model: keras.Model, input_tensors=None) -> keras.Model:
    """A copy of a model with the same weights that computes in float32 throughout.

    Args:
        model: a functional model.
        input_tensors: the input of the copy, of another size. Defaults to one of the same size.
    """

    def clone(layer):
        dtype = {"dtype": "float32"} if isinstance(layer, keras.layers.Layer) else {}
        return type(layer).from_config(layer.get_config() | dtype)

    copy = keras.models.clone_model(model, input_tensors, clone)
    copy.set_weights(model.get_weights())
    return copy


def compile_graph(
    model: keras.Model,
) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """Compile a model with named inputs of any shape to a function from arrays to arrays."""
    if keras.backend.backend() != "tensorflow":
        return lambda inputs: model.predict_on_batch(inputs | {IMAGES: _padded(inputs[IMAGES])})
    import tensorflow as tf

    # `predict_on_batch` would trace the graph again for the second size of images, and compile it
    # with XLA for every size.
    signature = {
        name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in model.input.items()
    }
    run = tf.function(
        lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False
    )
    return lambda inputs: {name: value.numpy() for name, value in run(inputs).items()}


def _padded(images: np.ndarray) -> np.ndarray:
    """Images (batch, height, width, 3), padded to squares of a few sizes if shapes are static."""
    if not STATIC_SHAPES:
        return images
    height, width = images.shape[1:3]
    side = 1 << (max(height, width) - 1).bit_length()
    return np.pad(images, [(0, 0), (0, side - height), (0, side - width), (0, 0)])
