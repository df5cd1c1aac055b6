"""Small readers to export: untrained, but with outputs that differ from image to image."""

from __future__ import annotations

import functools
from pathlib import Path

import keras
import pytest

import models
from exporting import formats
from inference.graph import ReaderGraph
from inference.reader import Reader

PACKAGES = {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",), "saved_model": ()}
"""What writing and running a format needs on top of TensorFlow."""


@pytest.fixture(scope="session")
def need():
    """A function that skips, and says which package is missing, where a format cannot be made."""

    def check(form: str) -> None:
        for package in PACKAGES[form]:
            pytest.importorskip(package)

    return check


@pytest.fixture(scope="session")
def make_weights(tmp_path_factory):
    """A function that builds a model, sharpens its outputs and saves it; gives the file."""

    def make(name: str, **arguments) -> Path:
        keras.utils.set_random_seed(1)
        model = models.create(name, **arguments)
        for layer in model.layers:
            weights = layer.get_weights()
            if layer.name in ("length", "digits", "digit_logits", "where_logits", "edge_logits"):
                layer.set_weights([30 * one for one in weights])
            elif layer.name.endswith("_norm"):
                layer.set_weights([one + 0.5 for one in weights])
        path = tmp_path_factory.mktemp("weights") / f"{name}.keras"
        model.save(path)
        return path

    return make


@pytest.fixture(scope="session")
def make_graph(make_weights):
    """A function that gives a reader of such a model and its graph, made once."""

    @functools.cache
    def make(name: str, channels: int, max_digits: int, **arguments):
        path = make_weights(
            name, input_shape=(16, 24, channels), max_digits=max_digits, **arguments
        )
        reader = Reader(path, temperature=1.5)
        reader.max_glimpses = min(reader.max_glimpses, 2)
        return reader, ReaderGraph(reader)

    return make


@pytest.fixture(scope="session")
def make_file(need, make_graph, tmp_path_factory):
    """A function that writes such a graph in a format, once, and gives the file."""

    @functools.cache
    def make(form: str, name: str, channels: int, max_digits: int, **arguments) -> Path:
        need(form)
        _, graph = make_graph(name, channels, max_digits, **arguments)
        path = tmp_path_factory.mktemp("files") / f"reader{formats.FORMATS[form].suffix}"
        formats.FORMATS[form].write(graph, path, None, list)
        return path

    return make


@pytest.fixture(scope="session")
def weights(make_weights):
    """A reader that finds its number and looks again."""
    return make_weights("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=3, blocks=(1, 1))
