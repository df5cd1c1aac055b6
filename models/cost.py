"""What a model costs: parameters and multiply-adds, counted from its layers."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers

from models.registry import create, entry


def multiply_adds(model: keras.Model) -> int:
    """Count the multiply-adds of one image through a functional model.

    Convolutions, dense layers and products of tensors count, one for each product; scaling,
    normalisation, pooling and activations, which are small beside them, do not.
    """
    return sum(_layer_multiply_adds(layer) for layer in model.layers)


def _layer_multiply_adds(layer: keras.Layer) -> int:
    if isinstance(layer, layers.Conv2D):
        return math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
    if isinstance(layer, layers.Dense):
        return math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
    if isinstance(layer, layers.EinsumDense):
        return math.prod(layer.kernel.shape)
    if isinstance(layer, layers.Dot):
        places = layer.input[0].shape[layer.axes if isinstance(layer.axes, int) else layer.axes[0]]
        return places * math.prod(layer.output.shape[1:])
    return 0


def describe(name: str, **arguments: Any) -> dict[str, Any]:
    """Describe the model `name`: what it is for, its input, parameters and multiply-adds.

    Args:
        name: a name that `list_models` gives.
        **arguments: any of the builder's keyword arguments.

    Returns:
        `name`, `purpose`, `input_shape`, `max_digits`, `parameters`, `multiply_adds`.
    """
    model = create(name, **arguments)
    digits = model.output["digits"].shape[1]
    keras.backend.clear_session()
    return {
        "name": name,
        "purpose": entry(name).purpose,
        "input_shape": model.input_shape[1:],
        "max_digits": digits,
        "parameters": model.count_params(),
        "multiply_adds": multiply_adds(model),
    }
