"""The temperature that makes confidence mean what it says."""

import numpy as np
import pytest

from inference.calibration import RANGE, fit_temperature


def sample_labels(outputs, rng):
    """Labels drawn from the distributions that the outputs state."""

    def sample(logits):
        chances = np.exp(logits - logits.max(-1, keepdims=True))
        chances /= chances.sum(-1, keepdims=True)
        return (chances.cumsum(-1) > rng.random((*logits.shape[:-1], 1))).argmax(-1)

    length = sample(outputs["length"])
    digits = sample(outputs["digits"])
    kept = np.where(length > 3, 0, length)
    return {"length": length, "digits": np.where(np.arange(3) < kept[:, None], digits, -1)}


@pytest.mark.parametrize("exaggeration", [0.5, 1.0, 2.5])
def test_overconfidence_is_undone(exaggeration):
    rng = np.random.default_rng(0)
    outputs = {
        "length": 2 * rng.normal(size=(4000, 5)),
        "digits": 3 * rng.normal(size=(4000, 3, 10)),
    }
    truth = sample_labels(outputs, rng)
    stated = {name: exaggeration * logits for name, logits in outputs.items()}
    assert fit_temperature((stated, truth)) == pytest.approx(exaggeration, rel=0.05)


def test_a_model_that_is_always_correct_gets_the_lowest_temperature():
    truth = {"length": np.ones(8, int), "digits": np.tile([4, -1, -1], (8, 1))}
    outputs = {"length": np.zeros((8, 5)), "digits": np.zeros((8, 3, 10))}
    outputs["length"][:, 1] = outputs["digits"][:, 0, 4] = 1.0
    assert fit_temperature((outputs, truth)) == pytest.approx(RANGE[0], rel=0.01)


def test_each_kind_of_image_has_the_same_weight():
    """Where few images ask for 2 and many for 0.5, the answer lies between, not at the many's."""
    rng = np.random.default_rng(1)

    def kind(count, exaggeration):
        outputs = {
            "length": 2 * rng.normal(size=(count, 5)),
            "digits": 3 * rng.normal(size=(count, 3, 10)),
        }
        truth = sample_labels(outputs, rng)
        return {name: exaggeration * logits for name, logits in outputs.items()}, truth

    few, many = kind(500, 2.0), kind(5000, 0.5)
    both = fit_temperature(few, many)
    assert both == pytest.approx(fit_temperature(few, kind(500, 0.5)), rel=0.1)
    assert fit_temperature(many) < 0.6 < both < 1.9 < fit_temperature(few)
