"""Write a `text_transformer` with the weights of the small text recognizer of PP-OCRv6.

    pip download --no-deps rapidocr==3.10.0
    python -m zipfile -e rapidocr-3.10.0-*.whl rapidocr
    python -m tools.convert_text_recognizer \\
        rapidocr/rapidocr/models/PP-OCRv6_rec_small.onnx runs/text.keras
    python train.py text_transformer --weights runs/text.keras --dataset …

Encoder and output layers are those of another reader, as a start. Recognizer: Apache License 2.0,
https://github.com/PaddlePaddle/PaddleOCR.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from artifacts.files import atomic_path
from artifacts.startup import command, quiet_tensorflow, run_command

if TYPE_CHECKING:
    import keras

START = "text_transformer.any10"
"""Published weights whose encoder and output layers are copied by default."""

Convolution = tuple[np.ndarray, np.ndarray]
"""Kernel and bias."""


def convert_text_recognizer(recognizer: Path, path: Path, start: str = START) -> None:
    """Write a `text_transformer` whose convolutions are those of a recognizer.

    Args:
        recognizer: `PP-OCRv6_rec_small.onnx`.
        path: the `.keras` file to write.
        start: published weights or a run with the layers of `models.encoder` and `models.heads`,
            which are copied.

    Raises:
        ValueError: if the file has other convolutions, or `path` does not end in `.keras`.
    """
    if path.suffix != ".keras":
        raise ValueError(f"the file to write ends in .keras. Received: {path}")
    # Imported only now, so that --help does not wait for TensorFlow.
    import models
    from training.transfer import transfer_weights

    weights = convolutions(recognizer)
    model = models.create("text_transformer")
    transfer_weights(model, models.load(start))
    try:
        set_text_features(model, weights)
    except ValueError as error:
        raise ValueError(f"{recognizer}: {error}") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        model.save(temporary)


def convolutions(recognizer: Path) -> list[Convolution]:
    """The convolutions before the pooling, in order; kernels are (filters, channels, h, w).

    Raises:
        ValueError: if the file is not an ONNX model.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx.numpy_helper import to_array

    try:
        graph = onnx.load(recognizer).graph
    except DecodeError as error:
        raise ValueError(f"{recognizer} is not an ONNX model: {error}") from error
    arrays = {array.name: array for array in graph.initializer}
    biases = {
        tensor: arrays[bias]
        for node in graph.node
        if node.op_type == "Add"
        for tensor, bias in (node.input, node.input[::-1])
        if bias in arrays
    }
    result = []
    for node in graph.node:
        if node.op_type == "AveragePool":
            break
        if node.op_type == "Conv" and node.output[0] in biases:
            bias = to_array(biases[node.output[0]]).reshape(-1)
            result.append((to_array(arrays[node.input[1]]), bias))
    return result


def set_text_features(model: keras.Model, weights: list[Convolution]) -> None:
    """Set the layers of `models.text_features` in a model to convolutions of the recognizer.

    Raises:
        ValueError: if their number or shapes differ.
    """
    layers = [
        layer
        for layer in model.layers
        if layer.name.startswith("text_") and hasattr(layer, "kernel_size")
    ]
    kernels = [
        (kernel.transpose((2, 3, 0, 1) if kernel.shape[1] == 1 else (2, 3, 1, 0)), bias)
        for kernel, bias in weights
    ]
    shapes, expected = (
        [[array.shape for array in pair] for pair in pairs]
        for pairs in (kernels, [layer.get_weights() for layer in layers])
    )
    if shapes != expected:
        raise ValueError(
            f"other convolutions than those of PP-OCRv6_rec_small.onnx: {len(shapes)}, "
            f"expected {len(expected)}"
        )
    stem, bias = kernels[0]
    kernels[0] = stem[:, :, ::-1], bias  # the recognizer takes BGR images
    for layer, pair in zip(layers, kernels, strict=True):
        layer.set_weights(pair)


@command("tools.convert_text_recognizer")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.convert_text_recognizer",
        description=__doc__.splitlines()[0],
        epilog=__doc__.partition("\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recognizer", type=Path, help="PP-OCRv6_rec_small.onnx")
    parser.add_argument("path", type=Path, help="the .keras file to write")
    parser.add_argument(
        "--start",
        default=START,
        metavar="NAME|RUN",
        help="weights whose encoder and output layers are copied (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    quiet_tensorflow()
    convert_text_recognizer(options.recognizer, options.path, options.start)
    print(f"Wrote {options.path}")
    return 0


if __name__ == "__main__":
    run_command(main)
