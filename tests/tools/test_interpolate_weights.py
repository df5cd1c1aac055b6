"""Interpolated weights: a run like any other."""

import dataclasses

import keras
import numpy as np
import pytest

import models
from artifacts.files import RunError, read_json, write_json
from artifacts.run_folder import RunFolder, open_run
from tools.interpolate_weights import interpolate_weights, main
from training.configuration import configure, read_configuration


def write_run(folder, configuration, seed):
    """A finished run whose model has random weights."""
    with open_run(folder, configuration.to_json()) as run:
        keras.utils.set_random_seed(seed)
        models.create(configuration.model, **configuration.arguments).save(run.model)
        write_json(run.metrics, {"epochs": 1, "epoch": 1, "data": {"photos train": "abc"}})
    return folder


@pytest.fixture
def start_and_end(photos, tmp_path):
    settings = ["input_shape=[16,32,3]", "max_digits=2", "filters=[8]", "dense_units=[16]"]
    start = configure("deep_cnn_tiny", str(photos), settings=settings)
    write_run(tmp_path / "start", start, seed=1)
    end = dataclasses.replace(start, weights=str(tmp_path / "start"))
    return tmp_path / "start", write_run(tmp_path / "end", end, seed=2)


def test_weights_lie_between_start_and_end(start_and_end, tmp_path, capsys):
    start, end = (models.load(folder).get_weights() for folder in start_and_end)
    folder = tmp_path / "between"
    assert main([str(start_and_end[1]), str(folder), "--alpha", "0.25"]) == 0
    assert "validation sequence accuracy" in capsys.readouterr().out
    for a, b, weight in zip(start, end, models.load(folder).get_weights(), strict=True):
        between = 0.75 * a + 0.25 * b
        np.testing.assert_allclose(weight, between, rtol=2**-11, atol=1e-6)  # in 16 bits
    run = RunFolder(folder)
    metrics = read_json(run.metrics)
    assert read_configuration(run.config).weights == str(start_and_end[1])
    assert metrics["alpha"] == 0.25 and metrics["inference"]["temperature"] > 0
    assert metrics["data"] == {"photos train": "abc"}
    assert 0 <= metrics["validation"]["sequence_accuracy"] <= 1


def test_a_run_that_cannot_be_interpolated_is_refused_and_leaves_nothing(
    start_and_end, tmp_path, capsys
):
    start, end = start_and_end
    with pytest.raises(ValueError, match="was not started from weights"):
        interpolate_weights(start, tmp_path / "new", 0.5)
    with pytest.raises(ValueError, match="above 0 and below 1"):
        interpolate_weights(end, tmp_path / "new", 1.0)
    (end / "metrics.json").unlink()
    with pytest.raises(RunError, match="is not finished"):
        interpolate_weights(end, tmp_path / "new", 0.5)
    assert main([str(tmp_path / "none"), str(tmp_path / "new")]) == 2
    assert "is not a run" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
