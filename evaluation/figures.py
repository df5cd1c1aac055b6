"""Figures of one model's predictions on labelled images: accuracy, calibration, coverage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import labels
from evaluation.intervals import clustered_interval, wilson_interval
from models.metrics import sequence_correct, true_length
from number_zoo.predictions import DecodedSequences

TARGETS = (0.95, 0.98, 0.99)
"""Accuracies at which coverage is computed; 0.98 as in Goodfellow et al. 2013."""

CONFIDENT = (0.5, 0.9, 0.98)
"""Confidence thresholds of the false positive rates."""


def prediction_figures(
    decoded: DecodedSequences,
    truth: dict[str, np.ndarray],
    texts: Sequence[str],
    loss: np.ndarray,
    thresholds: dict[float, float | None] | None = None,
) -> dict[str, Any]:
    """Figures of a model's predictions.

    Args:
        decoded: the sequences read in all images.
        truth: labels as arrays, `digits` (images, N) and, for N > 1, `length`.
        texts: the same labels as text.
        loss: −log P(S|X) of the labels in nats, (images,).
        thresholds: confidence threshold for each accuracy of `TARGETS`, chosen on other
            images; by default they are chosen on the same images, which makes coverage optimistic.

    Returns:
        JSON values; fractions in [0, 1]; `…_interval` is a 95 % interval.
    """
    correct, confidence = sequence_correct(decoded, truth), np.exp(decoded.log_probability)
    if thresholds is None:
        thresholds = choose_thresholds(correct, confidence)
    right_digits = (decoded.digits == truth["digits"]) & (truth["digits"] != labels.ABSENT)
    right_digits, lengths = right_digits.sum(axis=1), np.array([len(text) for text in texts])
    return {
        "images": len(correct),
        "sequence_accuracy": float(correct.mean()),
        "sequence_accuracy_interval": wilson_interval(int(correct.sum()), len(correct)),
        "character_accuracy": float(right_digits.sum() / max(lengths.sum(), 1)),
        "character_accuracy_interval": clustered_interval(right_digits, lengths),
        "length_accuracy": float((decoded.length == true_length(truth)).mean()),
        "negative_log_likelihood": float(loss.mean()),
        "calibration_error": calibration_error(correct, confidence),
        "reliability": reliability(correct, confidence),
        "coverage_curve": coverage_curve(correct, confidence),
        "coverage": {
            str(target): coverage_at(threshold, correct, confidence)
            for target, threshold in thresholds.items()
        },
        "by_length": {
            str(length): {
                "images": int((lengths == length).sum()),
                "correct": int(correct[lengths == length].sum()),
            }
            for length in np.unique(lengths)
        },
    } | _false_positives(lengths, decoded, confidence)


def choose_thresholds(correct: np.ndarray, confidence: np.ndarray) -> dict[float, float | None]:
    """The lowest confidence threshold that reaches each accuracy of `TARGETS`."""
    return {target: choose_threshold(correct, confidence, target) for target in TARGETS}


def _false_positives(lengths, decoded, confidence) -> dict[str, Any]:
    """False positive rates: fractions of images without a number in which one is read."""
    empty = lengths == 0
    if not empty.any():
        return {}
    # Length N + 1, "longer", is a refusal.
    read = (decoded.length[empty] > 0) & (decoded.length[empty] <= decoded.digits.shape[1])
    total = int(empty.sum())
    confident = {str(least): read & (confidence[empty] >= least) for least in CONFIDENT}
    return {
        "false_positives": {
            "images": total,
            "rate": {key: float(hits.mean()) for key, hits in ({"any": read} | confident).items()},
            "interval": wilson_interval(int(read.sum()), total),
        }
    }


def box_figures(boxes: np.ndarray, true_boxes: np.ndarray) -> dict[str, Any]:
    """Figures of predicted boxes, independent of the readings.

    Args:
        boxes: (n, 4), left, top, right and bottom in pixels; NaN if unknown.
        true_boxes: the same of the numbers.

    Returns:
        `box_overlap`, the mean intersection over union, and `boxes_found`, the fraction of 0.5 or
        more; empty if no box is known.
    """
    low = np.maximum(boxes[:, :2], true_boxes[:, :2])
    high = np.minimum(boxes[:, 2:], true_boxes[:, 2:])
    common = np.maximum(high - low, 0).prod(axis=1)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=1) for b in (boxes, true_boxes)]
    overlaps = common / np.maximum(sum(areas) - common, 1e-9)
    known = overlaps[np.isfinite(overlaps)]
    if len(known) == 0:
        return {}
    return {"box_overlap": float(known.mean()), "boxes_found": float((known >= 0.5).mean())}


def constant_answer(train_labels: Sequence[str], max_digits: int, images: int) -> DecodedSequences:
    """Predictions that are always the most common training label: a baseline for every figure."""
    values, counts = np.unique(train_labels, return_counts=True)
    length, digits = labels.encode(str(values[counts.argmax()]), max_digits)
    return DecodedSequences(
        length=np.full(images, length, np.int32),
        digits=np.tile(digits, (images, 1)),
        log_probability=np.full(images, math.log(counts.max() / counts.sum())),
    )


def calibration_error(correct: np.ndarray, confidence: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width (Naeini et al. 2015), in [0, 1]."""
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(index, weights=correct.astype(float) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(correct))


def reliability(correct: np.ndarray, confidence: np.ndarray, bins: int = 10) -> list[dict]:
    """Reliability diagram: accuracy of readings of similar confidence.

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
    """Accuracy of the images above a confidence threshold, over coverage.

    Coverage is the fraction of images whose confidence reaches the threshold; the others are
    refused. Images of equal confidence are accepted or refused together.

    Args:
        correct: bool (images,), whether every digit and the length are correct.
        confidence: float (images,).
        points: maximum number of points of the curve.

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
    """The lowest threshold at which the accepted images reach an accuracy; None if there is
    none."""
    thresholds, accepted, hits = _sweep(correct, confidence)
    reached = np.flatnonzero(hits >= target * accepted - 1e-9)
    return float(thresholds[reached[-1]]) if len(reached) else None


def coverage_at(
    threshold: float | None, correct: np.ndarray, confidence: np.ndarray
) -> dict[str, Any]:
    """Coverage and accuracy of a threshold on some images.

    Returns:
        `threshold`, `coverage`, and the `accuracy` of the accepted images with its 95 %
        `interval`; the last two are None if no image is accepted.
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
    """Each distinct threshold, descending; number of accepted images, and of correct ones among
    them."""
    order = np.argsort(-confidence, kind="stable")
    descending = confidence[order]
    last_of_equals = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))
    return descending[last_of_equals], last_of_equals + 1, np.cumsum(correct[order])[last_of_equals]
