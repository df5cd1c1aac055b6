"""Runs of a locator, on a folder of images with several numbers."""

import csv

import cv2
import numpy as np
import pytest

import models
import train as command
from artifacts.files import read_json
from training.configuration import configure

SETTINGS = ["input_shape=[64,64,3]", "steps_per_epoch=2", "ema_momentum=0.5", "filters=[8,8,8,8]"]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """A folder of six images with two numbers each."""
    folder = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(0)
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "label", "boxes", "split"])
        for index in range(6):
            image = rng.integers(0, 60, (80, 100, 3), dtype=np.uint8)
            for label, (left, top) in (("12", (5, 8)), ("34", (50, 45))):
                image[top : top + 20, left : left + 40] += 150
                split = "validation" if index > 3 else "train"
                rows.writerow(
                    [f"{index}.png", label, f"{left} {top} {left + 40} {top + 20}", split]
                )
            cv2.imwrite(str(folder / f"{index}.png"), image)
    return folder


@pytest.mark.usefixtures("eager")
def test_the_run_of_a_locator(scenes, tmp_path, capsys):
    arguments = ["locator_tiny", "--dataset", str(scenes), "--batch-size", "4", "--epochs", "1"]
    arguments += ["--run", str(tmp_path), *(x for s in SETTINGS for x in ("--set", s))]
    assert command.main(arguments) == 0
    shown = capsys.readouterr().out
    assert "average precision" in shown and f"export.py {tmp_path} --format onnx" in shown
    metrics = read_json(tmp_path / "metrics.json")
    assert {"average_precision", "loss", "recall"} <= set(metrics["validation"])
    assert 0 < metrics["inference"]["threshold"] < 1 and metrics["epochs"] == 1
    assert set(metrics["data"]) == {f"{scenes} train", f"{scenes} validation"}
    assert models.load(tmp_path).output_shape == (None, 8, 8, 9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": "union"}, "whole images: leave --crop out"),
        ({"settings": ["label_smoothing=0.1"]}, "no label_smoothing"),
        ({"settings": ["input_shape=[None,None,3]"]}, "images of one size"),
        ({"settings": ["max_digits=5"]}, "unknown setting 'max_digits'"),
    ],
)
def test_what_a_locator_has_not_is_an_error(options, message, scenes, tmp_path):
    from training.fit import train

    with pytest.raises(ValueError, match=message):
        train(configure("locator_tiny", str(scenes), **options), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_validation_without_a_number_is_an_error(scenes, tmp_path):
    from training.fit import train

    table = scenes / "none.csv"
    rows = ["file,label,boxes,split", "0.png,12,5 8 45 28,train", "4.png,,,validation"]
    table.write_text("\n".join(rows))
    configuration = configure("locator_tiny", str(table), settings=SETTINGS)
    with pytest.raises(ValueError, match=r"none\.csv has no number in its validation split"):
        train(configuration, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_recipe_of_a_locator_is_its_own():
    configuration = configure("locator", "rendered_scenes")
    assert configuration.recipe.steps_per_epoch == 500
    assert configuration.arguments == models.configuration("locator")
