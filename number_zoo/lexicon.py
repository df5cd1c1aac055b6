"""Read the numbers of a lexicon only, such as those of a race's start list."""

from __future__ import annotations

import itertools
import reprlib
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
            received = ", ".join(map(reprlib.repr, bad[:5])) + ", ..." * (len(bad) > 5)
            raise ValueError(
                "a lexicon has at least one number; each is a string of digits 0 to 9. "
                f"Received: {received or 'none'}"
            )
        self._numbers = sorted(distinct, key=len)
        # By length, uint8 (length, numbers): in a single array, one long number would widen all.
        self._digits = {
            length: np.array(list(group), bytes).view(np.uint8).reshape(-1, length).T - ord("0")
            for length, group in itertools.groupby(self._numbers, len)
        }

    def __len__(self) -> int:
        """How many different numbers it has."""
        return len(self._numbers)

    def check_length(self, max_digits: int) -> None:
        """Check that a reader of `max_digits` digits can read all numbers.

        Raises:
            ValueError: if it cannot.
        """
        longest = self._numbers[-1]
        if len(longest) > max_digits:
            raise ValueError(
                f"the lexicon has {longest:.40}, but this reader reads numbers of at most "
                f"{max_digits} digits. Leave longer ones out, or use other weights"
            )

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
        digit_log_probs = predictions.arrays[names.DIGIT_LOG_PROBS].astype(np.float64)
        images, positions, _ = digit_log_probs.shape
        self.check_length(positions)
        one_digit = np.where(np.arange(positions + 2) == 1, 0.0, -np.inf)  # without this output
        length_log_probs = predictions.arrays.get(
            names.LENGTH_LOG_PROBS, np.tile(one_digit, (images, 1))
        ).astype(np.float64)
        length = np.zeros(images, np.int32)
        digits = np.full((images, positions), names.ABSENT, np.int32)
        confidence = np.zeros(images, np.float32)
        for row in range(images):
            log_probs = [
                sum(map(np.take, digit_log_probs[row], digits_at), length_log_probs[row, count])
                for count, digits_at in self._digits.items()
            ]
            probs = np.exp(np.concatenate(log_probs))
            absent, best = np.exp(length_log_probs[row, 0]), probs.argmax()
            other = absent + OUTSIDE * max(1 - absent - probs.sum(), 0.0)
            confidence[row] = max(probs[best], other) / (probs.sum() + other)
            if probs[best] > other:
                number = self._numbers[best]
                length[row], digits[row, : len(number)] = len(number), list(map(int, number))
        restricted = {names.LENGTH: length, names.DIGITS: digits, names.CONFIDENCE: confidence}
        return Predictions(predictions.arrays | restricted)


def as_lexicon(numbers: Lexicon | Iterable[str] | None) -> Lexicon | None:
    """A lexicon of numbers; a lexicon and None remain as they are."""
    return numbers if numbers is None or isinstance(numbers, Lexicon) else Lexicon(numbers)


def decode_lexicon(data: bytes, name: str = "the lexicon") -> Lexicon:
    """A lexicon from the bytes of a text file with one number in each line.

    Args:
        data: text in UTF-8.
        name: name of the file, for errors.

    Raises:
        ValueError: if lines are not numbers, or there are none; the message names them.
    """
    try:
        lines = data.decode("utf-8-sig").splitlines()
        return Lexicon(filter(None, map(str.strip, lines)))
    except ValueError as error:
        raise ValueError(
            f"{name} is not a text file in UTF-8 with one number in each line: {error}"
        ) from error


def read_lexicon(path: str | Path) -> Lexicon:
    """Read a lexicon from a text file, as `decode_lexicon` does.

    Raises:
        ValueError: as `decode_lexicon`.
        OSError: if the file cannot be read.
    """
    return decode_lexicon(Path(path).read_bytes(), str(path))
