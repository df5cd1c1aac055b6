"""Intervals: against published examples, by simulation, and in agreement with their tests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluation.intervals import (
    clustered_interval,
    paired_interval,
    paired_p_value,
    wilson_interval,
)
from evaluation.paired import compare_pairs


def test_character_interval_covers_where_digits_of_an_image_are_wrong_together():
    """A tenth of the images is misread almost entirely, as blurred ones are."""
    rng = np.random.default_rng(0)
    expected = 0.1 * 0.3 + 0.9 * 0.995
    covered, covered_by_digits = 0, 0
    for _ in range(200):
        total = rng.integers(1, 6, 400)
        correct = rng.binomial(total, np.where(rng.random(400) < 0.1, 0.3, 0.995))
        low, high = clustered_interval(correct, total)
        covered += low <= expected <= high
        low, high = wilson_interval(int(correct.sum()), int(total.sum()))
        covered_by_digits += low <= expected <= high
    assert covered / 200 > 0.92
    assert covered_by_digits / 200 < 0.85  # what counting digits as independent would cover


@pytest.mark.parametrize(
    ("correct", "total", "interval"),
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_interval_equals_published_examples(correct, total, interval):
    """Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I."""
    assert wilson_interval(correct, total) == pytest.approx(interval, abs=5e-5)


def test_character_interval_of_perfect_and_empty_readings():
    ones = np.ones(50, int)
    low, high = clustered_interval(3 * ones, 3 * ones)
    assert high == 1.0 and 0.9 < low < 0.95  # as 50 of 50, not as 150 of 150
    assert clustered_interval(0 * ones, 3 * ones)[0] == 0.0
    assert clustered_interval(0 * ones, 0 * ones) == (0.0, 1.0)


def test_character_interval_by_hand():
    """The residuals of 3 of 5 digits are 0.8, -0.6 and -0.2; an image without digits has none."""
    low, high = clustered_interval(np.array([2, 0, 1, 0]), np.array([2, 1, 2, 0]))
    effective = 0.24 / (3 / 2 * 1.04 / 5**2)
    hits = 0.6 * effective
    assert low == pytest.approx(stats.beta.ppf(0.025, hits, effective - hits + 1))
    assert high == pytest.approx(stats.beta.ppf(0.975, hits + 1, effective - hits))
    # At most as many trials as digits: Clopper and Pearson's interval of 6 of 12.
    interval = clustered_interval(np.array([2, 1, 2, 1]), np.full(4, 3))
    assert interval == pytest.approx((0.2109, 0.7891), abs=1e-4)


def test_paired_interval_of_published_examples():
    """Tango 1998: 12 against 2 of 50, and 0 against 0 of N, z² / (N + z²)."""
    assert paired_interval(12, 2, 50) == pytest.approx((0.0611, 0.3447), abs=1e-4)
    half = 1.959964**2 / (44 + 1.959964**2)
    assert paired_interval(0, 0, 44) == pytest.approx((-half, half), abs=1e-4)
    low, high = paired_interval(0, 10_000, 10_000)  # a difference of all images
    assert low == -1 and high == pytest.approx(-1, abs=1e-3)


@given(
    st.integers(1, 500).flatmap(
        lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n))
    ),
    st.sampled_from([0.95, 0.995]),
)
def test_paired_interval_and_p_value_agree(counts, level):
    first, second, images = counts
    second = min(second, images - first)
    low, high = paired_interval(first, second, images, level)
    assert -1 <= low <= (first - second) / images <= high <= 1
    assert (paired_p_value(first, second) < 1 - level) == (not low <= 0 <= high)


@pytest.mark.parametrize("models", [2, 4])
@pytest.mark.parametrize("lead", range(1, 15))
def test_verdict_interval_and_p_value_of_a_pair_agree(models, lead):
    """Among them 5 to 0 of 402, where an interval once excluded 0 and the verdict did not."""
    worse = np.ones(402, bool)
    worse[:lead] = False
    results = {"better": np.ones(402, bool), "worse": worse}
    results |= {f"other {index}": worse for index in range(models - 2)}
    pair = compare_pairs(results)[0]
    significant = pair.verdict == "better is better than worse"
    assert significant == (pair.p < 0.05) == (pair.interval[0] > 0)
    assert significant or pair.verdict == "no significant difference between better and worse"
    assert pair.to_json()["verdict"] == pair.verdict


def test_pairs_are_counted_in_order():
    a, b = np.array([1, 1, 1, 0], bool), np.array([0, 1, 0, 1], bool)
    (pair,) = compare_pairs({"a": a, "b": b})
    assert (pair.first, pair.first_only, pair.second_only) == ("a", 2, 1)
    assert pair.difference == pytest.approx(0.25)
    a, b = np.ones((2, 50), bool)
    a[:2], b[2:14] = False, False  # Tango's 12 against 2: z is 10 / √14
    (pair,) = compare_pairs({"a": a, "b": b})
    assert pair.p_text == "p = 0.0075"
    (pair,) = compare_pairs({"blind": np.zeros(3000, bool), "seeing": np.ones(3000, bool)})
    assert pair.p_text == "p < 0.0001" and pair.verdict == "seeing is better than blind"
