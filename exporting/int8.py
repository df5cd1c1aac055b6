"""Eight-bit weights and activations for ONNX files, calibrated on images."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inference.graph import IMAGES

_OPERATIONS = ("Conv", "MatMul", "Gemm")
_LEAST = 2048
"""Layers of fewer weights stay as they are. There is nothing to gain by them, and the last ones,
which say where the digits and the edges are, bear it worst."""


def quantize_onnx(path: Path, images: Sequence[np.ndarray]) -> None:
    """Quantize the model's layers in an ONNX file, which is replaced.

    Only operations with weights of their own take part. The resizing, the boxes and the decoding
    around the model stay in float32: a coordinate in eight bits would be off by pixels.

    Args:
        path: the file.
        images: uint8 (height, width, 3) of any size, whose activations set the ranges.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quant_pre_process, quantize_static

    logging.getLogger("onnxruntime.quantization").setLevel(logging.ERROR)
    prepared = path.with_suffix(".prepared.onnx")
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        path,
        _Images(images),
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


class _Images:
    """Images one by one, as ONNX Runtime's calibration takes them."""

    def __init__(self, images: Sequence[np.ndarray]):
        self._left = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self._left, None)
        return None if image is None else {IMAGES: image[None]}
