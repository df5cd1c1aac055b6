"""Runs: the same from the same seed, killed and resumed to the same end, never mixed up."""

import csv
import json
import subprocess
import sys
import time
from dataclasses import replace

import keras
import numpy as np
import pytest

import train as commands
from artifacts.files import RunError
from artifacts.run_folder import RunFolder, open_run, remove_scratch, scratch_run
from inference.over_dataset import run_inference
from inference.reader import Reader
from models.metrics import sequence_correct
from tests.conftest import ROOT
from tests.training.conftest import TINY
from tools.publish import publish
from training import fit
from training.callbacks import OBJECTIVE, kept
from training.configuration import run_configuration
from training.recipes import Recipe


def weights_of(folder):
    model = keras.saving.load_model(folder / "model.keras")
    return [np.asarray(weight) for weight in model.get_weights()]


def history_of(folder):
    """Rows of a run's history, without the time each took."""
    with (folder / "history.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """One run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return folder, fit.train(tiny, folder)


@pytest.fixture(scope="module")
def other(tiny, tmp_path_factory):
    """A run with another seed, which keeps its last model."""
    folder = tmp_path_factory.mktemp("runs") / "other"
    recipe = replace(tiny.recipe, checkpoint="last")
    return folder, fit.train(replace(tiny, seed=1, recipe=recipe), folder)


@pytest.mark.parametrize(("steps", "momentum"), [(2000, 0.998), (50, 0.95), (2, 0.0)])
def test_the_average_of_weights_outlives_the_start_of_a_short_training(steps, momentum):
    made = fit.optimizer(Recipe(epochs=2, ema_momentum=0.998), steps)
    assert made.ema_momentum == pytest.approx(momentum)


def test_a_run_tells_what_its_reader_reads(finished, tiny):
    """With the temperature that was fitted at the end, as evaluation reads."""
    folder, metrics = finished
    validation = run_inference(Reader(folder), tiny.validation, "validation", crop=tiny.crop)
    right = sequence_correct(validation.seen.readings, validation.truth)
    assert metrics["reading"]["sequence_accuracy"] == right.mean()


def test_a_run_is_a_folder_with_everything_in_it(finished, tiny, tmp_path):
    folder, metrics = finished
    names = {path.name for path in folder.iterdir()}
    assert names == {
        ".lock",
        "config.json",
        "history.csv",
        "metrics.json",
        "model.keras",
        "tensorboard",
    }
    run = RunFolder(folder)
    assert run_configuration(run) == tiny
    assert json.loads(run.config.read_text())["environment"]["packages"]["keras"]
    assert [row["epoch"] for row in history_of(folder)] == ["1", "2", "3", "4"]
    assert metrics["validation"]["sequence_accuracy"] == max(
        float(row["val_sequence_accuracy"]) for row in history_of(folder)
    )
    assert list((folder / "tensorboard").rglob("events.*"))
    card = json.loads(publish(run, "whole", "tests", "none", [], folder=tmp_path).read_text())
    assert card["training"]["epochs"] == 4 and card["parameters"] == metrics["parameters"]


def test_the_kept_model_is_the_one_that_was_scored(finished, tiny):
    import datasets
    from training.callbacks import gather_truth, score

    folder, metrics = finished
    model = keras.saving.load_model(folder / "model.keras")
    data = datasets.load(tiny.validation, "validation", **tiny.view)
    found = score(model, data, gather_truth(data))
    assert found == pytest.approx(metrics["validation"], abs=1e-5)
    assert getattr(model, "optimizer", None) is None  # a quarter of the file


def test_the_last_model_is_kept_where_the_recipe_says_so(other):
    folder, metrics = other
    rows = history_of(folder)
    assert metrics["best_epoch"] == len(rows) == 4
    assert metrics["validation"]["loss"] == float(rows[-1]["val_loss"])
    scored = kept([{OBJECTIVE: 0.5, "val_loss": 1.0}, {OBJECTIVE: 0.4, "val_loss": 0.9}], "best")
    assert scored[OBJECTIVE] == 0.5


def test_another_seed_is_another_training(finished, other):
    assert history_of(finished[0])[0]["loss"] != history_of(other[0])[0]["loss"]


def test_ended_stopped_and_killed_it_goes_on_to_the_same_end(finished, tiny, tmp_path):
    """One seed gives the same weights in one training of four epochs and in four of one."""

    class Killed(BaseException):
        pass

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            written = RunFolder(tmp_path).read_history(9)[-1]
            assert logs["val_sequence_accuracy"] == written["val_sequence_accuracy"]
            self.model.stop_training = True

    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise Killed

    folder, metrics = finished
    ended = tmp_path / "metrics.json"
    assert fit.train(tiny, tmp_path, until=1)["epochs"] == 1
    ended.unlink()
    assert fit.train(tiny, tmp_path, callbacks=[Stop()])["epochs"] == 2
    ended.unlink()
    with pytest.raises(Killed):
        fit.train(tiny, tmp_path, callbacks=[Kill()])
    assert not ended.exists()
    assert fit.train(tiny, tmp_path)["validation"] == metrics["validation"]
    assert history_of(folder) == history_of(tmp_path)
    for a, b in zip(weights_of(folder), weights_of(tmp_path), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not (tmp_path / "checkpoint.weights.h5").exists()


def test_kill_9_in_the_middle_of_an_epoch_loses_that_epoch_alone(tmp_path, photos, caplog):
    arguments = ["residual_cnn_tiny", "--dataset", str(photos), "--recipe", "photos"]
    arguments += ["--epochs", "12", "--batch-size", "8", "--run", str(tmp_path / "run")]
    for setting in TINY["settings"]:
        arguments += ["--set", setting]
    command = [sys.executable, "train.py", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    history = tmp_path / "run" / "history.csv"
    deadline = time.monotonic() + 300
    while not history.exists() or len(history.read_text().splitlines()) < 3:
        assert process.poll() is None and time.monotonic() < deadline, "no epoch was finished"
        time.sleep(0.05)
    process.kill()
    process.wait()
    before = history_of(tmp_path / "run")
    with caplog.at_level("INFO"):
        assert commands.main(arguments) == 0
    assert "going on after epoch" in caplog.text
    after = history_of(tmp_path / "run")
    assert [row["epoch"] for row in after] == [str(n) for n in range(1, 13)]
    assert after[: len(before) - 1] == before[:-1]


def test_a_finished_run_says_so_and_trains_no_more(finished, tiny, caplog):
    folder, metrics = finished
    written = (folder / "model.keras").stat().st_mtime_ns
    with caplog.at_level("INFO"):
        assert fit.train(tiny, folder) == metrics
    assert "is finished" in caplog.text
    assert (folder / "model.keras").stat().st_mtime_ns == written


def test_another_configuration_is_kept_out(finished, tiny):
    folder, _ = finished
    with pytest.raises(RunError, match=r"another configuration \(seed is 0 there and 7 here\)"):
        fit.train(replace(tiny, seed=7), folder)


def test_a_folder_of_other_things_is_left_alone(tiny, tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(RunError, match=r"holds files and is no run: thesis\.txt"):
        fit.train(tiny, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_processes_do_not_share_a_run(tiny, tmp_path):
    with (
        open_run(tmp_path, tiny.to_json()),
        pytest.raises(RunError, match="another process is training"),
        open_run(tmp_path, tiny.to_json()),
    ):
        pass


def test_a_damaged_checkpoint_is_named(tiny, tmp_path):
    with open_run(tmp_path, tiny.to_json()) as run:
        run.checkpoint.write_bytes(b"half a file")
    with pytest.raises(RunError, match=r"checkpoint\.weights\.h5 cannot be read"):
        fit.train(tiny, tmp_path)


def test_a_process_that_ends_at_once_leaves_nothing_of_a_run_that_nobody_keeps():
    with scratch_run() as run:
        run.history.write_text("epoch")
        remove_scratch()
        assert not run.folder.exists()


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    from artifacts.files import replacing

    path = tmp_path / "model.keras"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left"), replacing(path) as part:
        part.write_text("ne")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
