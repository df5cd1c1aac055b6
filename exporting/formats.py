"""The formats: how each is written, and how a file of it is run."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from artifacts.names import unknown_name
from inference.graph import IMAGES, ReaderGraph

FLOAT16, INT8 = "float16", "int8"

Outputs = dict[str, np.ndarray]
Run = Callable[[np.ndarray], Outputs]
"""A file that is open to be run: uint8 (n, height, width, 3) to its outputs by name."""

_OPSET = 17  # of ONNX: the oldest in which all is said that is needed here runs anywhere newer
_SIGNATURE = "serving_default"


@dataclass(frozen=True)
class Format:
    """A format that readers are exported to.

    Attributes:
        name: what `export.py --format` calls it.
        suffix: how the names of its files end; a SavedModel is a folder.
        runtime: the package that runs it.
        quantizations: what its weights can be reduced to.
        write: writes a graph to a path, quantized or not, with images to calibrate by if asked.
        open: opens a file to be run, with so many threads (None for the runtime's own choice).
    """

    name: str
    suffix: str
    runtime: str
    quantizations: tuple[str, ...]
    write: Callable[[ReaderGraph, Path, str | None, Callable[[], Sequence[np.ndarray]]], None]
    open: Callable[[Path, int | None], Run]


def find(name: str, quantize: str | None = None) -> Format:
    """The format of a name, if it can be quantized so.

    Raises:
        ValueError: if there is no such format, or it cannot.
    """
    if name not in FORMATS:
        raise ValueError(unknown_name("format", name, FORMATS))
    found = FORMATS[name]
    if quantize is not None and quantize not in found.quantizations:
        able = [one.name for one in FORMATS.values() if quantize in one.quantizations]
        if not able:
            raise ValueError(unknown_name("quantization", quantize, (FLOAT16, INT8)))
        raise ValueError(
            f"{name} takes {' or '.join(found.quantizations)} weights; {quantize} goes with "
            f"{' or '.join(able)}. Received: {name} with {quantize}"
        )
    return found


def _write_saved_model(graph, path, quantize, images) -> None:
    import tensorflow as tf

    tf.saved_model.save(graph, str(path), signatures={_SIGNATURE: graph.read})


def _open_saved_model(path: Path, threads: int | None) -> Run:
    import tensorflow as tf

    # Its threads are those of the process: evaluation.timing.limit_threads.
    read = tf.saved_model.load(str(path)).signatures[_SIGNATURE]
    return lambda images: {k: v.numpy() for k, v in read(tf.constant(images)).items()}


def _write_onnx(graph, path, quantize, images) -> None:
    import onnx
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    model, _ = tf2onnx.convert.from_function(
        graph.read, input_signature=graph.read.input_signature, opset=_OPSET
    )
    _name_sizes(model.graph)
    if quantize == FLOAT16:
        _halve(model.graph)
    onnx.save(model, path)
    if quantize == INT8:
        from exporting.int8 import quantize_onnx

        quantize_onnx(path, images())


def _name_sizes(graph) -> None:
    """Say which sizes of the inputs and outputs are free: all but channels and digits."""
    for value, names in [(graph.input[0], ("n", "height", "width"))] + [
        (output, ("n",)) for output in graph.output
    ]:
        for dimension, name in zip(value.type.tensor_type.shape.dim, names, strict=False):
            dimension.dim_param = name


def _halve(graph, least: int = 256) -> None:
    """Keep weights in 16 bits: each is followed by a cast, which a runtime makes once, on loading.

    Converting the graph's arithmetic as well would round pixels and coordinates, too.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weights in graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.size >= least:
            name, half = weights.name, f"{weights.name}/half"
            weights.CopyFrom(numpy_helper.from_array(values.astype(np.float16), half))
            casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _open_onnx(path: Path, threads: int | None) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda images: dict(zip(names, session.run(names, {IMAGES: images}), strict=True))


def _write_litert(graph, path, quantize, images) -> None:
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        _write_saved_model(graph, Path(folder), None, images)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if quantize is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == FLOAT16:
            converter.target_spec.supported_types = [tf.float16]
        path.write_bytes(converter.convert())


def _open_litert(path: Path, threads: int | None) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    run = interpreter.get_signature_runner(_SIGNATURE)
    return lambda images: run(**{IMAGES: images})


FORMATS = {
    one.name: one
    for one in (
        Format(
            "saved_model",
            "",
            "tensorflow",
            (FLOAT16,),
            _write_saved_model,
            _open_saved_model,
        ),
        Format("onnx", ".onnx", "onnxruntime", (FLOAT16, INT8), _write_onnx, _open_onnx),
        Format("litert", ".tflite", "ai_edge_litert", (FLOAT16, INT8), _write_litert, _open_litert),
    )
}
