"""Paired comparisons against sums by hand."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation import paired


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_sum(a, b):
    n, least = a + b, min(a, b)
    tail = sum((Fraction(comb(n, k), 2**n) for k in range(least + 1)), Fraction(0))
    assert paired.mcnemar(a, b) == pytest.approx(float(min(1, 2 * tail)), rel=1e-9)


def test_holm_of_a_worked_example():
    """Four p-values: 0.005 x 4, 0.01 x 3, 0.03 x 2, and the last not below the one before."""
    found = paired.holm([0.01, 0.04, 0.03, 0.005])
    assert found == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_interval_is_that_of_the_normal_approximation_for_many_images():
    low, high = paired.bootstrap_interval(700, 500, 10_000)
    middle, half = 0.02, 1.96 * np.sqrt(1200 - 200**2 / 10_000) / 10_000
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=4e-4)


def test_a_clear_difference_is_said_and_chance_is_not():
    rng = np.random.default_rng(0)
    good = rng.random(2000) < 0.95
    same, worse = good.copy(), good & (rng.random(2000) < 0.9)
    for value in (True, False):  # three images each way
        same[np.flatnonzero(good == value)[:3]] = not value
    pairs = paired.compare_pairs({"good": good, "same": same, "worse": worse})
    assert [pair.verdict for pair in pairs] == [
        "no difference shown between good and same",
        "good is better than worse",
        "same is better than worse",
    ]
    first = pairs[1]
    assert first.difference == pytest.approx(good.mean() - worse.mean())
    assert first.interval[0] < first.difference < first.interval[1]
    assert first.second_only == 0 and first.first_only == (good & ~worse).sum()


def test_a_chance_too_small_for_a_float_is_not_said_to_be_none():
    blind = np.zeros(3000, bool)
    (pair,) = paired.compare_pairs({"blind": blind, "sees": ~blind})
    assert pair.p_corrected == 0
    assert pair.chance == "p < 1e-300"
