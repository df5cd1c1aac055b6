"""Runs: reproducible by seed, killed and resumed to the same end."""

import csv
import dataclasses
import json
import random
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import datasets
import train as command
from artifacts.files import RunError
from artifacts.run_folder import RunFolder, open_run
from evaluation.comparison import compare
from inference.calibration import fit_temperature
from inference.over_dataset import run_inference
from inference.reader import Reader
from models.metrics import sequence_correct, sequence_scores
from tests.training.conftest import command_line
from training import finish, fit
from training.callbacks import (
    EndOfEpoch,
    SeedEpoch,
    averaged_weights,
    gather_labels,
    selected_epoch,
    tensorflow_writes,
)
from training.configuration import configure, read_configuration
from training.distribution import SINGLE_DEVICE
from training.fit import create_optimizer, train
from training.recipes import Recipe
from training.tasks import ReadTask

KILLED = """
import functools, keras, sys, train
keras.Model.compile = functools.partialmethod(keras.Model.compile, run_eagerly=True)
sys.exit(train.main(sys.argv[1:]))
"""


def weights_of(folder):
    return keras.saving.load_model(folder / "model.keras").get_weights()


def history_of(folder):
    """Rows of a run's history, without durations."""
    with (folder / "history.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory, eager):
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    return folder, train(tiny, folder)


@pytest.mark.parametrize(("steps", "momentum"), [(2000, 0.998), (50, 0.95), (2, 0.0)])
def test_the_average_of_weights_forgets_the_start_of_a_short_training(steps, momentum):
    optimizer = create_optimizer(Recipe(epochs=2, ema_momentum=0.998), steps)
    assert optimizer.ema_momentum == pytest.approx(momentum)


@pytest.mark.parametrize(
    ("warmup", "steps", "expected"),
    [
        (0.1, 100, {0: 0, 5: 0.005, 10: 0.01, 55: 0.005, 100: 0}),
        (0.0, 100, {0: 0.01, 50: 0.005, 100: 0}),
        (0.9, 2, {0: 0, 1: 0.01, 2: 0}),
        (0.9, 1, {0: 0.01}),
    ],
)
def test_the_learning_rate_rises_to_that_of_the_recipe_and_ends_at_zero(warmup, steps, expected):
    epochs = min(steps, 2)
    recipe = Recipe(epochs=epochs, learning_rate=0.01, warmup_fraction=warmup)
    optimizer = create_optimizer(recipe, steps // epochs)
    for step, rate in expected.items():
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == pytest.approx(rate, abs=1e-6)


@pytest.mark.parametrize(("clip_norm", "expected"), [(2.0, 2.0), (0.0, None)])
def test_weights_decay_but_not_biases_and_normalization(clip_norm, expected):
    recipe = Recipe(learning_rate=0.1, weight_decay=0.5, clip_norm=clip_norm, warmup_fraction=0.0)
    optimizer = create_optimizer(recipe, 1000)
    assert optimizer.global_clipnorm == expected
    layers = keras.layers.Dense(2, bias_initializer="ones"), keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((2,)), *layers])
    before = model.get_weights()
    optimizer.apply(
        [keras.ops.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables
    )
    kernel, *others = model.get_weights()
    np.testing.assert_allclose(kernel, 0.95 * before[0], rtol=1e-4)
    for value, expected in zip(others, before[1:], strict=True):
        np.testing.assert_array_equal(value, expected)


def test_an_epoch_draws_the_same_dropout_masks_in_any_process():
    """Also in nested layers, whose names depend on what was built before, and in a traced graph."""

    def masks(epochs, seed=1):
        nested = keras.Sequential([keras.layers.Dropout(0.5), keras.layers.Dropout(0.5)])
        model = keras.Sequential([keras.Input((50,)), nested, keras.layers.Dropout(0.5)])
        call = tf.function(lambda images: model(images, training=True))
        callback = SeedEpoch(seed)
        callback.set_model(model)
        for epoch in epochs:
            callback.on_epoch_begin(epoch)
            yield call(np.ones((1, 50), "float32")).numpy()

    before, expected = masks([2, 3])
    (drawn,) = masks([3])
    np.testing.assert_array_equal(drawn, expected)
    (other,) = masks([3], seed=2)
    assert (drawn != before).any() and (drawn != other).any()
    assert (drawn > 0).mean() < 0.4, "an eighth, of three layers that do not draw the same"


def test_steps_that_loss_scaling_skips_count_as_done():
    """Otherwise, the run would resume before its last finished epoch."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=1e38)
    model.compile(optimizer, "mse", run_eagerly=True)
    images, labels = np.ones((4, 2), "float32"), np.full((4, 1), 100.0, "float32")
    validation = tf.data.Dataset.from_tensors((images, labels))
    scores = {"sequence_accuracy": 0.0, "loss": 0.0}
    callback = EndOfEpoch(None, validation, [], 1, "last", SINGLE_DEVICE, lambda *_: scores)
    before = model.get_weights()[0]
    model.fit(images, labels, batch_size=1, verbose=0, callbacks=[callback])
    np.testing.assert_array_equal(model.get_weights()[0], before)
    assert int(model.optimizer.iterations) == 4


@pytest.mark.parametrize("scaled", [False, True])
def test_averaged_weights_are_used_and_given_back(scaled):
    """Also with the loss scaling of mixed_float16, whose optimizer wraps another."""
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer, "mse")
    for _ in range(2):
        model.train_on_batch(np.ones((4, 2)), np.ones((4, 1)))
    trained = model.get_weights()
    averages = [np.asarray(x) for x in optimizer.variables if "average" in x.path]
    with averaged_weights(model):
        np.testing.assert_array_equal(model.get_weights(), averages)
        assert np.abs(model.get_weights()[0] - trained[0]).max() > 1e-4
    np.testing.assert_array_equal(model.get_weights(), trained)

    def scores(outputs, _):
        np.testing.assert_allclose(outputs, [[np.sum(averages)]], rtol=1e-5)
        return {"sequence_accuracy": 0.0, "loss": 0.0}

    validation = tf.data.Dataset.from_tensors((np.ones((1, 2)), np.ones((1, 1))))
    callback = EndOfEpoch(None, validation, [], 1, "last", SINGLE_DEVICE, scores)
    callback.set_model(model)
    callback.set_params({"steps": 2})
    callback.on_epoch_begin(0)
    callback.on_epoch_end(0, {"loss": 0.0})
    np.testing.assert_array_equal(model.get_weights(), trained)


def test_a_run_folder_is_complete(finished, tiny):
    folder, metrics = finished
    names = {path.name for path in folder.iterdir()}
    files = {"config.json", "history.csv", "metrics.json", "model.keras", "tensorboard"}
    assert names == files | {".lock"}
    run = RunFolder(folder)
    assert read_configuration(run.config) == tiny
    assert json.loads(run.config.read_text())["environment"]["backend"] == "tensorflow"
    rows = history_of(folder)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    best = max(rows, key=lambda row: (float(row["val_sequence_accuracy"]), -float(row["val_loss"])))
    assert metrics["epoch"] == int(best["epoch"])
    assert metrics["validation"]["loss"] == float(best["val_loss"])
    assert list((folder / "tensorboard").rglob("events.*"))


def test_the_saved_model_is_the_one_that_was_scored(finished, tiny):
    folder, metrics = finished
    model = keras.saving.load_model(folder / "model.keras")
    data = datasets.load(tiny.validation, "validation", **tiny.input_spec)
    scores = sequence_scores(model.predict(data), gather_labels(data))
    assert scores == pytest.approx(metrics["validation"], abs=1e-5)
    assert getattr(model, "optimizer", None) is None  # a quarter of the file
    validation = run_inference(Reader(folder), tiny.validation, "validation", crop=tiny.crop)
    correct = sequence_correct(validation.predictions.decoded, validation.truth)
    assert metrics["inference"]["sequence_accuracy"] == correct.mean()


@pytest.mark.usefixtures("eager")
def test_a_run_on_crops_is_calibrated_and_evaluated_on_crops(tmp_path):
    data, folder = tmp_path / "photos", tmp_path / "run"
    data.mkdir()
    rows = ["file,label,boxes,split"]
    for index, split in enumerate(2 * ("train", "validation", "test")):
        Image.new("RGB", (32, 16), (10 + index,) * 3).save(data / f"{index}.png")
        rows.append(f"{index}.png,12,4 2 12 14,{split}")
    (data / "labels.csv").write_text("\n".join(rows) + "\n")
    settings = ["steps_per_epoch=1", "input_shape=[16,32,3]", "augmentation=none", "blocks=[1,1]"]
    options = {"recipe": "photos", "crop": "union", "epochs": 1, "batch_size": 2}
    configuration = configure("residual_cnn_tiny", str(data), settings=settings, **options)
    assert train(configuration, folder)["inference"]["max_glimpses"] == 1
    (result,) = compare([str(folder)], str(data), timing=False).results
    assert (result.figures["crop"], result.figures["max_glimpses"]) == ("union", 1)


@pytest.mark.usefixtures("eager")
def test_a_run_of_mixed_precision_is_calibrated(photos, tmp_path):
    settings = ["steps_per_epoch=1", "input_shape=[16,32,3]", "augmentation=none", "blocks=[1,1]"]
    options = {"recipe": "photos", "epochs": 1, "batch_size": 2, "precision": "mixed_bfloat16"}
    configuration = configure("residual_cnn_tiny", str(photos), settings=settings, **options)
    assert train(configuration, tmp_path / "run")["inference"]["max_glimpses"] == 4
    assert keras.config.dtype_policy().name == "float32"
    layers = keras.saving.load_model(tmp_path / "run" / "model.keras").layers
    assert {"bfloat16"} < {layer.compute_dtype for layer in layers}


def test_a_finished_run_without_its_model_is_refused(finished, tiny, tmp_path):
    shutil.copytree(finished[0], tmp_path / "run")
    (tmp_path / "run" / "model.keras").unlink()
    with pytest.raises(RunError, match=r"its model\.keras is missing: restore"):
        train(tiny, tmp_path / "run")
    assert (tmp_path / "run" / "metrics.json").exists()


def test_the_recipe_says_which_epoch_is_selected():
    scores = [(0.5, 1.0), (0.5, 0.9), (0.4, 0.1)]
    rows = [{"val_sequence_accuracy": accuracy, "val_loss": loss} for accuracy, loss in scores]
    assert selected_epoch(rows, "best") is rows[1] and selected_epoch(rows, "last") is rows[2]
    assert selected_epoch([], "best") is selected_epoch([], "last") is None


def test_an_interrupted_run_resumes_to_the_same_end(finished, tiny, tmp_path, caplog):
    folder, metrics = finished
    early = train(tiny, tmp_path, until=2)
    assert (tmp_path / "checkpoint.npz").exists()
    (tmp_path / "metrics.json").unlink()
    with caplog.at_level("INFO"):
        again = train(tiny, tmp_path, until=2)  # stopped after its last epoch
    assert early["epochs"] == again["epochs"] == 2 and early["validation"] == again["validation"]
    assert " train: " not in caplog.text  # no training image is read
    (tmp_path / "metrics.json").unlink()
    assert train(tiny, tmp_path)["validation"] == metrics["validation"]
    assert history_of(folder) == history_of(tmp_path)
    for a, b in zip(weights_of(folder), weights_of(tmp_path), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not (tmp_path / "checkpoint.npz").exists()


def test_kill_9_loses_at_most_the_current_epoch(finished, photos, tmp_path, interpreter):
    """At a random moment; the rerun gives the metrics of an uninterrupted run."""
    folder, metrics = finished
    arguments = command_line(photos, tmp_path / "run", 3)
    process = interpreter(KILLED, *arguments)
    while not (tmp_path / "run" / "history.csv").exists():
        assert process.poll() is None, process.output()
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.3))
    process.kill()
    before = history_of(tmp_path / "run")
    assert command.main(arguments) == 0
    after = history_of(tmp_path / "run")
    assert after[: len(before)] == before and after == history_of(folder)
    resumed = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert resumed["validation"] == metrics["validation"]
    for a, b in zip(weights_of(folder), weights_of(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_run_is_not_trained_again(finished, tiny, caplog):
    folder, metrics = finished
    written = (folder / "model.keras").stat().st_mtime_ns
    (folder / "checkpoint.npz").touch()  # left by a kill at the very end
    with caplog.at_level("INFO"):
        assert train(tiny, folder) == metrics
    assert "is finished" in caplog.text and not (folder / "checkpoint.npz").exists()
    assert (folder / "model.keras").stat().st_mtime_ns == written


def test_a_run_notices_that_labels_have_changed(finished, tiny, tmp_path, caplog):
    run = RunFolder(shutil.copytree(finished[0], tmp_path / "run"))
    content = json.loads(run.config.read_text())
    assert [name.split()[-1] for name in content["labels"]] == ["train", "validation"]
    name = next(iter(content["labels"]))
    run.config.write_text(json.dumps(content | {"labels": {name: "of other labels"}}))
    train(tiny, run.folder)
    assert f"It was trained before labels or images of {name} changed" in caplog.text
    run.metrics.unlink()
    with pytest.raises(RunError, match="cannot be resumed: labels or images of"):
        train(tiny, run.folder)


def test_what_tensorflow_cannot_write_is_one_sentence(tmp_path):
    text = "{{node x}} run/events; No space left on device\n\tFailed to flush 1 events"
    message = r"tensorboard cannot be written: No space left on device \(.* MB free in .*\)\. Free"
    with pytest.raises(OSError, match=message), tensorflow_writes(tmp_path / "tensorboard"):
        raise tf.errors.ResourceExhaustedError(None, None, text)


def test_a_training_that_needs_too_much_memory_says_so(tiny, tmp_path, monkeypatch):
    def fail(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM of [9]\nmore")

    monkeypatch.setattr(fit, "_fit", fail)
    with pytest.raises(ValueError, match="lower --batch-size"):
        train(tiny, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("eager")
def test_a_loss_that_is_not_finite_ends_the_training(tiny, tmp_path):
    recipe = dataclasses.replace(tiny.recipe, learning_rate=1e30, warmup_fraction=0.0)
    with pytest.raises(ValueError, match="lower --learning-rate"):
        train(dataclasses.replace(tiny, recipe=recipe), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_seed_augmentation_and_label_smoothing_reach_the_training(tiny, tmp_path):
    def start(seed, augmentation=tiny.recipe.augmentation, smoothing=0.0):
        recipe = dataclasses.replace(
            tiny.recipe, augmentation=augmentation, label_smoothing=smoothing
        )
        configuration = dataclasses.replace(tiny, seed=seed, recipe=recipe)
        model = fit._create(configuration, RunFolder(tmp_path), None, SINGLE_DEVICE)
        options = {"epochs": 1, "start_epoch": 0, "steps_per_epoch": 1}
        ((images, labels),) = ReadTask(configuration).training(model, **options).as_numpy_iterator()
        loss = model.loss["digits"](labels["digits"], np.zeros((8, 2, 10)) + np.arange(10))
        return model.get_weights()[0], images, float(loss)

    first, other, plain = start(1), start(2), start(1, datasets.Augmentation.none(), 0.3)
    np.testing.assert_array_equal(first[0], plain[0])
    assert (first[0] != other[0]).any()
    assert (first[1] != other[1]).any() and (first[1] != plain[1]).any()
    assert first[2] != plain[2]


def test_the_temperature_is_fitted_on_validation_images_of_all_sources(
    tiny, photos, tmp_path, monkeypatch
):
    rng, results, read = np.random.default_rng(0), {}, []
    digits = {"length": np.ones(50, int), "digits": np.tile([7, -1], (50, 1))}
    for name, scale in (("a", 1.0), ("b", 3.0), ("train", 1.0)):
        logits = {"length": rng.normal(size=(50, 4)), "digits": rng.normal(size=(50, 2, 10))}
        logits["length"][:, 1] += scale
        logits["digits"][:, 0, 7] += scale
        results[name] = SimpleNamespace(predictions=SimpleNamespace(outputs=logits), truth=digits)
        shutil.copytree(photos, tmp_path / name)
    (tmp_path / "train" / "labels.csv").write_text("file,label,split\n000.png,1,train\n")

    def run_inference(_, source, split, *, limit, **__):
        read.append((Path(source).name, split, limit))
        return results[Path(source).name]

    monkeypatch.setattr(finish, "run_inference", run_inference)
    monkeypatch.setattr(finish, "Reader", lambda *_, **__: SimpleNamespace(max_glimpses=1))
    a, b, train = (tmp_path / name for name in results)
    configuration = dataclasses.replace(tiny, dataset=f"{train}:1,{b}:2,{a}:1", validation=str(a))
    inference = finish.calibrate(configuration, RunFolder(tmp_path))
    finish.calibrate(configuration, RunFolder(tmp_path), inference_limit=9)
    assert read == [
        ("a", "validation", None),
        ("b", "validation", 1000),
        ("a", "validation", 9),
        ("b", "validation", 9),
    ]
    both = [(results[name].predictions.outputs, digits) for name in "ab"]
    assert inference["temperature"] == fit_temperature(*both) != fit_temperature(both[0])


@pytest.mark.parametrize(("checkpoint", "epoch"), [("best", 1), ("last", 2)])
def test_the_scores_of_a_run_are_those_of_the_selected_epoch(
    tiny, tmp_path, monkeypatch, checkpoint, epoch
):
    monkeypatch.setattr(finish, "calibrate", lambda *_: {})
    rows = [
        {"epoch": n, "val_sequence_accuracy": accuracy, "val_loss": 1.0, "seconds": 1800.0}
        for n, accuracy in ((1, 0.9), (2, 0.8))
    ]
    recipe = dataclasses.replace(tiny.recipe, checkpoint=checkpoint)
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    configuration = dataclasses.replace(tiny, recipe=recipe)
    metrics = finish.finish(configuration, RunFolder(tmp_path), rows, model)
    assert (metrics["epoch"], metrics["epochs"], metrics["hours"]) == (epoch, 2, 1.0)
    assert metrics["validation"]["sequence_accuracy"] == rows[epoch - 1]["val_sequence_accuracy"]


def test_frozen_fits_a_layer(tiny, tmp_path):
    recipe = dataclasses.replace(tiny.recipe, frozen="stage")
    with pytest.raises(ValueError, match="frozen='stage' fits no layer of deep_cnn"):
        train(dataclasses.replace(tiny, recipe=recipe), tmp_path / "run")


def test_a_damaged_checkpoint_is_named(tiny, tmp_path):
    with open_run(tmp_path, tiny.to_json()) as run:
        run.checkpoint.write_bytes(b"half a file")
    with pytest.raises(RunError, match=r"checkpoint\.npz cannot be read"):
        train(tiny, tmp_path)
