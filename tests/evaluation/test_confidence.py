"""Calibration and coverage: by hand, against SciPy and scikit-learn, and as properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binned_statistic
from sklearn.calibration import calibration_curve

from evaluation.confidence import (
    calibration_error,
    choose_threshold,
    coverage_at,
    coverage_curve,
    reliability,
)
from evaluation.intervals import wilson_interval


@pytest.fixture(scope="module")
def judged():
    """Whether 4,000 readings are correct, and a confidence that is a little too high."""
    rng = np.random.default_rng(0)
    confidence = rng.beta(4, 1, 4000)
    return rng.random(4000) < confidence**1.3, confidence


def test_calibration_error_is_the_weighted_gap_of_scipys_bins(judged):
    correct, confidence = judged
    edges = np.linspace(0, 1, 16)
    means, _, _ = binned_statistic(confidence, [correct, confidence], "mean", edges)
    counts, _, _ = binned_statistic(confidence, correct, "count", edges)
    expected = (counts / len(correct) * np.nan_to_num(np.abs(means[0] - means[1]))).sum()
    assert expected > 0.01
    assert calibration_error(correct, confidence) == pytest.approx(expected)


def test_reliability_is_scikit_learns_calibration_curve(judged):
    correct, confidence = judged
    accuracies, confidences = calibration_curve(correct, confidence, n_bins=10)
    rows = reliability(correct, confidence)
    assert [row["accuracy"] for row in rows] == pytest.approx(accuracies.tolist())
    assert [row["confidence"] for row in rows] == pytest.approx(confidences.tolist())
    last = correct[confidence >= 0.9]
    assert rows[-1]["images"] == len(last)
    assert rows[-1]["interval"] == wilson_interval(int(last.sum()), len(last))


def test_thresholds_by_hand():
    correct = np.array([1, 1, 0, 1, 1], bool)
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert choose_threshold(correct, confidence, 1.0) == 0.8
    assert choose_threshold(correct, confidence, 0.8) == 0.5  # the later ones make up for it
    assert choose_threshold(~correct, confidence, 0.98) is None
    ties = np.array([0.9, 0.5, 0.5, 0.5])  # accepted or refused together
    assert choose_threshold(np.array([1, 1, 1, 0], bool), ties, 1.0) == 0.9


def test_a_threshold_from_other_images_is_scored_as_it_is():
    correct, confidence = np.array([1, 0, 1, 1], bool), np.array([0.9, 0.8, 0.7, 0.2])
    at = coverage_at(0.7, correct, confidence)
    assert (at["coverage"], at["accuracy"]) == (0.75, pytest.approx(2 / 3))
    assert at["interval"] == wilson_interval(2, 3)
    for threshold in (None, 0.95):
        at = coverage_at(threshold, correct, confidence)
        assert (at["coverage"], at["accuracy"], at["interval"]) == (0.0, None, None)


@settings(deadline=None)  # SciPy's first call takes long
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60))
def test_the_curve_and_the_threshold_agree(cases):
    correct = np.array([case[0] for case in cases])
    confidence = np.array([case[1] / 20 for case in cases])
    curve = coverage_curve(correct, confidence)
    assert curve[-1]["coverage"] == 1.0
    for point in curve:
        at = coverage_at(point["threshold"], correct, confidence)
        assert (at["coverage"], at["accuracy"]) == pytest.approx(
            (point["coverage"], point["accuracy"])
        )
    for target in (0.5, 0.9):
        best = max((p["coverage"] for p in curve if p["accuracy"] >= target - 1e-9), default=0.0)
        chosen = choose_threshold(correct, confidence, target)
        assert coverage_at(chosen, correct, confidence)["coverage"] == pytest.approx(best)
