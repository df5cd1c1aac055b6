"""A server with two untrained models."""

from __future__ import annotations

import keras
import pytest
from starlette.testclient import TestClient

import models
from app.readers import load_readers
from app.server import create_app


@pytest.fixture(scope="session")
def readers(tmp_path_factory):
    """Two models that read two digits in anything: one that finds the number, one that does not."""
    folder, files = tmp_path_factory.mktemp("weights"), []
    for name, digits in [("residual_cnn_tiny", "digits"), ("deep_cnn_tiny", "digit_logits")]:
        keras.utils.set_random_seed(0)
        model = models.create(name, input_shape=(16, 32, 3), max_digits=3)
        length, digits = model.get_layer("length"), model.get_layer(digits)
        length.bias.assign([-9, -9, 9, -9, -9])
        digits.kernel.assign(20 * digits.kernel)  # so that images of noise differ
        files.append(str(folder / f"{name}.keras"))
        model.save(files[-1])
    return load_readers(files)


@pytest.fixture(scope="session")
def client(readers):
    with TestClient(create_app(readers), raise_server_exceptions=False) as client:
        yield client
