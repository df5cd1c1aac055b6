"""The cost of a model: its parameters and multiply-adds, counted from its layers."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers

from models.registry import create, entry

_APPLIED_PER_OUTPUT_POSITION = (
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    layers.Dense,
)
_APPLIED_PER_INPUT_POSITION = (
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
    layers.RNN,
    layers.Bidirectional,
)
_UNCOUNTED_PRODUCTS = (
    *("Dot", "Inner", "Outer", "Tensordot", "Vdot", "DotProductAttention"),
    *("Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv"),
)
"""Operations of `keras.ops` that multiply tensors and are not counted."""


def multiply_adds(model: keras.Model) -> int:
    """Count the multiply-adds of one image through a functional model.

    The count includes the products in convolutions, dense, recurrent and attention layers, and in
    `keras.ops.matmul` and `einsum`. It does not include scaling, normalization, pooling,
    activations and other elementwise operations, which are small in comparison. A custom layer
    returns its count in a method `multiply_adds()`.

    Raises:
        ValueError: if a layer or operation is of a type that cannot be counted, or the model takes
            images of any size.
    """
    return sum(_layer_multiply_adds(operation) for operation in model.operations)


def _layer_multiply_adds(layer: keras.Operation) -> int:
    if type(layer).__name__ == "Matmul":
        first = layer.input[0] if isinstance(layer.input, list) else layer.input
        return first.shape[-1] * math.prod(layer.output.shape[1:])
    if type(layer).__name__ == "Einsum":
        return _einsum_products(layer, layer.subscripts)
    if not isinstance(layer, keras.Layer):
        if type(layer).__name__ in _UNCOUNTED_PRODUCTS:
            raise _unknown(layer)
        return 0
    if hasattr(layer, "multiply_adds"):
        return layer.multiply_adds()
    if isinstance(layer, keras.Model):
        return multiply_adds(layer)
    if isinstance(layer, layers.EinsumDense):
        return _einsum_products(layer, layer.equation, kernel=layer.kernel)
    if isinstance(layer, layers.MultiHeadAttention):
        return _attention_products(layer)
    if isinstance(layer, layers.Dot):
        axis = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
        return layer.input[0].shape[axis] * math.prod(layer.output.shape[1:])
    kernels = sum(math.prod(weight.shape) for weight in layer.weights if "kernel" in weight.name)
    if isinstance(layer, _APPLIED_PER_INPUT_POSITION):
        return _positions(layer.input) * kernels
    if isinstance(layer, _APPLIED_PER_OUTPUT_POSITION):
        return _positions(layer.output) * kernels
    is_custom = not type(layer).__module__.startswith("keras.")
    if is_custom or any(len(weight.shape) > 1 for weight in layer.weights):
        raise _unknown(layer)
    return 0


def _unknown(layer: keras.Operation) -> ValueError:
    return ValueError(
        f"the multiply-adds of the layer {layer.name!r} ({type(layer).__name__}) are unknown: give "
        "the layer a method multiply_adds(), or add its type to models/cost.py"
    )


def _positions(tensor: keras.KerasTensor) -> int:
    """Positions of a tensor (batch, …, channels) in space or time."""
    if None in tensor.shape[1:-1]:
        raise ValueError(
            "the multiply-adds depend on the size of the images: give the model an input_shape "
            f"without None. Received: {tensor.shape[1:]} of {tensor.name}"
        )
    return math.prod(tensor.shape[1:-1])


def _einsum_products(operation: keras.Operation, equation: str, kernel: Any = None) -> int:
    """Count one product for each combination of the indices in the equation.

    Operands of `keras.ops.einsum` may be constants, whose shapes are unknown here.
    """
    terms, _, output = equation.replace(" ", "").partition("->")
    terms = terms.split(",")
    tensors = operation.input if isinstance(operation.input, list) else [operation.input]
    sizes = {}
    if kernel is not None:  # of EinsumDense, whose input may have any number of axes
        axes = "ABCDE"[: len(tensors[0].shape) - len(terms[0]) + 3]
        terms[0], output = terms[0].replace("...", axes), output.replace("...", axes)
        sizes = dict(zip(terms[1], kernel.shape, strict=True))
    sizes |= dict(zip(output, operation.output.shape, strict=False))
    indices = set("".join(terms))
    for tensor in tensors:
        shape = tensor.shape
        named = [dict(zip(term, shape, strict=True)) for term in terms if len(term) == len(shape)]
        # Of several terms of this rank, one that agrees with the sizes that are known.
        sizes |= next((new for new in named if new | sizes == sizes | new), {})
    if "." in indices or not indices <= sizes.keys():
        raise _unknown(operation)
    return math.prod(sizes[index] for index in indices if sizes[index] is not None)


def _attention_products(layer: layers.MultiHeadAttention) -> int:
    """Count the projections of query, key, value and output, and the products between tokens."""
    arguments = layer.get_config()
    queries = _positions(layer.output)
    query, key, value, output = (w.shape for w in layer.weights if w.name == "kernel")
    keys = _positions(layer.input[1] if isinstance(layer.input, list) else layer.input)
    value_dim = arguments["value_dim"] or arguments["key_dim"]
    head = arguments["num_heads"] * (arguments["key_dim"] + value_dim)
    projections = queries * (math.prod(query) + math.prod(output))
    return projections + keys * (math.prod(key) + math.prod(value)) + queries * keys * head


def describe(name: str, **arguments: Any) -> dict[str, Any]:
    """Describe the model `name`: its purpose, input, parameters and multiply-adds.

    Args:
        name: a name from `list_models`.
        **arguments: builder arguments that replace the model's.

    Returns:
        `name`, `task`, `purpose`, `input_shape`, `max_digits` (None for a locator), `parameters`,
        `multiply_adds`.
    """
    model = create(name, **arguments)
    reads = entry(name).task == "read"
    return {
        "name": name,
        "task": entry(name).task,
        "purpose": entry(name).purpose,
        "input_shape": model.input_shape[1:],
        "max_digits": model.output["digits"].shape[1] if reads else None,
        "parameters": model.count_params(),
        "multiply_adds": multiply_adds(model),
    }
