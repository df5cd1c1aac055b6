"""Published weights: a name gives the reader that its card describes, or a clear error."""

import json
import shutil

import numpy as np
import pytest

import models
from evaluation.publish import publish
from models import published
from training import fit
from training.run_folder import RunFolder


@pytest.mark.parametrize("name", models.list_weights())
def test_what_comes_with_the_project_is_what_its_card_says(name):
    card = models.card(name)
    model = models.create(card["model"], weights=name)
    assert model.count_params() == card["parameters"]
    assert list(model.input_shape[1:]) == card["arguments"]["input_shape"]
    assert card["figures"] and all(figure["command"] for figure in card["figures"])
    black, white = np.zeros((2, *model.input_shape[1:]), "float32")
    white += 255
    readings = models.read_out(model.predict(np.stack([black, white]), verbose=0))
    assert np.isfinite(readings.log_probability).all()


def test_a_run_is_published_with_a_card_and_loads_by_name(photos, tiny_run, tmp_path, monkeypatch):
    run = RunFolder(tiny_run)
    path = publish(run, "tiny", "tests", "none", [], folder=tmp_path)
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    assert models.list_weights() == ["tiny"]
    assert json.loads(path.read_text())["training"]["epochs"] == 3
    model = models.create("residual_cnn_tiny", weights="tiny")
    assert model.count_params() == models.card("tiny")["parameters"]
    with pytest.raises(ValueError, match=r"unknown weights 'tin'\. Known: tiny"):
        models.card("tin")
    with pytest.raises(ValueError, match="are of residual_cnn_tiny as it was trained"):
        models.create("deep_cnn", weights="tiny")
    (tmp_path / "tiny.keras").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"tiny\.keras is damaged"):
        published.load("tiny")


def test_the_card_tells_what_fails_and_what_came_before(photos, tiny_run, tmp_path):
    later = tmp_path / "later"
    shutil.copytree(tiny_run, later)
    config = json.loads((later / "config.json").read_text())
    config["configuration"]["weights"] = str(tiny_run)
    (later / "config.json").write_text(json.dumps(config))
    path = publish(RunFolder(later), "later", "tests", "none", [], ["dark ones"], folder=tmp_path)
    card = json.loads(path.read_text())
    assert card["known_failures"] == ["dark ones"]
    assert card["training"]["before"]["configuration"]["model"] == "residual_cnn_tiny"
    assert "before" not in card["training"]["before"]


def test_an_unfinished_run_is_not_published(tmp_path):
    with pytest.raises(ValueError, match="not finished"):
        publish(RunFolder(tmp_path), "x", "", "", [])


@pytest.fixture(scope="module")
def tiny_run(photos, tmp_path_factory):
    from tests.training.conftest import TINY
    from training.configuration import configure

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    fit.train(configure("residual_cnn_tiny", str(photos), **TINY), folder)
    return folder
