"""An untrained reader for the tests of reading."""

import pytest

import models


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "model.keras"
    models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=3).save(path)
    return path
