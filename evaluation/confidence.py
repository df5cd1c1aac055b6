"""Figures of confidence: calibration, and accuracy of the images above a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluation.intervals import wilson_interval

TARGETS = (0.95, 0.98, 0.99)
"""Accuracies at which coverage is given; 0.98 as in Goodfellow et al. 2013."""


def calibration_error(correct: np.ndarray, confidence: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width (Naeini et al. 2015), in [0, 1]."""
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(index, weights=correct.astype(float) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(correct))


def reliability(correct: np.ndarray, confidence: np.ndarray, bins: int = 10) -> list[dict]:
    """A reliability diagram: accuracy of readings of similar confidence.

    Returns:
        For each bin that is not empty the mean `confidence`, `accuracy`, its 95 % Wilson
        `interval` and `images`.
    """
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = []
    for value in np.unique(index):
        inside = correct[index == value]
        rows.append(
            {
                "confidence": float(confidence[index == value].mean()),
                "accuracy": float(inside.mean()),
                "interval": wilson_interval(int(inside.sum()), len(inside)),
                "images": len(inside),
            }
        )
    return rows


def coverage_curve(correct: np.ndarray, confidence: np.ndarray, points: int = 200) -> list[dict]:
    """Accuracy of the images above a confidence threshold, for every coverage.

    Coverage is the fraction of images whose confidence reaches the threshold; the others are
    refused. Images of equal confidence are accepted or refused together.

    Args:
        correct: bool (images,), whether every digit and the length are correct.
        confidence: float (images,).
        points: most points of the curve.

    Returns:
        Points with `coverage`, `accuracy` and `threshold`, in ascending order of coverage.
    """
    thresholds, accepted, hits = _sweep(correct, confidence)
    chosen = np.unique(np.linspace(0, len(accepted) - 1, points).round().astype(int))
    return [
        {
            "coverage": float(accepted[index] / len(correct)),
            "accuracy": float(hits[index] / accepted[index]),
            "threshold": float(thresholds[index]),
        }
        for index in chosen
    ]


def choose_threshold(correct: np.ndarray, confidence: np.ndarray, target: float) -> float | None:
    """The lowest threshold at which the accepted images reach an accuracy; None if none does."""
    thresholds, accepted, hits = _sweep(correct, confidence)
    reached = np.flatnonzero(hits >= target * accepted - 1e-9)
    return float(thresholds[reached[-1]]) if len(reached) else None


def coverage_at(
    threshold: float | None, correct: np.ndarray, confidence: np.ndarray
) -> dict[str, Any]:
    """What a threshold gives on some images.

    Returns:
        `threshold`, `coverage`, and the `accuracy` of the accepted images with its 95 %
        `interval`; the last two are None where no image is accepted.
    """
    accepted = np.zeros(len(correct), bool) if threshold is None else confidence >= threshold
    hits, total = int(correct[accepted].sum()), int(accepted.sum())
    return {
        "threshold": threshold,
        "coverage": total / len(correct),
        "accuracy": hits / total if total else None,
        "interval": wilson_interval(hits, total) if total else None,
    }


def _sweep(correct, confidence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each distinct threshold, descending; images accepted by it, and the correct among them."""
    order = np.argsort(-confidence, kind="stable")
    descending = confidence[order]
    last_of_equals = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))
    return descending[last_of_equals], last_of_equals + 1, np.cumsum(correct[order])[last_of_equals]
