"""Small models to export: untrained, but with outputs that differ from image to image."""

from __future__ import annotations

import functools
from pathlib import Path

import keras
import pytest

import exporting
import models
from exporting import convert
from exporting.formats import FORMATS
from inference import Reader

PACKAGES = {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",), "saved_model": ()}
"""What writing and running a format needs besides TensorFlow."""

OPTIMIZERS = "tf2onnx.optimizer._optimizers"
"""They take most of the time of a conversion, and are left out but for one file."""


def quantized_convolutions(graph) -> dict[str, bool]:
    """Whether each convolution of an ONNX graph has quantized weights, by name."""
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    return {
        node.name: made_by.get(node.input[1]) == "DequantizeLinear"
        for node in graph.node
        if node.op_type == "Conv"
    }


@pytest.fixture(scope="session")
def need():
    """A function that skips, naming the missing package, where a format cannot be written."""

    def check(form: str) -> None:
        for package in PACKAGES[form]:
            pytest.importorskip(package)

    return check


@pytest.fixture(scope="session")
def make_weights(tmp_path_factory):
    """A function that builds a model, sharpens its outputs and saves it; returns the file."""

    @functools.cache
    def make(name: str, **arguments) -> Path:
        keras.utils.set_random_seed(1)
        model = models.create(name, **arguments)
        for layer in model.layers:
            weights = layer.get_weights()
            if layer.name.endswith("_logits") or layer.name in ("length", "digits"):
                layer.set_weights([30 * values for values in weights])
            elif layer.name.endswith("_norm"):
                layer.set_weights([values + 0.5 for values in weights])
        path = tmp_path_factory.mktemp("weights") / f"{name}.keras"
        model.save(path)
        return path

    return make


@pytest.fixture(scope="session")
def exported(need, make_weights, tmp_path_factory):
    """A function that exports such a model, once, with the check."""

    reader = functools.cache(Reader)

    @functools.cache
    def make(form: str, name: str, channels: int, max_digits: int, **arguments):
        need(form)
        shape = (16, 24, channels)
        weights = make_weights(name, input_shape=shape, max_digits=max_digits, **arguments)
        out = tmp_path_factory.mktemp("files") / f"reader{FORMATS[form].suffix}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(convert, "Reader", reader)
            if form == "onnx":
                patch.setattr(OPTIMIZERS, {})
            return exporting.export(weights, form, out, images=8)

    return make


@pytest.fixture(scope="session")
def weights(make_weights):
    """A model that predicts a box, so that it reads several glimpses."""
    return make_weights("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=3, blocks=(1, 1))
