"""Figures of one model's readings, each from arrays, in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import labels
from models.decoding import DecodedSequences
from models.metrics import sequence_correct, true_length

ACCURACIES = (0.95, 0.98, 0.99)
"""Accuracies at which coverage is given; Goodfellow et al. 2013 ask for 0.98 and 0.99."""

SURE = (0.5, 0.9, 0.98)
"""Confidences from which on a false reading would be believed."""


def wilson_interval(right: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Interval for a share (Wilson 1927); 95 % with the default `z`.

    Args:
        right: successes, 0 to `total`.
        total: trials; with none, the interval is all of [0, 1].
        z: quantile of the normal distribution.
    """
    if total == 0:
        return 0.0, 1.0
    share, spread = right / total, z * z / total
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    return max(0.0, middle - half), min(1.0, middle + half)


def coverage(right: np.ndarray, confidence: np.ndarray, accuracy: float) -> float:
    """Largest share of images that can be kept, by confidence, at the wanted accuracy.

    Images under a threshold are refused; of all thresholds at which those kept reach
    `accuracy`, the lowest counts (Goodfellow et al. 2013). Images of equal confidence are kept
    or refused together.

    Args:
        right: bool (images,), whether the number is wholly right.
        confidence: float (images,).
        accuracy: in [0, 1].
    """
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order]
    kept = np.arange(1, len(order) + 1)
    last_of_equals = np.append(sorted_confidence[1:] != sorted_confidence[:-1], True)
    good = last_of_equals & (np.cumsum(right[order]) >= accuracy * kept - 1e-9)
    return float(kept[good].max() / len(order)) if good.any() else 0.0


def calibration_error(right: np.ndarray, confidence: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width (Naeini et al. 2015), in [0, 1]."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=right.astype(float) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))


def reliability(right: np.ndarray, confidence: np.ndarray, bins: int = 10) -> list[dict]:
    """How often readings of about the same confidence are right: a reliability diagram.

    Returns:
        For each bin that is not empty `confidence` (the mean), `accuracy`, its 95 % Wilson
        `interval` and `images`.
    """
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "confidence": float(confidence[which == one].mean()),
            "accuracy": float(right[which == one].mean()),
            "interval": wilson_interval(int(right[which == one].sum()), int((which == one).sum())),
            "images": int((which == one).sum()),
        }
        for one in sorted(set(which.tolist()))
    ]


def coverage_curve(right: np.ndarray, confidence: np.ndarray, points: int = 200) -> list[dict]:
    """Accuracy of the images that are kept, for every share of them kept by confidence.

    Returns:
        Up to `points` of `kept`, `accuracy` and the `threshold` that keeps so many, from the
        fewest kept to all. Images of equal confidence are kept or refused together.
    """
    order = np.argsort(-confidence, kind="stable")
    descending = confidence[order]
    last_of_equals = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))
    running = np.cumsum(right[order])
    chosen = last_of_equals[
        np.unique(np.linspace(0, len(last_of_equals) - 1, points).round().astype(int))
    ]
    return [
        {
            "kept": float((index + 1) / len(order)),
            "accuracy": float(running[index] / (index + 1)),
            "threshold": float(descending[index]),
        }
        for index in chosen
    ]


def false_readings(
    length: np.ndarray, read_length: np.ndarray, confidence: np.ndarray
) -> dict[str, Any]:
    """How often digits are read where there are none.

    Args:
        length: true lengths (images,).
        read_length: lengths that were read (images,).
        confidence: float (images,).

    Returns:
        `false_readings`: of `images` without a number, the share that a number was read in,
        `any` at all and with a confidence of at least each of `SURE`; nothing where every image
        has a number.
    """
    empty = length == 0
    if not empty.any():
        return {}
    fooled = read_length[empty] > 0
    shares = {str(p): float((fooled & (confidence[empty] >= p)).mean()) for p in SURE}
    found = {"images": int(empty.sum()), "any": float(fooled.mean()), **shares}
    return {"false_readings": found}


def figures(
    readings: DecodedSequences, truth: dict[str, np.ndarray], loss: np.ndarray
) -> dict[str, Any]:
    """All figures of a model's readings.

    Args:
        readings: what `models.read_out` gives for all images.
        truth: labels of all images: `digits` (images, N) and, for N > 1, `length`.
        loss: −log P(S|X) of the true numbers, (images,).

    Returns:
        Values for JSON. Shares are in [0, 1]; `…_interval` is the 95 % Wilson interval.
    """
    right = sequence_correct(readings, truth)
    length, digits = true_length(truth), np.asarray(truth["digits"])
    present = digits != labels.ABSENT
    right_characters = int((present & (readings.digits == digits)).sum())
    confidence = np.exp(readings.log_probability)
    right_lengths = int((readings.length == length).sum())
    total, characters = len(right), int(present.sum())
    return {
        "images": total,
        "sequence_accuracy": float(right.mean()),
        "sequence_accuracy_interval": wilson_interval(int(right.sum()), total),
        "character_accuracy": right_characters / max(characters, 1),
        "character_accuracy_interval": wilson_interval(right_characters, characters),
        "length_accuracy": right_lengths / total,
        "length_accuracy_interval": wilson_interval(right_lengths, total),
        "negative_log_likelihood": float(loss.mean()),
        "calibration_error": calibration_error(right, confidence),
        "reliability": reliability(right, confidence),
        "coverage_curve": coverage_curve(right, confidence),
        "coverage": {str(share): coverage(right, confidence, share) for share in ACCURACIES},
        "by_length": {
            str(n): {"images": int((length == n).sum()), "right": int(right[length == n].sum())}
            for n in sorted(set(length.tolist()))
        },
    } | false_readings(length, readings.length, confidence)


def box_figures(overlaps: np.ndarray) -> dict[str, Any]:
    """Whether numbers are found, apart from whether they are read.

    Args:
        overlaps: intersection over union of found and true boxes; NaN where either is unknown.

    Returns:
        `box_overlap`, the mean, and `boxes_found`, the share that overlaps by a half or more;
        nothing where no box is known.
    """
    known = overlaps[np.isfinite(overlaps)]
    if len(known) == 0:
        return {}
    return {"box_overlap": float(known.mean()), "boxes_found": float((known >= 0.5).mean())}


def constant_answer(train_numbers: list[str], max_digits: int, images: int) -> DecodedSequences:
    """What always answering the commonest training number reads: the floor under every figure."""
    values, counts = np.unique(train_numbers, return_counts=True)
    common = str(values[counts.argmax()])
    length, digits = labels.encode(common, max_digits)
    share = counts.max() / counts.sum()
    return DecodedSequences(
        length=np.full(images, length, np.int32),
        digits=np.tile(digits, (images, 1)),
        log_probability=np.full(images, math.log(share)),
    )
