"""Publishing: a card takes its figures from results of the very same model, and from no other."""

import json
import shutil

import keras
import numpy as np
import pytest

import models
from artifacts.environment import environment
from artifacts.files import write_json
from artifacts.run_folder import RunFolder, open_run
from models import published
from tools import publish
from training.configuration import configure


@pytest.fixture
def run(photos, tmp_path):
    """A finished run of a model that was never trained."""
    configuration = configure("residual_cnn_tiny", str(photos), settings=["max_digits=2"])
    with open_run(tmp_path / "run", configuration.to_json()) as run:
        models.create(configuration.model, **configuration.arguments).save(run.model)
        metrics = {"parameters": 1, "epochs": 1, "best_epoch": 1, "validation": {}, "hours": 0.1}
        write_json(run.metrics, metrics | {"reading": {"temperature": 1.5}})
    return RunFolder(tmp_path / "run")


def evaluated(run, name, path, digest=None):
    """A file of results for the run's model, under a name."""
    digest = digest or models.file_digest(run.model)
    figures = {"sha256": digest, "images": 3, "sequence_accuracy": 0.5, "latency_ms": 1.0}
    results = {"dataset": "photos", "split": "test", "models": {"constant": {}, name: figures}}
    write_json(path, results | {"environment": environment()})
    return path


def test_a_published_model_is_the_run_s_and_its_card_says_so(run, tmp_path, monkeypatch):
    monkeypatch.setattr(published, "FOLDER", tmp_path / "weights")
    results = evaluated(run, "other name", tmp_path / "results.json")
    path = publish.publish(
        run, "mine", "numbers", "free", [results], ["letters"], folder=tmp_path / "weights"
    )
    card = json.loads(path.read_text())
    assert card["figures"][0]["sequence_accuracy"] == 0.5
    assert "latency_ms" not in card["figures"][0]  # it holds for one machine at one time
    assert card["known_failures"] == ["letters"] and card["licence"] == "free"
    publish.publish(run, "mine", None, None, [results], folder=tmp_path / "weights")
    assert json.loads(path.read_text()) == card, "what was said before goes without saying"
    assert published.list_weights() == ["mine"]
    mine = published.load("mine")
    again = keras.saving.load_model(run.model)
    for a, b in zip(mine.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert published.inference_config("mine") == {"temperature": 1.5}


def test_figures_of_another_model_are_refused_and_nothing_is_written(run, tmp_path):
    results = evaluated(run, str(run.folder), tmp_path / "results.json", digest="another")
    with pytest.raises(ValueError, match=r"results\.json has no figures of this model"):
        publish.publish(run, "mine", "", "", [results], folder=tmp_path / "weights")
    with pytest.raises(ValueError, match="--reads and --licence"):
        publish.publish(run, "mine", None, "", [], folder=tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_blend_has_the_hours_of_its_parts_and_none_of_its_own(run, tmp_path):
    blended = {"parameters": 1, "epochs": 9, "best_epoch": 9, "validation": {}, "hours": 0.1}
    write_json(run.metrics, blended | {"share": 0.75})
    card = json.loads(publish.publish(run, "mine", "", "", [], folder=tmp_path).read_text())
    assert card["training"]["share"] == 0.75
    assert not {"hours", "epochs"} & card["training"].keys()


def test_a_card_tells_what_came_before(run, tmp_path):
    later = shutil.copytree(run.folder, tmp_path / "later")
    config = json.loads(run.config.read_text())
    config["configuration"]["weights"] = str(run.folder)
    write_json(later / "config.json", config)
    path = publish.publish(RunFolder(later), "later", "", "", [], folder=tmp_path / "weights")
    told = json.loads(path.read_text())["training"]
    assert told["hours"] == 0.1 and told["epochs"] == 1
    assert told["before"]["configuration"]["model"] == "residual_cnn_tiny"
    assert "before" not in told["before"]


def test_a_run_that_is_not_finished_is_refused(run, tmp_path, capsys):
    run.metrics.unlink()
    status = publish.main([str(run.folder), "--name", "x", "--reads", "y", "--licence", "z"])
    assert status == 2
    assert "is not finished" in capsys.readouterr().err
