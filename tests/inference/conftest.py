"""An untrained reader for the tests of reading."""

import pytest

import models


@pytest.fixture(scope="package")
def model():
    arguments = {"input_shape": (16, 32, 3), "max_digits": 3, "blocks": (1, 1)}
    return models.create("residual_cnn_tiny", **arguments)


@pytest.fixture(scope="package")
def weights(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "model.keras"
    model.save(path)
    return path
