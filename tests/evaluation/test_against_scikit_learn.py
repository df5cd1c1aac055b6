"""Figures against scikit-learn and SciPy, on drawn confidences and readings."""

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import binned_statistic
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

from evaluation import metrics
from evaluation.mistakes import mistake_figures
from models.decoding import decode_predictions
from models.metrics import negative_log_likelihood


@pytest.fixture(scope="module")
def judged():
    """Whether 4,000 readings are right, and a confidence that is a little too high."""
    rng = np.random.default_rng(0)
    confidence = rng.beta(4, 1, 4000)
    return rng.random(4000) < confidence**1.3, confidence


@pytest.fixture(scope="module")
def digits():
    """Logits of 3,000 single digits, and what they are."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 10, 3000)
    logits = rng.normal(size=(3000, 10))
    logits[np.arange(3000), truth] += 2.0
    return logits, truth


def test_calibration_error_is_the_weighted_gap_of_scipys_bins(judged):
    right, confidence = judged
    edges = np.linspace(0, 1, 16)
    means, _, _ = binned_statistic(confidence, [right, confidence], "mean", edges)
    counts, _, _ = binned_statistic(confidence, right, "count", edges)
    gaps = np.nan_to_num(np.abs(means[0] - means[1]))
    expected = (counts / len(right) * gaps).sum()
    assert expected > 0.01
    assert metrics.calibration_error(right, confidence) == pytest.approx(expected)


def test_reliability_is_scikit_learns_calibration_curve(judged):
    right, confidence = judged
    accuracies, confidences = calibration_curve(right, confidence, n_bins=10, strategy="uniform")
    found = metrics.reliability(right, confidence)
    assert [one["accuracy"] for one in found] == pytest.approx(accuracies.tolist())
    assert [one["confidence"] for one in found] == pytest.approx(confidences.tolist())


def test_figures_of_single_digits(digits):
    logits, truth = digits
    outputs, labels = {"digits": logits[:, None]}, {"digits": truth[:, None].astype(np.int32)}
    readings, loss = decode_predictions(outputs), negative_log_likelihood(outputs, labels)
    read = readings.digits[:, 0]
    found = metrics.figures(readings, labels, loss)
    assert found["sequence_accuracy"] == pytest.approx(accuracy_score(truth, read))
    expected = log_loss(truth, np.exp(log_softmax(logits, axis=1)), labels=range(10))
    assert found["negative_log_likelihood"] == pytest.approx(expected)
    confusion = mistake_figures([str(d) for d in truth], readings.numbers())["digit_confusion"]
    assert np.array_equal(np.array(confusion)[:10, :10], confusion_matrix(truth, read))


def test_confusion_of_lengths():
    rng = np.random.default_rng(2)
    truths, readings = (
        ["".join(rng.choice(list("0123456789"), length)) for length in rng.integers(0, 5, 500)]
        for _ in range(2)
    )
    found = mistake_figures(truths, readings)["length_confusion"]
    expected = confusion_matrix([len(n) for n in truths], [len(n) for n in readings])
    for row in range(5):
        assert [found[str(row)].get(str(column), 0) for column in range(5)] == expected[
            row
        ].tolist()
