"""Read the numbers of a lexicon only, such as those of a race's start list."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from number_zoo import names
from number_zoo.predictions import Predictions, is_number

OUTSIDE = 0.01
"""Factor of the probability of all numbers that are not in the lexicon. On validation images, a
smaller one makes more numbers of the lexicon out of others, a larger one finds fewer of them."""


class Lexicon:
    """The numbers that images can show.

    Args:
        numbers: strings of digits, with the leading zeros that the images show.

    Raises:
        ValueError: if there are no numbers, or some are not strings of digits.
    """

    def __init__(self, numbers: Iterable[str]):
        if isinstance(numbers, str):
            raise TypeError(f"a lexicon is several numbers. Received: one, {numbers!r}")
        distinct = list(dict.fromkeys(numbers))
        bad = [number for number in distinct if not is_number(number)]
        if bad or not distinct:
            received = ", ".join(map(repr, bad[:5])) + ", ..." * (len(bad) > 5)
            raise ValueError(
                "a lexicon has at least one number; each is a string of digits 0 to 9. "
                f"Received: {received or 'none'}"
            )
        self._lengths = np.array([len(number) for number in distinct])
        self._longest = max(distinct, key=len)
        codes = np.array(distinct, bytes).view(np.uint8).reshape(len(distinct), -1)
        absent = np.arange(codes.shape[1]) >= self._lengths[:, None]
        self._digits = np.where(absent, 10, codes - ord("0")).astype(np.uint8)

    def restrict(self, predictions: Predictions) -> Predictions:
        """The predictions among the numbers of the lexicon.

        All other numbers become less probable by the factor `OUTSIDE`. The result is the most
        probable number of the lexicon, or no number if it is more probable that the image shows
        none or one outside of the lexicon.

        Args:
            predictions: of any number of images.

        Raises:
            ValueError: if the lexicon has a number of more digits than the reader reads.
        """
        digit_log_probs = predictions.arrays[names.DIGIT_LOG_PROBS]
        images, positions, _ = digit_log_probs.shape
        if len(self._longest) > positions:
            raise ValueError(
                f"the lexicon has {self._longest}, but this reader reads numbers of at most "
                f"{positions} digits. Leave longer ones out, or use other weights"
            )
        one_digit = np.where(np.arange(positions + 2) == 1, 0.0, -np.inf)  # without this output
        length_log_probs = predictions.arrays.get(
            names.LENGTH_LOG_PROBS, np.tile(one_digit, (images, 1))
        )
        # (images, N, 11): the last class is an absent digit, whose probability is one.
        digit_log_probs = np.pad(digit_log_probs.astype(np.float64), ((0, 0), (0, 0), (0, 1)))
        length = np.zeros(images, np.int32)
        digits = np.full((images, positions), names.ABSENT, np.int32)
        confidence = np.zeros(images, np.float32)
        for row in range(images):
            log_probs = length_log_probs[row, self._lengths].astype(np.float64)
            for position, classes in enumerate(self._digits.T):
                log_probs += digit_log_probs[row, position, classes]
            probs = np.exp(log_probs)
            absent, best = np.exp(np.float64(length_log_probs[row, 0])), probs.argmax()
            other = absent + OUTSIDE * max(1 - absent - probs.sum(), 0.0)
            confidence[row] = max(probs[best], other) / (probs.sum() + other)
            if probs[best] > other:
                length[row] = count = self._lengths[best]
                digits[row, :count] = self._digits[best, :count]
        restricted = {names.LENGTH: length, names.DIGITS: digits, names.CONFIDENCE: confidence}
        return Predictions(predictions.arrays | restricted)


def as_lexicon(numbers: Lexicon | Iterable[str] | None) -> Lexicon | None:
    """A lexicon of numbers; a lexicon and None remain as they are."""
    return numbers if numbers is None or isinstance(numbers, Lexicon) else Lexicon(numbers)


def read_lexicon(path: str | Path) -> Lexicon:
    """Read a lexicon from a text file with one number in each line.

    Raises:
        ValueError: if lines are not numbers, or there are none; the message names them.
        OSError: if the file cannot be read.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file in UTF-8, with one number a line") from error
    numbers = {at: line.strip() for at, line in enumerate(lines, 1) if line.strip()}
    bad = [f"line {at}: {text[:40]!r}" for at, text in numbers.items() if not is_number(text)]
    if bad or not numbers:
        raise ValueError(
            f"{path} is not a lexicon, which has one number, digits 0 to 9, in each line. "
            f"Received: {', '.join(bad[:5]) or 'no numbers'}" + ", ..." * (len(bad) > 5)
        )
    return Lexicon(numbers.values())
