"""From a folder of labels alone to a reader: what is chosen, and whether it is better."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import models
import train
from artifacts.files import read_json, write_json
from artifacts.run_folder import RunFolder, open_run, read_run_configuration
from training import fit, from_labels
from training.configuration import configure, default_folder
from training.recipes import get_recipe


@pytest.fixture
def published(photos, tmp_path, monkeypatch):
    """A run of random weights in the place of the published ones."""
    start = configure(
        "residual_cnn_tiny", str(photos), settings=["input_shape=[16,32,3]", "blocks=[1,1]"]
    )
    with open_run(tmp_path / "published", start.to_json()) as run:
        keras.utils.set_random_seed(1)
        models.create(start.model, **start.arguments).save(run.model)
        write_json(run.metrics, {"inference": {"max_glimpses": 1}})
    monkeypatch.setattr(models, "list_weights", lambda *_: [str(run.folder)])
    return run


def interrupt(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.usefixtures("eager")
def test_a_folder_alone_becomes_a_reader(published, photos, tmp_path, capsys, caplog, monkeypatch):
    monkeypatch.setattr("inference.reader.MAX_GLIMPSES", 1)  # eagerly, each takes long
    table = photos / "with_bad_rows.csv"
    text = (photos / "labels.csv").read_text()
    table.write_text(f"{text}000.png,1x\n")
    run = RunFolder(tmp_path / "mine")
    command = ["--dataset", str(table), "--run", str(run.folder), "--epochs", "1"]
    assert train.main(command) == 2
    assert "1 of 61 rows" in capsys.readouterr().err and not run.folder.exists()
    caplog.set_level("INFO")
    command += ["--skip-bad", "--set", "steps_per_epoch=1"]
    with monkeypatch.context() as patch:
        patch.setattr(fit, "finish", interrupt)
        assert train.main(command) == 130
    assert '"with_bad_rows.csv, line 62",000.png' in (run.folder / "skipped.csv").read_text()
    with monkeypatch.context() as patch:  # the resumed run keeps its weights and mixture
        patch.setattr(from_labels, "_best_weights", lambda *_: pytest.fail("planned again"))
        patch.setattr(from_labels, "_is_prepared", lambda *_: True)
        assert train.main(command) == 0
    table.unlink()
    assert "bad rows left out: 1" in caplog.text and f"start: {published.folder}" in caplog.text
    comparison = read_json(run.metrics)["comparison"]
    assert comparison["weights"] == str(published.folder) and comparison["images"] > 0
    verdict = "Replace" if comparison["replace"] else "Keep"
    assert f"{verdict} " in capsys.readouterr().out
    configuration = read_run_configuration(run.config)
    assert configuration["recipe"]["frozen"] == get_recipe("few_labels").frozen
    start, end = models.load(published.folder), models.load(run.folder)
    changed = {
        layer.name
        for layer in start.layers
        for a, b in zip(layer.get_weights(), end.get_layer(layer.name).get_weights(), strict=True)
        if not np.array_equal(a, b)
    }
    assert changed and not any(name.startswith(("stem", "stage")) for name in changed)
    assert {"length", "digits"} & changed


def test_a_run_in_its_default_folder_keeps_its_plan(published, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["--dataset", str(photos), "--seed", "3"]
    configuration = train.configuration_of(train.parse(command))
    for folder, written in (
        (default_folder(configuration), configuration),
        (tmp_path / "runs" / "other", replace(configuration, seed=4)),
    ):
        with open_run(folder, written.to_json()) as run:
            run.checkpoint.write_bytes(b"")
    (tmp_path / "runs" / "none").mkdir()
    (tmp_path / "runs" / "none" / "config.json").write_text("{}")
    monkeypatch.setattr(from_labels, "_is_prepared", lambda *_: True)
    monkeypatch.setattr(from_labels, "_best_weights", lambda *_: pytest.fail("planned again"))
    assert train.configuration_of(train.parse(command)) == configuration
    with pytest.raises(pytest.fail.Exception, match="planned again"):
        train.configuration_of(train.parse([*command, "--epochs", "9"]))


@pytest.mark.parametrize(
    ("losses", "correct", "alpha", "replace"),
    [
        ({0: [2, 2.1, 2], 0.5: [1, 1.2, 1], 1: [3, 3, 3]}, {0: 1, 0.5: 2, 1: 0}, 0.5, True),
        ({0: [2, 2.1, 2], 0.5: [1, 1.2, 1], 1: [3, 3, 3]}, {0: 2, 0.5: 2, 1: 0}, 0.5, True),
        ({0: [2, 2, 2], 0.5: [0, 2.3, 1.9], 1: [3, 3, 3]}, {0: 1, 0.5: 2, 1: 0}, 0.5, False),
        ({0: [2, 2, 2], 0.5: [1, 3, 2], 1: [0, 4, 1]}, {0: 1, 0.5: 2, 1: 3}, 1.0, False),
        ({0: [2, 2, 2], 0.5: [1, 1, 1], 1: [1, 1, 2]}, {0: 3, 0.5: 2, 1: 3}, 0.5, False),
        ({0: 3 * [0.002], 0.5: 3 * [0.001], 1: 3 * [0.003]}, {0: 3, 0.5: 3, 1: 3}, 0.5, False),
    ],
    ids=[
        "better",
        "as many correct",
        "gain of 0.8 errors",
        "gain within its error",
        "fewer correct",
        "no gain to speak of",
    ],
)
def test_the_published_reader_is_replaced_by_a_better_one_only(
    photos, tmp_path, monkeypatch, losses, correct, alpha, replace
):
    configuration = configure("residual_cnn_tiny", str(photos))
    with open_run(tmp_path / "run", configuration.to_json()) as run:
        write_json(run.metrics, {"inference": {"max_glimpses": 1, "temperature": 3.0}})

    class Model:
        """A model of one weight: 0 for the start, 1 for the end."""

        def get_weights(self):
            return [1.0]

        def set_weights(self, weights):
            self.weights = weights

        def save(self, path):
            path.write_text(str(self.weights))

    def score(reader, _):
        (key,) = reader.model.weights
        return np.array(losses[key]), np.arange(3) < correct[key], 1.5

    monkeypatch.setattr(from_labels, "_score", score)
    monkeypatch.setattr(from_labels, "start_weights", lambda _: [0.0])
    monkeypatch.setattr(from_labels, "Reader", lambda *_, **__: SimpleNamespace(model=Model()))
    with monkeypatch.context() as patch:
        patch.setattr(from_labels, "write_json", lambda *_: pytest.fail("a kill"))
        with pytest.raises(pytest.fail.Exception):
            from_labels.choose_reader(run)
    assert not run.model.exists()  # otherwise, the rerun would interpolate the interpolated weights
    comparison = from_labels.choose_reader(run)
    assert (comparison["alpha"], comparison["replace"]) == (alpha, replace)
    assert run.model.read_text() == f"[{alpha}]"
    run.model.replace(run.folder / "interpolated.keras")  # as a kill before the last step leaves it
    assert from_labels.choose_reader(run) == comparison == read_json(run.metrics)["comparison"]
    assert run.model.read_text() == f"[{alpha}]"
    assert read_json(run.metrics)["inference"]["temperature"] == 1.5
    text = from_labels.describe_choice(comparison, run.folder)
    assert text.startswith("Replace" if replace else "Keep") and "(few images: " in text


@pytest.mark.parametrize(
    ("correct", "losses", "chosen"),
    [((5, 6), (1, 2), 1), ((6, 5), (2, 1), 0), ((6, 6), (2, 1), 1), ((6, 6), (1, 1), 0)],
)
def test_the_start_reads_most_photos_and_of_equal_ones_is_likelier(
    photos, tmp_path, monkeypatch, correct, losses, chosen
):
    default = from_labels.DEFAULT_WEIGHTS
    names = [default, next(name for name in models.list_weights() if name != default)]

    def read(name, _, split, sample):
        assert (split, sample) == ("train", from_labels.SAMPLE)
        return SimpleNamespace(predictions=SimpleNamespace(decoded=name), truth=None)

    monkeypatch.setattr(models, "list_weights", lambda *_: names[::-1])
    monkeypatch.setattr(from_labels, "Reader", lambda name, **_: name)
    monkeypatch.setattr(from_labels, "run_inference", read)
    monkeypatch.setattr(
        from_labels, "sequence_correct", lambda name, _: np.ones(correct[names.index(name)])
    )
    monkeypatch.setattr(
        from_labels,
        "_losses",
        lambda outputs, _: np.full(9, losses[names.index(outputs.predictions.decoded)]),
    )
    assert from_labels.plan(str(photos), tmp_path).weights == names[chosen]


def test_steps_follow_the_number_of_photos_and_rendered_images_join_few(
    photos, tmp_path, monkeypatch
):
    outputs = SimpleNamespace(predictions=SimpleNamespace(decoded=None), truth=None)
    monkeypatch.setattr(from_labels, "Reader", lambda name, **_: name)
    monkeypatch.setattr(from_labels, "run_inference", lambda *_, **__: outputs)
    monkeypatch.setattr(from_labels, "sequence_correct", lambda *_: np.ones(60))
    monkeypatch.setattr(from_labels, "_losses", lambda *_: np.ones(60))
    (tmp_path / from_labels.REHEARSAL / "1.0").mkdir(parents=True)
    plan = from_labels.plan(str(photos), tmp_path)
    assert plan.dataset == str(photos) and plan.weights == from_labels.DEFAULT_WEIGHTS
    (tmp_path / from_labels.REHEARSAL / "1.0" / "dataset_info.json").write_text("{}")
    plan = from_labels.plan(str(photos), tmp_path)
    assert plan.dataset == f"{photos}:2,{from_labels.REHEARSAL}:1"
    monkeypatch.setattr("datasets.size", lambda *_: 5000)
    large = from_labels.plan(str(photos), tmp_path)
    assert large.dataset == str(photos) and large.recipe["frozen"] == ""
    assert large.recipe["steps_per_epoch"] > 3 * plan.recipe["steps_per_epoch"]
    assert large.recipe["steps_per_epoch"] == 600 // get_recipe("few_labels").epochs
