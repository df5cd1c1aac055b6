"""Figures of predictions: by hand, against SciPy and scikit-learn, and as properties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from scipy.stats import binned_statistic
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

import labels
from evaluation.figures import (
    box_figures,
    calibration_error,
    choose_threshold,
    constant_answer,
    coverage_at,
    coverage_curve,
    prediction_figures,
    reliability,
)
from evaluation.intervals import wilson_interval
from evaluation.mistakes import mistake_figures
from models.decoding import decode_predictions
from models.metrics import negative_log_likelihood
from number_zoo.predictions import DecodedSequences


def encoded(texts, max_digits):
    pairs = [labels.encode(text, max_digits) for text in texts]
    length, digits = zip(*pairs, strict=True)
    return {"length": np.array(length, np.int32), "digits": np.stack(digits)}


def figures_of(texts, readings, max_digits=3, confidences=None):
    arrays = encoded(readings, max_digits)
    confidences = np.full(len(texts), 0.5) if confidences is None else np.array(confidences)
    decoded = DecodedSequences(arrays["length"], arrays["digits"], np.log(confidences))
    truth = encoded(texts, max_digits)
    return prediction_figures(decoded, truth, texts, np.full(len(texts), 2.0))


def test_figures_by_hand():
    values = figures_of(["12", "12", "12", "123", ""], ["12", "13", "1", "123", ""])
    assert values["images"] == 5
    assert values["sequence_accuracy"] == 3 / 5
    assert values["character_accuracy"] == 7 / 9  # 2 of 2, 1 of 2, 1 of 2, 3 of 3
    assert values["length_accuracy"] == 4 / 5
    assert values["negative_log_likelihood"] == 2
    assert values["by_length"] == {
        "0": {"images": 1, "correct": 1},
        "2": {"images": 3, "correct": 1},
        "3": {"images": 1, "correct": 1},
    }


def test_the_interval_of_characters_is_that_of_images():
    low, high = figures_of(["111"] * 20, ["111"] * 10 + ["222"] * 10)["character_accuracy_interval"]
    assert low < 0.3 and high > 0.7  # as 10 of 20; 30 of 60 would give 0.38 to 0.62


def test_longer_is_never_correct():
    """Neither where the label is too long for the model nor where it is not; in no figure."""
    texts, readings = ["1234567", "12345678", "12", "7"], ["9999", "123", "1234", "7"]
    values = figures_of(texts, readings)
    assert values["sequence_accuracy"] == 1 / 4
    assert values["character_accuracy"] == 1 / 18
    assert values["length_accuracy"] == 2 / 4  # longer than N is not read, but is a length
    assert values["by_length"]["7"] == {"images": 1, "correct": 0}
    assert values["by_length"]["8"] == {"images": 1, "correct": 0}
    mistakes = mistake_figures(texts, ["+", "123", "+", "7"])
    assert sum(mistakes["mistakes"].values()) == 3
    assert all(row["accuracy"] <= 0.25 for row in values["reliability"])


@pytest.mark.parametrize("max_digits", [3, 7, 12])
def test_lengths_are_those_of_the_labels_whatever_a_model_can_read(max_digits):
    values = figures_of(["1", "12345678901", "7654321"], ["1", "2", "3"], max_digits)
    assert list(values["by_length"]) == ["1", "7", "11"]


def test_thresholds_of_other_images_are_used():
    texts = ["1", "2", "3", "4"]
    arrays = encoded(["1", "9", "3", "4"], 1)
    confidence = np.array([0.9, 0.8, 0.7, 0.2])
    decoded = DecodedSequences(arrays["length"], arrays["digits"], np.log(confidence))
    given = {0.95: 0.85, 0.98: 0.7, 0.99: None}
    values = prediction_figures(decoded, encoded(texts, 1), texts, np.zeros(4), given)
    assert [at["coverage"] for at in values["coverage"].values()] == [0.25, 0.75, 0.0]
    assert values["coverage"]["0.98"]["accuracy"] == pytest.approx(2 / 3)


def test_false_positives_by_hand():
    texts, readings = ["", "", "", "", "", "12"], ["", "1", "123", "12", "1234", "12"]
    values = figures_of(texts, readings, 3, [0.99, 0.4, 0.95, 0.99, 0.99, 0.99])
    counts = values["false_positives"]  # "1234" is longer than N, so a refusal
    assert counts["images"] == 5 and counts["interval"] == wilson_interval(3, 5)
    assert counts["rate"] == {"any": 0.6, "0.5": 0.4, "0.9": 0.4, "0.98": 0.2}
    assert "false_positives" not in figures_of(["12"], ["12"])


def test_figures_of_single_digits_are_scikit_learns():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 10, 3000)
    logits = rng.normal(size=(3000, 10))
    logits[np.arange(3000), truth] += 2.0
    outputs, arrays = {"digits": logits[:, None]}, {"digits": truth[:, None].astype(np.int32)}
    decoded, loss = decode_predictions(outputs), negative_log_likelihood(outputs, arrays)
    values = prediction_figures(decoded, arrays, [str(digit) for digit in truth], loss)
    accuracy = (logits.argmax(axis=1) == truth).mean()
    assert values["sequence_accuracy"] == values["character_accuracy"] == pytest.approx(accuracy)
    expected = log_loss(truth, np.exp(log_softmax(logits, axis=1)), labels=range(10))
    assert values["negative_log_likelihood"] == pytest.approx(expected)


def test_constant_answer_is_the_most_common_training_label():
    decoded = constant_answer(["7", "12", "12", "3"], 3, images=2)
    assert decoded.numbers() == ["12", "12"]
    assert decoded.log_probability == pytest.approx([math.log(0.5)] * 2)


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


@settings(deadline=None, max_examples=50)  # SciPy's first call takes long
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


def test_overlap_of_worked_examples():
    boxes = np.float32([[0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 1, 1], [np.nan] * 4])
    others = np.float32([[0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 3, 3], [0, 0, 1, 1]])
    assert box_figures(boxes, others) == {
        "box_overlap": pytest.approx(4 / 9),  # of 1, 1/3 and 0
        "boxes_found": pytest.approx(1 / 3),
    }
    assert box_figures(boxes[3:], others[3:]) == {}
