"""Eight-bit weights and activations for ONNX files, calibrated on pictures."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from exporting.graph import PICTURES

_OPERATIONS = ("Conv", "MatMul", "Gemm")
_LEAST = 2048
"""Layers of fewer weights stay as they are. There is nothing to gain by them, and the last ones,
which say where the digits and the edges are, bear it worst."""


def quantize_onnx(path: Path, pictures: Sequence[np.ndarray]) -> None:
    """Quantize the model's layers in an ONNX file, which is replaced.

    Only operations with weights of their own take part. The resizing, the boxes and the decoding
    around the model stay in float32: a coordinate in eight bits would be off by pixels.

    Args:
        path: the file.
        pictures: uint8 (height, width, 3) of any size, whose activations set the ranges.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quant_pre_process, quantize_static

    logging.getLogger("onnxruntime.quantization").setLevel(logging.ERROR)
    prepared = path.with_suffix(".prepared.onnx")
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        path,
        _Pictures(pictures),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        # Seven bits of weights: without VNNI the sums of eight overflow, silently.
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_quantize=_with_weights(onnx.load(prepared).graph),
    )
    prepared.unlink()


def _with_weights(graph) -> list[str]:
    weights = {one.name for one in graph.initializer if np.prod(one.dims) >= _LEAST}
    return [
        node.name
        for node in graph.node
        if node.op_type in _OPERATIONS and weights & set(node.input)
    ]


class _Pictures:
    """Pictures one by one, as ONNX Runtime's calibration takes them."""

    def __init__(self, pictures: Sequence[np.ndarray]):
        self._left = iter(pictures)

    def get_next(self) -> dict[str, np.ndarray] | None:
        picture = next(self._left, None)
        return None if picture is None else {PICTURES: picture[None]}
