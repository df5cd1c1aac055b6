"""The file formats: writing with `keras.Model.export`, and running the files."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from number_zoo.names import CROPS, IMAGE_SIZES, IMAGES, unknown_name
from number_zoo.reader import available_cores
from number_zoo.session import METADATA, Session

FLOAT16, INT8 = _WEIGHTS = "float16", "int8"

Run = Callable[[np.ndarray], dict[str, np.ndarray]]
"""An opened file: a function from uint8 (batch, height, width, 3) to outputs by name."""

_SIGNATURE = "serving_default"


@dataclass(frozen=True)
class Format:
    """A format of exported files.

    Attributes:
        name: value of `export.py --format`.
        suffix: suffix of its files; a SavedModel is a folder.
        runtime: the package that runs it.
        quantizations: how weights can be stored other than in float32.
        write: writes a model to a path, with a quantization or None, metadata, and images that
            calibrate a quantization of activations.
        open: opens a file, with a number of threads (None for the default).
        crops: whether the file also has the inputs `crops` and `image_sizes`, and computes only the
            active images of a batch.
    """

    name: str
    suffix: str
    runtime: str
    quantizations: tuple[str, ...]
    write: Callable[[keras.Model, Path, str | None, dict[str, Any], Sequence[np.ndarray]], None]
    open: Callable[[Path, int | None], Run]
    crops: bool = False


def find(name: str, quantize: str | None = None) -> Format:
    """The format with a name; checks that it supports the quantization.

    Raises:
        ValueError: if there is no such format or quantization.
    """
    if name not in FORMATS:
        raise ValueError(unknown_name("format", name, FORMATS))
    form = FORMATS[name]
    if quantize is not None and quantize not in form.quantizations:
        accepted = ", ".join(
            f"{other.name} with {' or '.join(other.quantizations)}"
            for other in FORMATS.values()
            if other.quantizations
        )
        raise ValueError(
            f"weights can be quantized as {accepted}. Received: {name} with {quantize}"
        )
    return form


def _write_saved_model(model: keras.Model, path: Path, *_) -> None:
    model.export(path, format="tf_saved_model", verbose=False)


def _open_saved_model(path: Path, threads: int | None) -> Run:
    import tensorflow as tf

    # It uses the threads of the process.
    run = tf.saved_model.load(str(path)).signatures[_SIGNATURE]
    return lambda images: {k: v.numpy() for k, v in run(**{IMAGES: tf.constant(images)}).items()}


def _write_onnx(
    model: keras.Model,
    path: Path,
    quantize: str | None,
    metadata: dict[str, Any],
    images: Sequence[np.ndarray],
) -> None:
    import onnx
    import tf2onnx  # noqa: F401  # this ImportError names the package; that of Keras would not

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    signature = {
        name: keras.InputSpec(shape=tensor.shape, dtype=tensor.dtype, name=name)
        for name, tensor in model.input.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model.export(path, format="onnx", verbose=False, input_signature=[signature])
    file = onnx.load(path)
    _name_dimensions(file.graph)
    if quantize == INT8:
        from exporting import quantize as quantization

        reads = CROPS in model.input
        inputs = [_inputs(image[None]) if reads else {IMAGES: image[None]} for image in images]
        quantization.quantize(file, inputs)
    if quantize is not None:
        _halve_weights(file.graph)
    onnx.helper.set_model_props(file, {METADATA: json.dumps(metadata)})
    onnx.save(file, path)


def _name_dimensions(graph) -> None:
    """Name the variable dimensions of inputs and outputs."""
    for value in (*graph.input, *graph.output):
        names = ("batch", "height", "width") if value.name == IMAGES else ("batch",)
        for dimension, name in zip(value.type.tensor_type.shape.dim, names, strict=False):
            dimension.dim_param = name


def _halve_weights(graph, min_size: int = 256) -> None:
    """Store weights in 16 bits, each with a cast to float32, which runs once on loading.

    Computing in 16 bits would also round coordinates.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weights in graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.size >= min_size:
            name, half = weights.name, f"{weights.name}/float16"
            weights.CopyFrom(numpy_helper.from_array(values.astype(np.float16), half))
            casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):  # the body of a loop
                _halve_weights(attribute.g, min_size)


def _open_session(path: Path, threads: int | None, task: str = "read") -> Session:
    try:
        return Session(path, threads or available_cores(), task)
    except ValueError as error:  # of the file, not of an argument
        raise RuntimeError(str(error)) from error


def open_locator(path: Path) -> Run:
    """Open the ONNX file of a locator."""
    session = _open_session(path, None, "locate")
    return lambda images: session({IMAGES: images})


def _open_onnx(path: Path, threads: int | None) -> Run:
    session = _open_session(path, threads)
    return lambda images: session(_inputs(images))


def _inputs(images: np.ndarray) -> dict[str, np.ndarray]:
    """The inputs of the ONNX file of a reader for whole images."""
    batch, height, width, _ = images.shape
    sizes = np.tile(np.float32([width, height]), (batch, 1))
    return {IMAGES: images, CROPS: np.zeros((batch, 4), np.float32), IMAGE_SIZES: sizes}


def _write_litert(model: keras.Model, path: Path, quantize: str | None, *_) -> None:
    import tensorflow as tf

    # Without TensorFlow's operations, which the small runtime does not contain.
    target = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    if quantize == FLOAT16:
        target["supported_types"] = [tf.float16]
    optimizations = [] if quantize is None else [tf.lite.Optimize.DEFAULT]
    model.export(
        path, format="litert", verbose=False, target_spec=target, optimizations=optimizations
    )


def _open_litert(path: Path, threads: int | None) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    run = interpreter.get_signature_runner(_SIGNATURE)
    return lambda images: run(**{IMAGES: images})


FORMATS = {
    form.name: form
    for form in (
        Format("saved_model", "", "tensorflow", (), _write_saved_model, _open_saved_model),
        Format("onnx", ".onnx", "onnxruntime", _WEIGHTS, _write_onnx, _open_onnx, crops=True),
        Format("litert", ".tflite", "ai_edge_litert", _WEIGHTS, _write_litert, _open_litert),
    )
}
