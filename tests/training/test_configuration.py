"""Configurations: from the command line, to JSON and back, with errors that help."""

import json
from dataclasses import replace

import pytest

import models
from datasets import Augmentation
from training import recipes
from training.configuration import Configuration, configure, default_folder
from training.recipes import Recipe


def test_goes_to_json_and_back():
    made = configure("deep_cnn", "mnist_numbers", seed=3, settings=["dense_units=64,32"])
    assert made.arguments["dense_units"] == [64, 32]
    assert Configuration.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_the_model_follows_the_data():
    assert configure("shallow_cnn", "mnist").arguments["input_shape"] == [28, 28, 1]
    numbers = configure("shallow_cnn", "mnist_numbers").arguments
    assert numbers["max_digits"] == 5 and numbers["input_shape"][2] == 1
    photos = configure("residual_cnn", "rendered_numbers").arguments
    assert photos["input_shape"] == [48, 96, 3]


def test_settings_reach_the_model_the_recipe_and_the_augmentation():
    made = configure(
        "deep_cnn",
        "mnist_numbers",
        settings=["dense_dropout=0.1", "weight_decay=1", "augmentation.blur=0.5"],
        epochs=2,
    )
    assert made.arguments["dense_dropout"] == 0.1
    assert made.recipe.weight_decay == 1.0 and made.recipe.epochs == 2
    assert made.recipe.augmentation.blur == 0.5
    own = recipes.get_recipe("numbers").augmentation
    assert made.recipe.augmentation.rotation == own.rotation
    half = configure("deep_cnn", "mnist_numbers", settings=["augmentation=0.5"])
    assert half.recipe.augmentation.rotation == own.rotation / 2
    off = configure("deep_cnn", "mnist_numbers", settings=["augmentation=none"])
    assert off.recipe.augmentation == Augmentation.none()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("filter=3", "unknown setting 'filter'. Known: filters"),
        ("wait_decay=3", "unknown setting 'wait_decay'. Known: weight_decay"),
        ("augmentation.blurr=1", "unknown setting 'blurr'. Known: blur"),
        ("augmentation=phot", "unknown augmentation 'phot'. Known: photo"),
        ("filters", "a setting is key=value. Received: 'filters'"),
        ("epochs=many", "epochs is int. Received: 'many'"),
        ("epochs=0", "epochs is at least 1. Received: 0"),
        ("warmup_fraction=1.5", r"warmup_fraction is in \[0, 1\). Received: 1.5"),
        ("augmentation.blur=2", "blur is from 0 to 1. Received: 2.0"),
    ],
)
def test_a_wrong_setting_says_what_is_accepted(setting, message):
    with pytest.raises(ValueError, match=message):
        configure("deep_cnn", "mnist_numbers", settings=[setting])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("deep_cn", "mnist"), "unknown model 'deep_cn'. Known: deep_cnn"),
        (("deep_cnn", "mnits"), "mnist"),
    ],
)
def test_an_unknown_name_lists_the_nearest(arguments, message):
    with pytest.raises(ValueError, match=message):
        configure(*arguments)


def test_an_unknown_recipe_or_precision_lists_the_known():
    with pytest.raises(ValueError, match=r"unknown recipe 'digit'\. Known: digits"):
        configure("shallow_cnn", "mnist", recipe="digit")
    with pytest.raises(ValueError, match="float32, mixed_bfloat16, mixed_float16"):
        configure("shallow_cnn", "mnist", precision="float8")


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_promises_something_and_has_a_quick_variant(name):
    recipe, quick = recipes.get_recipe(name), recipes.get_recipe(f"{name}-quick")
    assert isinstance(recipe, Recipe) and recipes.RECIPES[name].__doc__
    cost = [r.epochs * (r.steps_per_epoch or 1000) for r in (recipe, quick)]
    assert cost[1] * 5 <= cost[0]


def test_every_configuration_has_a_folder_of_its_own():
    made = configure("deep_cnn", "mnist_numbers")
    assert default_folder(made) == default_folder(configure("deep_cnn", "mnist_numbers"))
    assert default_folder(made) != default_folder(replace(made, seed=1))
    assert default_folder(made).name.startswith("deep_cnn-mnist_numbers-")


def test_a_model_is_built_as_the_weights_it_starts_from():
    card = models.card("street_numbers")
    begun = configure(None, "rendered_numbers", weights="street_numbers")
    assert (begun.model, begun.arguments) == (card["model"], card["arguments"])
    assert begun.recipe == recipes.get_recipe("fine_tuning")


def test_settings_and_data_overrule_the_weights_arguments():
    begun = configure(
        "residual_cnn", "mnist_numbers", weights="street_numbers", settings=["blocks=(1,1)"]
    )
    assert begun.arguments["blocks"] == [1, 1]
    assert begun.arguments["input_shape"][2] == 1


def test_a_model_named_otherwise_stays_what_it_is():
    begun = configure("residual_cnn_small", "rendered_numbers", weights="street_numbers")
    assert begun.arguments == models.configuration("residual_cnn_small")


def test_a_file_alone_does_not_say_its_model(tmp_path):
    (tmp_path / "model.keras").touch()
    with pytest.raises(ValueError, match=r"model\.keras does not say which model it is"):
        configure(None, "mnist", weights=str(tmp_path / "model.keras"))
