"""Figures against independent computations and worked examples."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

import labels
from evaluation import metrics
from models.decoding import DecodedSequences


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_is_scipys(counts):
    right, total = counts
    expected = binomtest(right, total).proportion_ci(method="wilson")
    assert metrics.wilson_interval(right, total) == pytest.approx(tuple(expected), abs=1e-6)


def test_coverage_by_hand():
    right = np.array([1, 1, 0, 1, 1], bool)
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert metrics.coverage(right, confidence, 1.0) == 2 / 5
    assert metrics.coverage(right, confidence, 0.8) == 1.0  # the later right ones pay for it
    assert metrics.coverage(right, confidence, 0.9) == 2 / 5
    assert metrics.coverage(~right, confidence, 0.98) == 0.0


def test_coverage_keeps_equal_confidences_together():
    right = np.array([1, 1, 1, 0], bool)
    assert metrics.coverage(right, np.array([0.9, 0.5, 0.5, 0.5]), 1.0) == 1 / 4


def test_calibration_error_of_known_cases():
    right = np.array([True] * 8 + [False] * 2)
    assert metrics.calibration_error(right, np.full(10, 0.8)) == pytest.approx(0)
    assert metrics.calibration_error(right, np.full(10, 1.0)) == pytest.approx(0.2)


def readings_of(numbers, places=3, confidence=0.5):
    encoded = [labels.encode(number, places) for number in numbers]
    return DecodedSequences(
        np.array([length for length, _ in encoded], np.int32),
        np.stack([digits for _, digits in encoded]),
        np.full(len(numbers), math.log(confidence)),
    )


def truth_of(numbers, places=3):
    read = readings_of(numbers, places)
    return {"length": read.length, "digits": read.digits}


def test_figures_by_hand():
    found = metrics.figures(
        readings_of(["12", "13", "1", "123", ""]),
        truth_of(["12", "12", "12", "1234", ""]),
        np.full(5, 2.0),
    )
    assert found["images"] == 5
    assert found["sequence_accuracy"] == 2 / 5
    assert found["character_accuracy"] == 4 / 6  # "12": 2 of 2, then 1 of 2, then 1 of 2
    assert found["length_accuracy"] == 3 / 5
    assert found["negative_log_likelihood"] == 2
    assert found["by_length"]["4"] == {"images": 1, "right": 0}
    assert found["by_length"]["2"] == {"images": 3, "right": 1}


def test_longer_counts_as_right_only_where_the_model_says_longer():
    truth = truth_of(["12345"])
    assert metrics.sequence_correct(readings_of(["99999"]), truth).all()
    assert not metrics.sequence_correct(readings_of(["123"]), truth).any()


def test_constant_answer_is_the_commonest_training_number():
    read = metrics.constant_answer(["7", "12", "12", "3"], 3, images=2)
    assert read.numbers() == ["12", "12"]
    assert np.exp(read.log_probability) == pytest.approx([0.5, 0.5])


def test_reliability_of_a_worked_example():
    right = np.array([1, 0, 1, 1, 1], bool)
    found = metrics.reliability(right, np.array([0.55, 0.51, 0.97, 0.93, 1.0]))
    assert [one["images"] for one in found] == [2, 3]
    assert [one["accuracy"] for one in found] == [0.5, 1.0]
    assert found[0]["confidence"] == pytest.approx(0.53)
    assert found[1]["interval"] == metrics.wilson_interval(3, 3)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60))
def test_the_coverage_curve_agrees_with_coverage(cases):
    right = np.array([case[0] for case in cases])
    confidence = np.array([case[1] / 20 for case in cases])
    curve = metrics.coverage_curve(right, confidence)
    assert curve[-1]["kept"] == 1.0
    assert curve[-1]["accuracy"] == pytest.approx(right.mean())
    for wanted in (0.5, 0.9):
        best = max((one["kept"] for one in curve if one["accuracy"] >= wanted - 1e-9), default=0.0)
        assert best == pytest.approx(metrics.coverage(right, confidence, wanted))
    for one in curve:
        kept = confidence >= one["threshold"]
        assert one["kept"] == pytest.approx(kept.mean())
        assert one["accuracy"] == pytest.approx(right[kept].mean())


def test_false_readings_by_hand():
    length = np.array([0, 0, 0, 0, 2])
    read = np.array([0, 1, 3, 2, 2])
    found = metrics.false_readings(length, read, np.array([0.99, 0.4, 0.95, 0.99, 0.99]))
    expected = {"images": 4, "any": 0.75, "0.5": 0.5, "0.9": 0.5, "0.98": 0.25}
    assert found == {"false_readings": expected}
    assert metrics.false_readings(length[4:], read[4:], np.array([0.9])) == {}
