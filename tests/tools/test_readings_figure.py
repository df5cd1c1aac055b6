"""The README's figure."""

from __future__ import annotations

import pytest
from PIL import Image

import models
from tools.readings_figure import main


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "model.keras"
    models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=3).save(path)
    return path


def test_the_figure_has_a_cell_for_each_image(weights, tmp_path, capsys):
    out = tmp_path / "readings.png"
    assert main([str(out), "--weights", str(weights)]) == 0
    assert "of 18 correct" in capsys.readouterr().out
    with Image.open(out) as image:
        assert image.width > image.height and len(set(image.convert("L").getdata())) > 20


def test_unknown_weights_are_reported_and_nothing_is_written(tmp_path, capsys):
    assert main([str(tmp_path / "out.png"), "--weights", "nothing"]) == 2
    assert "nothing" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
