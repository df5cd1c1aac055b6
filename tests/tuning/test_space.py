"""Spaces: their defaults are the models as they are, dimensions can be fixed and narrowed."""

import pytest

import models
from training.configuration import configure
from tuning import spaces
from tuning.space import Space, load


def base(model="deep_cnn", dataset="rendered_numbers"):
    return configure(model, dataset)


def space_of(model, *narrowing):
    dataset = "mnist" if models.configuration(model)["max_digits"] == 1 else "rendered_numbers"
    return Space(spaces.of_model(model), base(model, dataset), narrowing)


@pytest.mark.parametrize("model", models.list_models())
def test_every_model_has_a_space_whose_default_is_the_model_as_it_is(model):
    made = space_of(model)
    own = models.configuration(model)
    for key, value in made.settings(made.hyperparameters.values).items():
        if key in own and isinstance(value, list) and isinstance(own[key], int):
            assert value == [own[key]] * len(own["filters"])
        elif key in own:
            assert value == own[key]


def test_a_layer_has_dimensions_only_where_it_is_there():
    made = space_of("deep_cnn")
    values = made.hyperparameters.values
    shallow = made.settings(values | {"blocks": 3, "dense_layers": 0})
    assert len(shallow["filters"]) == len(shallow["kernel_size"]) == 3
    assert shallow["pool_strides"] == [2, 2, 2] and shallow["dense_units"] == []
    deep = made.settings(values | {"blocks": 6, "filters_6": 256, "kernel_size_6": 3})
    assert deep["filters"][-1] == 256 and deep["kernel_size"] == [5, 3, 3, 5, 5, 3]
    rows = {name: only for name, _, _, only in made.describe()}
    assert rows["filters_6"] == "blocks is 6" and rows["filters_3"] == ""
    assert rows["dense_dropout"] == "dense_layers is 1 or 2"


def test_values_that_do_not_apply_are_left_out():
    made = space_of("deep_cnn", "blocks=3..5")
    values = made.hyperparameters.values | {"blocks": 3, "filters_4": 96}
    assert "filters_4" not in made.rounded(values)


def test_real_numbers_keep_four_digits():
    made = space_of("deep_cnn")
    values = made.hyperparameters.values | {"learning_rate": 0.00123456789}
    assert made.settings(values)["learning_rate"] == 0.001235


@pytest.mark.parametrize(
    ("text", "name", "takes"),
    [
        ("blocks=4", "blocks", "fixed: 4"),
        ("blocks=3,5", "blocks", "3, 5"),
        ("blocks=3..4", "blocks", "3 to 4"),
        ("filters_1=40", "filters_1", "fixed: 40"),
        ("filters_1=24..50", "filters_1", "24, 36, 48"),
        ("learning_rate=1e-3", "learning_rate", "fixed: 0.001"),
        ("learning_rate=1e-3..1e-2", "learning_rate", "0.001 to 0.01, log"),
        ("augmentation=0..1", "augmentation", "0 to 1, steps of 0.25"),
    ],
)
def test_a_dimension_is_fixed_or_narrowed(text, name, takes):
    rows = {row[0]: row[1] for row in space_of("deep_cnn", text).describe()}
    assert rows[name] == takes


def test_fixing_the_number_of_layers_takes_the_dimensions_of_the_others_away():
    names = {hp.name for hp in space_of("deep_cnn", "blocks=3", "dense_layers=0").dimensions}
    assert "filters_3" in names and "filters_4" not in names
    assert "dense_units_1" not in names and "dense_dropout" not in names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("block=3", "unknown dimension 'block'. Known: blocks"),
        ("blocks", "a setting is key=value. Received: 'blocks'"),
        ("blocks=many", "blocks takes 3 to 6: int. Received: 'many'"),
        ("blocks=5..3", "a range is low..high, of numbers. Received: blocks=5..3"),
        ("filters_1=37..40", "filters_1 takes 12, 16, 24, 36, 48, none of it from 37 to 40"),
    ],
)
def test_what_does_not_fit_a_dimension_is_said(text, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        space_of("deep_cnn", text)


def test_the_points_of_a_grid_are_counted_with_their_conditions():
    def function(hp, base):
        layers = hp.Int("layers", 1, 2)
        hp.Choice("units_1", [1, 2, 3])
        with hp.conditional_scope("layers", [2]):
            hp.Choice("units_2", [1, 2])
        return {"epochs": layers}

    assert Space(function, base()).combinations() == 3 + 3 * 2


def test_dimensions_that_only_some_values_bring_are_found():
    def function(hp, base):
        return {"x": [hp.Int(f"units_{n}", 1, 9) for n in range(hp.Int("layers", 1, 3))]}

    names = [hp.name for hp in Space(function, base()).dimensions]
    assert sorted(names) == ["layers", "units_0", "units_1", "units_2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def spice(hp, base): return {}", "my.py has no function space"),
        ("def space(hp", "my.py cannot be run: SyntaxError"),
        ("import nothing_of_the_kind", "my.py cannot be run: ModuleNotFoundError"),
    ],
)
def test_a_file_that_is_no_space_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        load(text, "my.py")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def space(hp, base): return 3", "returns a dictionary. Received: 3"),
        ("def space(hp, base): return {'x': 1 / 0}", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_function_that_fails_or_returns_something_else_is_said(text, message):
    with pytest.raises(ValueError, match=message):
        Space(load(text, "my.py"), base())
