"""Candidates: settings become configurations, and what costs too much is refused."""

import pytest

import models
from training.configuration import configure
from tuning.candidates import candidate, parse_limits, refusal


@pytest.fixture
def base():
    """Twelve epochs of 100 steps of 32 images."""
    return configure(
        "deep_cnn_tiny",
        "rendered_numbers",
        epochs=12,
        batch_size=32,
        settings=["steps_per_epoch=100", "ema_momentum=0.99"],
    )


def test_without_settings_at_full_length_it_is_the_base(base):
    assert candidate(base, {}, 100) == base


def test_settings_reach_the_model_the_recipe_and_the_augmentation(base):
    made = candidate(base, {"filters": [8, 8, 8], "weight_decay": 0.5, "augmentation": 0.5}, 100)
    assert made.arguments["filters"] == [8, 8, 8]
    assert made.recipe.weight_decay == 0.5
    assert made.recipe.augmentation.rotation == base.recipe.augmentation.rotation / 2
    assert made.recipe.augmentation.erase_size == base.recipe.augmentation.erase_size
    with pytest.raises(ValueError, match=r"unknown setting 'filter'\. Known: filters"):
        candidate(base, {"filter": 3}, 100)


def test_a_trial_is_shorter_and_averages_over_the_same_share_of_it(base):
    made = candidate(base, {}, 100, (3, 20)).recipe
    assert (made.epochs, made.steps_per_epoch) == (3, 20)
    assert made.ema_momentum == pytest.approx(0.99**20)


def test_an_epoch_has_as_many_images_whatever_the_batch(base):
    for length, steps in ((None, 50), ((3, 20), 10)):
        made = candidate(base, {"batch_size": 64}, 100, length).recipe
        assert (made.batch_size, made.steps_per_epoch) == (64, steps)
    assert made.ema_momentum == pytest.approx(0.99**40)


def test_an_epoch_of_all_images_stays_one_at_full_length():
    base = configure("shallow_cnn", "mnist")
    assert base.recipe.steps_per_epoch is None
    made = candidate(base, {"batch_size": 64}, 430)
    assert made.recipe.steps_per_epoch is None
    assert made.recipe.ema_momentum == pytest.approx(base.recipe.ema_momentum**0.5)


def test_limits_are_read():
    found = parse_limits(["50M", "parameters=1.5k", "milliseconds=2.5"])
    assert found == {"multiply_adds": 50e6, "parameters": 1500.0, "milliseconds": 2.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parametres=2M", "unknown limit 'parametres'. Known: parameters"),
        ("many", "a limit is a number such as 50M, 800k or 2.5. Received: 'many'"),
        ("parameters=-3", "a limit is a number"),
        ("0", "a limit is a number"),
    ],
)
def test_a_limit_that_is_none_is_said(text, message):
    with pytest.raises(ValueError, match=message):
        parse_limits([text])


def test_a_candidate_over_a_limit_is_refused_and_one_at_it_is_not(base):
    model = models.create(base.model, **base.arguments)
    for name, cost in (
        ("parameters", model.count_params()),
        ("multiply_adds", models.multiply_adds(model)),
    ):
        assert refusal(base, {name: cost}) is None
        assert name.replace("_", "-") in refusal(base, {name: cost - 1})
    assert "milliseconds" in refusal(base, {"milliseconds": 1e-6})


def test_what_cannot_be_built_is_refused_with_the_reason(base):
    made = candidate(base, {"pool_strides": [2]}, 100)
    assert "pool_strides has one value for each of 3 blocks" in refusal(made, {"parameters": 1e9})
