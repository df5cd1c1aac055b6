"""The temperature that makes confidence mean what it says."""

import numpy as np
import pytest

from inference.calibration import RANGE, fit_temperature


def exaggerated(rng, count, exaggeration):
    """Outputs, exaggerated by a factor, and labels drawn from the distributions without it."""
    outputs = {
        "length": 2 * rng.normal(size=(count, 5)),
        "digits": 3 * rng.normal(size=(count, 3, 10)),
    }
    # The largest of logits with Gumbel noise is a sample of their distribution.
    length, digits = (
        (logits + rng.gumbel(size=logits.shape)).argmax(-1) for logits in outputs.values()
    )
    present = np.arange(3) < np.where(length > 3, 0, length)[:, None]
    truth = {"length": length, "digits": np.where(present, digits, -1)}
    return {name: exaggeration * logits for name, logits in outputs.items()}, truth


@pytest.mark.parametrize("exaggeration", [0.5, 1.0, 2.5])
def test_overconfidence_is_undone(exaggeration):
    sample = exaggerated(np.random.default_rng(0), 4000, exaggeration)
    assert fit_temperature(sample) == pytest.approx(exaggeration, rel=0.05)


def test_a_model_that_is_always_correct_gets_the_lowest_temperature():
    truth = {"length": np.ones(8, int), "digits": np.tile([4, -1, -1], (8, 1))}
    outputs = {"length": np.zeros((8, 5)), "digits": np.zeros((8, 3, 10))}
    outputs["length"][:, 1] = outputs["digits"][:, 0, 4] = 1.0
    assert fit_temperature((outputs, truth)) == pytest.approx(RANGE[0], rel=0.01)


def test_each_kind_of_image_has_the_same_weight():
    """Where few images ask for 2 and many for 0.5, the answer lies between, not at the many's."""
    rng = np.random.default_rng(1)
    few, many = exaggerated(rng, 500, 2.0), exaggerated(rng, 5000, 0.5)
    both = fit_temperature(few, many)
    assert both == pytest.approx(fit_temperature(few, exaggerated(rng, 500, 0.5)), rel=0.1)
    assert fit_temperature(many) < 0.6 < both < 1.9 < fit_temperature(few)
