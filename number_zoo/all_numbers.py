"""Read the located numbers of images: one reading for each number, in reading order."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np

from number_zoo import names
from number_zoo.boxes import intersection_over_union, intersections, reading_order, suppress
from number_zoo.lexicon import Lexicon
from number_zoo.locator import Locations
from number_zoo.predictions import Predict, Predictions
from number_zoo.stacked import read_stacked
from number_zoo.upright import UprightCrop, read_upright

SAME_IOU, SAME_OVERLAP = 0.5, 0.6
"""Two readings are of the same number if the IoU of their boxes is above the first value, or if the
digits of one contain those of the other and the overlap covers more than the second value of the
smaller box."""

CALIBRATION = (1.25, 0.8), -1.03
"""Logistic regression that predicts whether a number is found and read correctly, from the log-odds
of the locator's score and of the reader's confidence: two weights and a bias, fitted with
`conv_transformer.any10` 1.0.0 on 400 validation scenes of `rendered_scenes`, where the calibration
error of `text_transformer.any10` 1.0.0 is 2 %."""

MIN_CONFIDENCE = 0.45
"""Readings of a lower confidence are left out; this value gives the highest F1 on the same
scenes."""

MIN_OPPOSITE = 0.6
"""Minimum confidence of a reading upside down that replaces an uncertain one."""

MIN_BEYOND, WIDENING = 0.25, 1.5
"""If the predicted box extends beyond an end of the located one by the first value or more, the
number is read again in a box that is longer there by the second value; in heights of the number."""

MAX_REJECTED, DOUBT = 4, 1.5
"""If more than the first value of the locations of an image are read as no number, or with a
confidence that is too low, as on a page of text, the odds of each number are divided by their
quotient to the power of the second value."""

MIN_WHOLE = 0.9
"""Minimum confidence of the reading of a whole image in which no located number is read, such as a
close-up; of those below, most are wrong."""


def read_every(
    images: Sequence[np.ndarray],
    locations: Sequence[Locations],
    predict: Predict,
    lexicon: Lexicon | None = None,
) -> list[Predictions]:
    """Read every number of several images: the located ones, with less confidence where much else
    is located; and where none is read, the number that fills the image.

    Args:
        images: uint8 arrays (height, width, 3).
        locations: the locations of the numbers in each image.
        predict: the function that reads the images and crops of them.
        lexicon: the only numbers to read; None for any.

    Returns:
        The predictions of each image as of `read_located`, but without `scores` for a number that
        is read in the whole image.
    """
    located = _read_each(images, locations, predict, lexicon)
    predictions = [_one_each(_doubted(read, rejected)) for read, rejected in located]
    rows = [row for row, read in enumerate(predictions) if not read.arrays]
    if rows:
        whole = _read_whole([images[row] for row in rows], predict, lexicon)
        # Rings, as of wall sockets, are like zeros.
        is_clear = (whole.arrays[names.DIGITS] > 0).any(axis=1)
        is_sure = whole.number_confidence >= MIN_WHOLE
        for at in np.flatnonzero(is_clear & is_sure).tolist():
            predictions[rows[at]] = whole.take([at])
    return predictions


def read_located(
    images: Sequence[np.ndarray],
    locations: Sequence[Locations],
    predict: Predict,
    lexicon: Lexicon | None = None,
) -> list[Predictions]:
    """Read the located numbers of several images.

    Args:
        images: uint8 arrays (height, width, 3).
        locations: the locations of the numbers in each image.
        predict: the function that reads the crops.
        lexicon: the only numbers to read; None for any.

    Returns:
        The predictions of each image: a row for each number, in reading order, with `box` and
        `crop` in pixels of the image, and `turns` and `scores`; `Predictions({})` where there is
        none.
    """
    return [_one_each(read) for read, _ in _read_each(images, locations, predict, lexicon)]


def _read_each(
    images: Sequence[np.ndarray],
    locations: Sequence[Locations],
    predict: Predict,
    lexicon: Lexicon | None,
) -> list[tuple[Predictions, int]]:
    """The predictions of all locations of each image, `Predictions({})` where there are none at
    all, and how many are rejected, whatever the lexicon is."""
    counts = [len(located) for located in locations]
    if not sum(counts):
        return [(Predictions({}), 0)] * len(images)
    rows = [image for image, count in zip(images, counts, strict=True) for _ in range(count)]
    located = Locations.concatenate(locations)
    predictions = _read(rows, located, predict)
    for alternatives, is_better in ((_opposite, _is_surer), (_widened, _is_longer)):
        again, other_located = alternatives(predictions, located)
        if len(again):
            other = _read([rows[row] for row in again], other_located.take(again), predict)
            better = is_better(other, predictions.take(again))
            predictions.put(again[better], other.take(better))
    rejected = predictions.number_confidence < MIN_CONFIDENCE
    if lexicon is not None:  # not before, since an 86 upside down is a 98
        predictions = _calibrated(lexicon.restrict(predictions))
    ranges = [np.arange(*limits) for limits in pairwise(accumulate(counts, initial=0))]
    return [(predictions.take(rows), int(rejected[rows].sum())) for rows in ranges]


def _read(images: Sequence[np.ndarray], located: Locations, predict: Predict) -> Predictions:
    """Read one located number in each image; boxes and crops are in pixels of the image."""
    crops = list(map(UprightCrop.around, images, located.boxes, located.turns.tolist()))
    predictions = read_upright(crops, functools.partial(read_stacked, predict=predict))
    arrays, boxes = predictions.arrays, predictions.boxes  # of the reader, from an enlarged crop
    boxes = np.where(np.isfinite(boxes).all(axis=1, keepdims=True), boxes, located.boxes)
    return _calibrated(Predictions(arrays | {names.BOX: boxes, names.SCORES: located.scores}))


def calibrate(scores: np.ndarray, confidence: np.ndarray | float) -> np.ndarray:
    """The confidence of finding and reading (n,), from the scores of the locator (n,) and the
    confidence of reading alone."""
    (score_weight, confidence_weight), bias = CALIBRATION
    log_odds = score_weight * _log_odds(scores) + confidence_weight * _log_odds(confidence) + bias
    return 1 / (1 + np.exp(-log_odds))


def _calibrated(predictions: Predictions) -> Predictions:
    """The predictions with the confidence of `calibrate`."""
    arrays = predictions.arrays
    confidence = calibrate(arrays[names.SCORES], arrays[names.CONFIDENCE])
    return Predictions(arrays | {names.CONFIDENCE: confidence})


def _doubted(predictions: Predictions, rejected: int) -> Predictions:
    """The predictions of an image with less confidence, the more of its locations are rejected."""
    if rejected <= MAX_REJECTED:
        return predictions
    confidence = predictions.arrays[names.CONFIDENCE]
    factor = (rejected / MAX_REJECTED) ** DOUBT
    confidence = confidence / (confidence + (1 - confidence) * factor)
    return Predictions(predictions.arrays | {names.CONFIDENCE: confidence})


def _read_whole(
    images: Sequence[np.ndarray], predict: Predict, lexicon: Lexicon | None
) -> Predictions:
    """Read one number in each image; the box of a reader without boxes is its last glimpse."""
    predictions = predict(images, [None] * len(images))
    if lexicon is not None:
        predictions = lexicon.restrict(predictions)
    has_box = np.isfinite(predictions.boxes).all(axis=1, keepdims=True)
    boxes = np.where(has_box, predictions.boxes, predictions.crops)
    turns = np.zeros(len(images), np.int32)
    return Predictions(predictions.arrays | {names.BOX: boxes, names.TURNS: turns})


def _opposite(predictions: Predictions, located: Locations) -> tuple[np.ndarray, Locations]:
    """Rows of low confidence, and all locations upside down: a locator predicts upside-down numbers
    to be upright more often than the reverse."""
    unsure = np.flatnonzero(predictions.number_confidence < MIN_CONFIDENCE)
    return unsure, replace(located, turns=(located.turns + 2) % 4)


def _is_surer(other: Predictions, first: Predictions) -> np.ndarray:
    """Bool (rows,): whether `other` has a sufficient confidence, and a higher one than `first`."""
    return other.number_confidence > np.maximum(first.number_confidence, MIN_OPPOSITE)


def _widened(predictions: Predictions, located: Locations) -> tuple[np.ndarray, Locations]:
    """Rows whose number may extend beyond its crop, and all locations, with longer boxes for
    these."""
    turns = predictions.arrays[names.TURNS]
    outward = np.float32([-1, -1, 1, 1])
    sizes = located.boxes[:, 2:] - located.boxes[:, :2]
    heights = np.maximum(sizes.min(axis=1, keepdims=True), 1e-3)
    beyond = (predictions.boxes - located.boxes) * outward / heights
    cut = (np.arange(4) % 2 == turns[:, None] % 2) & (beyond >= MIN_BEYOND)  # at its two ends
    boxes = located.boxes + outward * heights * np.where(cut, beyond + WIDENING, 0)
    rows = np.flatnonzero(cut.any(axis=1) & (predictions.number_confidence >= MIN_CONFIDENCE))
    return rows, replace(located, boxes=boxes.astype(np.float32), turns=turns)


def _is_longer(other: Predictions, first: Predictions) -> np.ndarray:
    """Bool (rows,): whether the digits of `other` contain those of `first` and more."""
    pairs = zip(other.decoded.numbers(), first.decoded.numbers(), strict=True)
    longer = [len(new) > len(old) and old.rstrip("+") in new for new, old in pairs]
    return np.array(longer) & (other.number_confidence >= MIN_CONFIDENCE)


def _log_odds(probability: np.ndarray | float) -> np.ndarray:
    probability = np.clip(probability, 1e-4, 1 - 1e-4)
    return np.log(probability / (1 - probability))


def _one_each(predictions: Predictions) -> Predictions:
    """One row for each number, in reading order: without uncertain rows and duplicates."""
    if not predictions.arrays:
        return predictions
    numbers = predictions.decoded.numbers()
    rows = np.flatnonzero(predictions.number_confidence >= MIN_CONFIDENCE)
    if not len(rows):
        return Predictions({})
    boxes = predictions.boxes[rows]
    areas = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-9)
    covered = intersections(boxes) / np.minimum(areas[:, None], areas[None])
    texts = [numbers[row].rstrip("+") for row in rows]
    alike = np.array([[a in b or b in a for b in texts] for a in texts])
    same = (covered > SAME_OVERLAP) & alike | (intersection_over_union(boxes) > SAME_IOU)
    confidence, lengths = (
        predictions.arrays[name][rows] for name in (names.CONFIDENCE, names.LENGTH)
    )
    parts = same & alike & (lengths[:, None] > lengths)
    rows = rows[suppress(same, confidence + _are_whole(parts, same, confidence))]
    return predictions.take(rows[reading_order(predictions.boxes[rows])])


def _are_whole(parts: np.ndarray, same: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Which readings are more likely than several separate numbers: all parts of a reading would
    have to be numbers of their own, and single digits of a meter are each read with confidence.

    Args:
        parts: bool (n, n), whether the second reading is a part of the first.
        same: bool (n, n), which readings exclude each other.
        confidence: (n,).

    Returns:
        Bool (n,).
    """
    whole = np.zeros(len(confidence), bool)
    for row, is_part in enumerate(parts):
        within = np.flatnonzero(is_part)
        separate = within[suppress(same[np.ix_(within, within)], confidence[within])]
        whole[row] = len(separate) > 1 and confidence[separate].prod() < confidence[row]
    return whole
