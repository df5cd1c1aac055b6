"""Model cards: figures of the published model only, fingerprints of all its data."""

import json
import shutil

import pytest

import models
from artifacts.environment import environment
from artifacts.files import read_json, write_json
from artifacts.run_folder import RunFolder, open_run
from models import published
from tools.publish import main, publish
from training.configuration import configure


@pytest.fixture
def run(photos, tmp_path):
    """A finished run of an untrained model."""
    configuration = configure("residual_cnn_tiny", str(photos), settings=["max_digits=2"])
    with open_run(tmp_path / "run", configuration.to_json()) as run:
        models.create(configuration.model, **configuration.arguments).save(run.model)
        metrics = {"parameters": 1, "epochs": 1, "epoch": 1, "validation": {}, "hours": 0.1}
        metrics |= {"inference": {"temperature": 1.5}, "data": {"photos train": "abc"}}
        write_json(run.metrics, metrics)
    return run


def continued(run, folder, **metrics):
    """A copy of a run that says it was started from the run's weights."""
    shutil.copytree(run.folder, folder)
    config = read_json(run.config)
    config["configuration"]["weights"] = str(run.folder)
    write_json(folder / "config.json", config)
    write_json(folder / "metrics.json", read_json(run.metrics) | metrics)
    return RunFolder(folder)


def results_file(run, path, digest=None):
    """A file of results that has figures of the run's model under another name."""
    digest = digest or models.file_digest(run.model)
    figures = {"sha256": digest, "images": 3, "sequence_accuracy": 0.5, "latency_ms": 1.0}
    results = {"dataset": "photos", "split": "test", "models": {"constant": {}, "other": figures}}
    write_json(path, results | {"environment": environment()})
    return path


def test_the_model_is_copied_and_its_card_tells_where_it_comes_from(run, tmp_path, monkeypatch):
    monkeypatch.setattr(published, "FOLDER", tmp_path / "weights")
    results = results_file(run, tmp_path / "results.json")
    arguments = {"results": [results], "folder": tmp_path / "weights"}
    path = publish(run, "mine", "numbers", "free", fails=["letters"], **arguments)
    card = json.loads(path.read_text())
    assert card["figures"][0]["sequence_accuracy"] == 0.5
    assert "latency_ms" not in card["figures"][0]  # it is a property of one machine
    assert card["known_failures"] == ["letters"] and card["licence"] == "free"
    assert card["data"] == {"photos train": "abc"}
    publish(run, "mine", None, None, **arguments)
    assert json.loads(path.read_text()) == card, "what is left out stays as it was"
    assert published.list_weights() == ["mine"]
    assert published.weights_file("mine").read_bytes() == run.model.read_bytes()
    assert published.inference_config("mine") == {"temperature": 1.5}


def test_a_card_that_would_be_wrong_or_incomplete_is_not_written(run, tmp_path, capsys):
    results = results_file(run, tmp_path / "results.json", digest="another")
    with pytest.raises(ValueError, match=r"results\.json has no figures of this model"):
        publish(run, "mine", "", "", [results], folder=tmp_path / "weights")
    with pytest.raises(ValueError, match="--reads and --licence"):
        publish(run, "mine", None, None, [], folder=tmp_path / "weights")
    run.metrics.unlink()
    assert main([str(run.folder), "--name", "x", "--reads", "y", "--licence", "z"]) == 2
    assert "is not finished" in capsys.readouterr().err
    assert not (tmp_path / "weights").exists()


def test_a_card_covers_the_runs_that_a_run_was_started_from(run, tmp_path):
    data = {"meters train": "def"}
    later = continued(run, tmp_path / "later", hours=0.2, data=data)
    between = continued(later, tmp_path / "between", alpha=0.75, data=data)
    card = json.loads(publish(between, "between", "", "", [], folder=tmp_path).read_text())
    assert card["data"] == {"photos train": "abc", "meters train": "def"}
    training = card["training"]
    assert training["alpha"] == 0.75 and not {"hours", "epochs"} & training.keys()
    assert training["before"]["hours"] == 0.2
    assert training["before"]["before"]["configuration"]["weights"] is None
    assert "before" not in training["before"]["before"]
