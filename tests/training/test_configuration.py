"""Configurations: from the command line, to JSON and back, with errors that help."""

import json
from dataclasses import replace

import pytest

import models
from datasets import Augmentation
from training import recipes
from training.configuration import Configuration, configure, default_folder, normalize
from training.fit import train
from training.tasks import check_buildable


def test_goes_to_json_and_back():
    configuration = configure("deep_cnn", "mnist_numbers", seed=3, settings=["dense_units=64,32"])
    assert configuration.arguments["dense_units"] == [64, 32]
    assert Configuration.from_json(json.loads(json.dumps(configuration.to_json()))) == configuration


def test_the_model_follows_the_data():
    assert configure("shallow_cnn", "mnist").arguments["input_shape"] == [28, 28, 1]
    numbers = configure("shallow_cnn", "mnist_numbers").arguments
    assert numbers["max_digits"] == 5 and numbers["input_shape"][2] == 1
    photos = configure("residual_cnn", "rendered_numbers").arguments
    assert photos["input_shape"] == [48, 96, 3]


def test_settings_reach_the_model_the_recipe_and_the_augmentation():
    configuration = configure(
        "deep_cnn",
        "mnist_numbers",
        settings=["dense_dropout=0.1", "weight_decay=1", "augmentation.blur=0.5"],
        epochs=2,
    )
    assert configuration.arguments["dense_dropout"] == 0.1
    assert configuration.recipe.weight_decay == 1.0 and configuration.recipe.epochs == 2
    assert configuration.recipe.augmentation.blur == 0.5
    preset = recipes.get_recipe("numbers").augmentation
    assert configuration.recipe.augmentation.rotation == preset.rotation
    half = configure("deep_cnn", "mnist_numbers", settings=["augmentation=0.5"])
    assert half.recipe.augmentation.rotation == preset.rotation / 2
    off = configure(
        "deep_cnn", "mnist_numbers", settings=["augmentation=none", "normalization=none"]
    )
    assert off.arguments["normalization"] == "none"
    assert off.recipe.augmentation == Augmentation.none()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("filter=3", "unknown setting 'filter'. Known: filters"),
        (
            "wait_decay=3 filter=3",
            "unknown settings 'wait_decay', 'filter'. Known: weight_decay, filters",
        ),
        ("wait_decay=3", "unknown setting 'wait_decay'. Known: weight_decay"),
        ("augmentation.blurr=1", "unknown setting 'augmentation.blurr'. Known: augmentation.blur"),
        ("augmentation=phot", "unknown augmentation 'phot'. Known: photo"),
        ("filters", "a setting is key=value. Received: 'filters'"),
        ("epochs=many", "epochs should be a valid integer. Received: 'many'"),
        ("epochs=True", "epochs should be a valid integer. Received: True"),
        ("epochs=0", "epochs should be greater than or equal to 1. Received: 0"),
        ("steps_per_epoch=0", "steps_per_epoch should be greater than or equal to 1. Received: 0"),
        ("learning_rate=1e999", "learning_rate should be a finite number. Received: inf"),
        ("learning_rate=0", "learning_rate should be greater than 0"),
        ("weight_decay=-1", "weight_decay should be greater than or equal to 0. Received: -1"),
        ("warmup_fraction=1.5", "warmup_fraction should be less than 1. Received: 1.5"),
        ("frozen=(", r"frozen should be a regular expression \(missing \)"),
        ("checkpoint=first", "checkpoint should be 'best' or 'last'. Received: 'first'"),
        ("augmentation.blur=2", "blur is from 0 to 1. Received: 2.0"),
        ("augmentation.blur=high", "blur should be a valid number. Received: 'high'"),
        ("augmentation.blur=1e999", "blur should be a finite number"),
    ],
)
def test_a_wrong_setting_says_what_is_accepted(setting, message):
    with pytest.raises(ValueError, match=message):
        configure("deep_cnn", "mnist_numbers", settings=setting.split())


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("shallow_cnn", "mnist"), {"recipe": "digit"}, r"recipe 'digit'\. Known: digits"),
        (("shallow_cnn", "mnist"), {"precision": "float8"}, "'mixed_bfloat16' or 'mixed_float16'"),
        (("shallow_cnn", "mnist"), {"crop": "tight"}, "crop should be 'full', 'union' or 'square'"),
        (("shallow_cnn", "mnist"), {"seed": -1}, "seed should be greater than or equal to 0"),
        (("shallow_cnn", "mnist"), {"seed": 2**32}, "seed should be less than 4294967296"),
        (("shallow_cnn", "mnist"), {"learning_rate": float("nan")}, "finite number"),
    ],
)
def test_a_wrong_option_says_what_is_accepted(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        configure(*arguments, **options)


def test_a_configuration_that_cannot_be_built_leaves_nothing(tmp_path):
    configuration = configure("deep_cnn", "mnist_numbers", settings=["kernel_size=3,5"])
    with pytest.raises(ValueError, match="one value for each of 5 blocks"):
        train(configuration, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_labels_longer_than_max_digits_give_a_warning_with_the_cure(caplog):
    configuration = configure("deep_cnn_tiny", "mnist_numbers", settings=["max_digits=3"])
    check_buildable(configuration)
    assert "up to 5 digits" in caplog.text and "--set max_digits=5" in caplog.text


@pytest.mark.parametrize(
    ("longest", "weights", "settings", "expected"),
    [
        ("12", None, [], 2),
        ("1234567", None, [], 7),
        ("12", "street_numbers", [], 5),
        ("1", "street_numbers", [], 5),
        ("1234567", "street_numbers", [], 7),
        ("1234567", "street_numbers", ["max_digits=6"], 6),
    ],
)
def test_max_digits_follows_the_labels_of_a_folder(tmp_path, longest, weights, settings, expected):
    (tmp_path / "labels.csv").write_text(f"file,label\na.png,1\nb.png,{longest}\n")
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    configuration = configure("residual_cnn", str(tmp_path), weights=weights, settings=settings)
    assert configuration.arguments["max_digits"] == expected


def test_the_largest_data_set_of_a_mix_decides():
    arguments = configure("deep_cnn", "mnist:1,mnist_numbers:1").arguments
    assert arguments["input_shape"] == [48, 128, 1] and arguments["max_digits"] == 5


@pytest.mark.parametrize(
    ("model", "dataset", "weights", "recipe"),
    [
        ("logistic_regression", "mnist", None, "linear"),
        ("shallow_cnn", "mnist", None, "digits"),
        ("deep_cnn", "mnist_numbers", None, "numbers"),
        ("deep_cnn", "rendered_numbers", None, "photos"),
        ("residual_cnn", "rendered_numbers", "street_numbers", "fine_tuning"),
    ],
)
def test_the_default_recipe_suits_model_and_data(model, dataset, weights, recipe):
    configuration = configure(model, dataset, weights=weights)
    assert configuration.recipe == recipes.get_recipe(recipe)


def test_the_recipes_that_models_name_exist():
    entries = [models.entry(name) for name in models.list_models()]
    assert {entry.recipe for entry in entries} - {None} <= set(recipes.RECIPES)


def test_every_configuration_has_a_folder_of_its_own():
    configuration = configure("deep_cnn", "mnist_numbers")
    assert default_folder(configuration) == default_folder(configure("deep_cnn", "mnist_numbers"))
    assert default_folder(configuration) != default_folder(replace(configuration, seed=1))
    assert default_folder(configuration).name.startswith("deep_cnn-mnist_numbers-")


def test_a_folder_has_the_same_run_with_and_without_a_slash_at_its_end():
    assert normalize("my/photos/") == "my/photos"
    mix = normalize("my/photos/?skip_bad=1:2,more/:1.5,mnist_numbers:1")
    assert mix == "my/photos?skip_bad=1:2,more:1.5,mnist_numbers:1"


def test_a_model_is_built_as_the_weights_it_starts_from():
    card = models.card("street_numbers")
    configuration = configure(None, "rendered_numbers", weights="street_numbers")
    assert (configuration.model, configuration.arguments) == (card["model"], card["arguments"])
    assert configuration.recipe == recipes.get_recipe("fine_tuning")


def test_settings_and_data_overrule_the_weights_arguments():
    configuration = configure(
        "residual_cnn", "mnist_numbers", weights="street_numbers", settings=["blocks=(1,1)"]
    )
    assert configuration.arguments["blocks"] == [1, 1]
    assert configuration.arguments["input_shape"][2] == 1


def test_a_model_named_otherwise_stays_what_it_is():
    configuration = configure("residual_cnn_small", "rendered_numbers", weights="street_numbers")
    assert configuration.arguments == models.configuration("residual_cnn_small")


def test_a_file_alone_does_not_say_its_model(tmp_path):
    (tmp_path / "model.keras").touch()
    with pytest.raises(ValueError, match=r"model\.keras does not say which model it is"):
        configure(None, "mnist", weights=str(tmp_path / "model.keras"))
