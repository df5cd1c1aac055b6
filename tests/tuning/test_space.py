"""Search spaces: defaults, overrides and errors."""

import pytest

import models
from training.configuration import configure
from tuning.space import Space, load, model_space


def space_of(model, *overrides):
    is_digit = models.configuration(model).get("max_digits") == 1
    dataset = "mnist" if is_digit else "rendered_numbers"
    return Space(model_space(model), configure(model, dataset), overrides)


def test_conditional_hyperparameters_apply_only_where_their_layer_exists():
    space = space_of("deep_cnn")
    shallow = {"blocks": 3, "dense_layers": 0, "filters_4": 96}
    assert "filters_4" not in space.active(shallow)
    settings = space.settings(shallow)
    assert len(settings["filters"]) == 3 and settings["dense_units"] == []
    deep = space.settings({"blocks": 6, "filters_6": 256, "kernel_size_6": 3})
    assert deep["filters"][-1] == 256 and deep["kernel_size"] == [5, 3, 3, 5, 5, 3]
    conditions = {name: condition for name, _, _, condition in space.describe()}
    assert conditions["filters_6"] == "blocks is 6" and conditions["filters_3"] == ""


def test_hyperparameters_of_layers_that_an_override_excludes_are_left_out():
    names = space_of("deep_cnn", "blocks=3..4", "dense_layers=0").names
    assert "filters_4" in names and not {"filters_5", "dense_units_1", "dense_dropout"} & {*names}


def test_real_numbers_are_rounded_to_four_digits():
    assert space_of("deep_cnn").active({"learning_rate": 0.00123456})["learning_rate"] == 0.001235


@pytest.mark.parametrize(
    ("override", "domain", "default"),
    [
        ("blocks=4", "fixed: 4", "4"),
        ("blocks=3,5", "3, 5", "5"),
        ("blocks=3,4", "3, 4", "4"),
        ("blocks=3..4", "3 to 4", "4"),
        ("filters_1=24..50", "24, 36, 48", "24"),
        ("filters_1=10..20", "12, 16", "16"),
        ("learning_rate=1e-3..3e-3", "0.001 to 0.003, log", "0.002"),
        ("learning_rate=3e-3..4e-3", "0.003 to 0.004, log", "0.003"),
        ("augmentation=0..1", "0 to 1, steps of 0.25", "1"),
    ],
)
def test_an_override_fixes_or_narrows_a_hyperparameter(override, domain, default):
    rows = {name: rest for name, *rest in space_of("deep_cnn", override).describe()}
    assert rows[override.partition("=")[0]] == [domain, default, ""]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("block=3", "unknown hyperparameter 'block'. Known: blocks"),
        ("blocks", "a setting is key=value. Received: 'blocks'"),
        ("blocks=many", r"blocks takes 3 to 6 \(int\). Received: 'many'"),
        ("blocks=2", r"blocks takes 3 to 6 \(int\). Received: '2'"),
        ("blocks=3..9", r"blocks takes 3 to 6 \(int\). Received: '3..9'"),
        ("blocks=2..4", r"blocks takes 3 to 6 \(int\). Received: '2..4'"),
        ("blocks=5..3", "a range is low..high, of numbers. Received: blocks=5..3"),
        ("filters_1=37..40", r"filters_1 takes 12, 16, 24, 36, 48 \(int\). Received: '37..40'"),
    ],
)
def test_an_override_outside_the_space_is_an_error_with_the_range(override, message):
    with pytest.raises(ValueError, match=message):
        space_of("deep_cnn", override)


def test_the_grid_has_every_combination_of_values_that_apply_once():
    def function(hp, base):
        layers = hp.Int("layers", 1, 2)
        hp.Choice("units_1", [1, 2, 3])
        with hp.conditional_scope("layers", [2]):
            hp.Int("units_2", 1, 2, step=2, sampling="log")
        return {"epochs": layers}

    points = list(Space(function, configure("deep_cnn", "rendered_numbers")).combinations())
    assert len(points) == len({str(point) for point in points}) == 3 + 3 * 2
    assert all(type(value) is int for point in points for value in point.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def spice(hp, base): return {}", "file has no function space"),
        ("def space(hp", "file cannot be run: SyntaxError"),
        ("import nothing_of_the_kind", "file cannot be run: ModuleNotFoundError"),
        ("def space(hp, base): return 3", "returns a dictionary of settings. Received: 3"),
        ("def space(hp, base): return {'x': 1 / 0}", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_space_file_that_cannot_be_used_is_an_error(text, message):
    with pytest.raises(ValueError, match=message):
        Space(load(text), configure("deep_cnn", "rendered_numbers"))
