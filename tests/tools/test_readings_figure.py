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
    assert main([str(out), "--weights", str(weights), "--styles", "default", "--count", "2"]) == 0
    assert "of 2 correct" in capsys.readouterr().out
    with Image.open(out) as image:
        assert image.width > image.height and len(set(image.convert("L").getdata())) > 20


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--styles", "wid"], "unknown style 'wid'"), (["--weights", "nothing"], "nothing")],
)
def test_wrong_names_are_reported_and_nothing_is_written(tmp_path, capsys, options, message):
    assert main([str(tmp_path / "out.png"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
