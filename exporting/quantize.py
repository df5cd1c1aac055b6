"""Static quantization of ONNX files to 8 bits, also of a network in a loop over the glimpses."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import GraphProto, ModelProto, NodeProto, helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

MIN_WEIGHT_FRACTION = 0.005
"""Fraction of the weights of all convolutions below which a convolution is not quantized."""

Arrays = dict[str, np.ndarray]


def quantize(model: ModelProto, inputs: Sequence[Arrays]) -> None:
    """Quantize the convolutions of a locator, or those in the loop of a reader, in place.

    Weights have 7 bits, so that sums do not saturate on processors without instructions for 8-bit
    products (VNNI).

    Only convolutions of the kernel size that has most weights are quantized, and of these only
    those with many. The others (the first, depthwise ones, shortcuts of residual blocks, logits of
    maps) take little of the time, and rounding them changes results most.

    Args:
        model: a model in float32, without a loop, or with one whose body takes all values as
            inputs.
        inputs: inputs of the model, for each of the images whose activations give the ranges.
    """
    loops = [node for node in model.graph.node if node.op_type == "Loop"]
    if not loops:
        model.CopyFrom(_quantized(model, iter(inputs)))
        return
    # ONNX Runtime does not quantize the graphs in a model's nodes. The body is therefore quantized
    # as a model of its own, with what the loop passes to it for every image and glimpse.
    (loop,) = loops
    (body,) = (attribute.g for attribute in loop.attribute if attribute.name == "body")
    alone = helper.make_model(body, opset_imports=model.opset_import)
    values = _body_inputs(model, loop, alone, inputs)
    body.CopyFrom(_quantized(alone, values).graph)


def _quantized(model: ModelProto, inputs: Iterator[Arrays]) -> ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        given, optimized, quantized = (Path(folder, f"{stage}.onnx") for stage in range(3))
        onnx.save(model, given)
        quant_pre_process(given, optimized, skip_symbolic_shape=True)
        quantize_static(
            optimized,
            quantized,
            _Calibration(inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_sensitive(onnx.load(optimized).graph),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Ranges are the means of the lowest and the highest values of the images: with the
            # extremes of all, a few images would make the steps of the others coarse.
            extra_options={"CalibMovingAverage": True},
        )
        return onnx.load(quantized)


def _sensitive(graph: GraphProto) -> list[str]:
    """Names of the convolutions that are not quantized, see `quantize`."""
    shapes = {weights.name: tuple(weights.dims) for weights in graph.initializer}
    kernels = {
        node.name: shapes[node.input[1]] for node in graph.node if node.op_type == "Conv"
    }  # (filters, channels, height, width)
    sizes: Counter[tuple[int, ...]] = Counter()
    for shape in kernels.values():
        sizes[shape[2:]] += math.prod(shape)
    most = max(sizes, key=sizes.__getitem__, default=None)
    few = MIN_WEIGHT_FRACTION * sizes.total()
    return [name for name, shape in kernels.items() if shape[2:] != most or math.prod(shape) < few]


class _Calibration(CalibrationDataReader):
    """Passes inputs to `quantize_static`."""

    def __init__(self, inputs: Iterator[Arrays]):
        self._inputs = inputs

    def get_next(self) -> Arrays | None:
        return next(self._inputs, None)


def _body_inputs(
    model: ModelProto, loop: NodeProto, alone: ModelProto, inputs: Iterable[Arrays]
) -> Iterator[Arrays]:
    """Yield the inputs of a loop's body, which is the model `alone`, in each iteration."""
    before = ModelProto()
    before.CopyFrom(model)
    del before.graph.node[list(model.graph.node).index(loop) :], before.graph.output[:]
    made = {name for node in before.graph.node for name in node.output} & set(loop.input)
    before.graph.output.extend(map(helper.make_empty_tensor_value_info, made))
    start = onnxruntime.InferenceSession(before.SerializeToString())
    body = onnxruntime.InferenceSession(alone.SerializeToString())
    counter, condition, *states = (value.name for value in body.get_inputs())
    for arrays in inputs:
        values = arrays | dict(zip(made, start.run(list(made), arrays), strict=True))
        running, *current = (values[name] for name in loop.input[1:])  # the first is unused
        iteration = 0
        while running:
            feeds = {counter: np.array(iteration), condition: np.asarray(running)}
            feeds |= dict(zip(states, current, strict=True))
            yield feeds
            running, *current = body.run(None, feeds)
            iteration += 1
