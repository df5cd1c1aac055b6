"""Model cards: figures of the published model only, and all its training."""

import argparse
import contextlib
import dataclasses
import importlib
import json
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

import exporting
import models
import number_zoo.published
from artifacts.environment import environment
from artifacts.files import read_json, write_json
from artifacts.run_folder import RunFolder, open_run
from models import published
from tests.conftest import ROOT
from tools.publish import add_figures, main, publish
from tools.training_steps import PLANS, Plan, Step
from training.configuration import configure


@pytest.fixture
def run(photos, tmp_path):
    """A finished run of an untrained model."""
    configuration = configure("logistic_regression", str(photos), settings=["max_digits=1"])
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


def results_file(path, digest):
    """A file of results that has figures of a model file under another name, and its content."""
    figures = {"sha256": digest, "images": 3, "sequence_accuracy": 0.5, "latency_ms": 1.0}
    figures["multiply_adds"] = 100
    results = {"dataset": "photos", "split": "test", "models": {"constant": {}, "other": figures}}
    write_json(path, results | {"environment": environment()})
    return {path: read_json(path)}


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Empty folders of published weights."""
    monkeypatch.setattr(published, "FOLDER", tmp_path / "keras")
    monkeypatch.setattr(number_zoo.published, "FOLDER", tmp_path / "onnx")


@pytest.fixture
def not_exported(monkeypatch):
    """A stand-in for the export, which takes seconds."""

    def export(weights, form, out, **_):
        out.write_bytes(b"graph")
        return SimpleNamespace(path=out)

    monkeypatch.setattr(exporting, "export", export)


def test_the_card_of_a_locator(not_exported, tmp_path):
    configuration = configure("locator_tiny", "rendered_scenes")
    with open_run(tmp_path / "locator", configuration.to_json()) as run:
        models.create("locator_tiny").save(run.model)
        metrics = {"parameters": 1, "epochs": 1, "epoch": 1, "validation": {}, "hours": 0.1}
        write_json(run.metrics, metrics | {"inference": {"threshold": 0.4}})
    publish(run, "finder", "numbers", "free")
    assert models.list_weights() == [] and models.list_weights("locate") == ["finder"]
    assert models.task_of("finder") == models.card("finder")["task"] == "locate"
    assert models.load("finder").output_shape == (None, 12, 12, 9)
    assert models.inference_config("finder") == {"threshold": 0.4}


def test_a_run_is_published_as_files_that_read_the_same(run, tmp_path, monkeypatch):
    pytest.importorskip("tf2onnx")
    monkeypatch.setattr("tools.publish.IMAGES", 4)
    path = publish(run, "mine", "numbers", "free", ["letters"])
    digest = models.file_digest(tmp_path / "onnx" / "mine.onnx")
    add_figures(path, results_file(tmp_path / "results.json", digest))
    card = json.loads(path.read_text())
    assert card["version"] == "1.0.0"
    assert card["figures"][0]["sequence_accuracy"] == 0.5
    assert "latency_ms" not in card["figures"][0]  # it is a property of one machine
    assert card["known_failures"] == ["letters"] and card["licence"] == "free"
    assert card["data"] == {"photos train": "abc"}
    assert models.list_weights() == ["mine"]
    assert published.weights_file("mine").read_bytes() == run.model.read_bytes()
    assert models.inference_config("mine") == {"temperature": 1.5}
    reader = number_zoo.Reader("mine")
    assert reader.metadata["temperature"] == 1.5 and reader.metadata["licence"] == "free"
    (tmp_path / "onnx" / "mine.onnx").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"mine\.onnx is damaged"):
        number_zoo.Reader("mine")
    (tmp_path / "onnx" / "mine.json").write_text("{")
    with pytest.raises(ValueError, match=r"mine\.json is damaged: .* Install"):
        number_zoo.Reader("mine")


@pytest.mark.usefixtures("not_exported")
def test_what_is_left_out_stays_as_it_was_and_versions_rise(run, tmp_path):
    options = {"quantize": "int8", "dataset": "photos"}
    path = publish(run, "mine", "numbers", "free", ["letters"], **options)
    add_figures(path, results_file(tmp_path / "results.json", models.file_digest(run.model)))
    card = json.loads(path.read_text())
    assert card["export"] == options and len(card["figures"]) == 1
    assert json.loads(publish(run, "mine").read_text()) == card
    path.write_text(json.dumps(card | {"onnx_sha256": "of another graph"}))
    changed = card | {"version": "1.1.0", "figures": []}
    assert json.loads(publish(run, "mine").read_text()) == changed
    models.create("logistic_regression").save(run.model)
    new = json.loads(publish(run, "mine").read_text())
    assert new["version"] == "1.2.0" and new["sha256"] != card["sha256"]
    assert new["figures"] == [] and new["reads"] == "numbers"
    assert json.loads(publish(run, "mine", version="2.0.0").read_text())["version"] == "2.0.0"


def test_a_card_that_would_be_wrong_or_incomplete_is_not_written(
    run, tmp_path, monkeypatch, capsys
):
    card = tmp_path / "card.json"
    write_json(card, {"sha256": "one", "onnx_sha256": "two"})
    with pytest.raises(ValueError, match=r"results\.json has no figures of these files"):
        add_figures(card, results_file(tmp_path / "results.json", digest="another"))
    with pytest.raises(ValueError, match="--reads and --licence"):
        publish(run, "mine")

    def refuse(*_, **__):
        raise exporting.ExportError("it reads nothing")

    monkeypatch.setattr(exporting, "export", refuse)
    arguments = [str(run.folder), "--name", "x", "--reads", "y", "--licence", "z"]
    (own,) = results_file(tmp_path / "own.json", models.file_digest(run.model))
    for file, reason in [
        (tmp_path / "results.json", "results.json has no figures of these files"),
        (run.config, "config.json is not a results.json"),
        (own, "it reads nothing"),
    ]:
        assert main([*arguments, "--results", str(file)]) == 2
        assert reason in capsys.readouterr().err
    assert main(arguments) == 2
    assert "it reads nothing" in capsys.readouterr().err
    run.metrics.unlink()
    assert main(arguments) == 2
    assert "is not finished" in capsys.readouterr().err
    assert not list(tmp_path.glob("*/*.onnx")) and not list(tmp_path.glob("keras/*"))


@pytest.mark.usefixtures("not_exported")
def test_a_card_covers_the_runs_that_a_run_was_started_from(run, tmp_path):
    data = {"photos train": "abc", "meters train": "def"}
    later = continued(run, tmp_path / "later", hours=0.2, data=data)
    between = continued(later, tmp_path / "between", alpha=0.75, data=data)
    card = json.loads(publish(between, "between", "", "").read_text())
    assert card["data"] == data
    training = card["training"]
    assert training["alpha"] == 0.75 and not {"hours", "epochs"} & training.keys()
    assert training["before"]["hours"] == 0.2
    assert training["before"]["before"]["configuration"]["weights"] is None
    assert "before" not in training["before"]["before"]


@pytest.mark.usefixtures("not_exported")
def test_a_card_names_folders_without_their_place(run, tmp_path, photos):
    config, metrics = read_json(run.config), read_json(run.metrics)
    config["environment"]["command"] = "train.py '--dataset=/home/me/x:2,C:\\a\\b?fold=1/5:1'"
    write_json(run.config, config)
    write_json(run.metrics, metrics | {"data": {f"{photos} train": "abc"}})
    path = publish(run, "mine", "it/them", "https://x.org/a", dataset=f"{photos}/?skip_bad=1")
    results = results_file(tmp_path / "results.json", models.file_digest(run.model))
    (content,) = results.values()
    content["environment"]["command"] = f"evaluate.py /run '/my photos/b' --report {Path.cwd()}/r"
    add_figures(path, results)
    card = json.loads(path.read_text())
    training = card["training"]
    assert training["configuration"]["dataset"] == photos.name
    assert training["environment"]["command"] == "train.py '--dataset=x:2,b?fold=1/5:1'"
    assert card["data"] == {f"{photos.name} train": "abc"}
    assert card["export"]["dataset"] == f"{photos.name}/?skip_bad=1"
    assert card["figures"][0]["command"] == "evaluate.py run b --report ./r"
    assert (card["reads"], card["licence"]) == ("it/them", "https://x.org/a")
    write_json(run.metrics, metrics | {"data": {"/a/x train": "abc", "/b/x train": "def"}})
    with pytest.raises(ValueError, match="folders of the same name"):
        publish(run, "mine")


@pytest.mark.usefixtures("not_exported")
def test_a_plan_runs_the_steps_that_are_not_done_and_publishes(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    touch = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('x')"
    steps = [Step(f'python -c "{touch}" {name}', Path(name)) for name in ("first", "second")]
    plan = Plan(run.folder, ("street",), (*steps, Step("python -c 1/0", Path("third"))))
    monkeypatch.setitem(PLANS, "mine", plan)
    arguments = ["mine", "--reads", "x", "--licence", "y"]
    assert main(arguments) == 2
    assert "Missing: street" in capsys.readouterr().err
    (tmp_path / "street").mkdir()
    (tmp_path / "street" / "labels.csv").touch()
    for _ in range(2):  # a step that was run twice would fail
        assert main(arguments) == 2
        assert "this command failed (status 1)" in capsys.readouterr().err
    monkeypatch.setitem(PLANS, "mine", dataclasses.replace(plan, steps=tuple(steps)))
    assert main(arguments) == 0
    assert models.list_weights() == ["mine"]


@pytest.mark.parametrize("name", PLANS)
def test_the_steps_of_a_plan_are_commands_with_options_that_exist(name, monkeypatch):
    """Each command parses its arguments; what it would do is not done."""
    ran = []
    for step in PLANS[name].steps:
        program, *arguments = shlex.split(step.command)
        if program != "python" or arguments[:2] == ["-m", "pip"]:
            continue
        module = arguments[1] if arguments[0] == "-m" else arguments[0].removesuffix(".py")
        arguments = arguments[2:] if arguments[0] == "-m" else arguments[1:]
        module = f"{module}.__main__" if module == "training.accelerator" else module

        def parsed(parser, given=None, module=module, parse=argparse.ArgumentParser.parse_args):
            ran.append((module, parse(parser, given)))
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(argparse.ArgumentParser, "parse_args", parsed)
            with contextlib.suppress(KeyboardInterrupt):
                importlib.import_module(module).main(arguments)
        assert ran[-1][0] == module
    assert models.list_weights() == [] and PLANS[name].run.name
    assert name in number_zoo_cards()


def number_zoo_cards():
    return {path.stem for path in (ROOT / "number_zoo" / "weights").glob("*.json")}
