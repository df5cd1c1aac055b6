"""Labels as text and as arrays: the one encoding that models and data sets share.

A label is a string of digits. As arrays it is a `length` and `digits`, with one position for each
of the N digits (`max_digits`) that a model can predict. This module needs only NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from number_zoo.names import ABSENT, BOX, DIGITS, LENGTH
from number_zoo.predictions import decode, is_number

__all__ = ["ABSENT", "BOX", "DIGITS", "LENGTH", "NUM_CLASSES", "decode", "encode", "encode_batch"]

NUM_CLASSES = 10
"""Classes of a digit; the digit 0 is class 0 everywhere (10 in SVHN's files)."""


def encode(label: str, max_digits: int) -> tuple[int, np.ndarray]:
    """Encode a label as arrays.

    Args:
        label: string of digits, such as `"175"`; `""` for an image without a number.
        max_digits: number N of positions, at least 1.

    Returns:
        `(length, digits)`: `length` is 0..N, or N+1 for a label of more than N digits; `digits`
        is int32 of shape (N,) with `ABSENT` at positions without a digit. All digits of a longer
        label are `ABSENT`, since a model can only learn to predict "longer".

    Raises:
        ValueError: if `label` holds anything but digits or `max_digits` is below 1.
    """
    if max_digits < 1:
        raise ValueError(f"max_digits is at least 1. Received: {max_digits}")
    digits = np.full(max_digits, ABSENT, np.int32)
    if label == "":
        return 0, digits
    if not is_number(label):
        raise ValueError(f"a label is a string of digits 0 to 9. Received: {label!r}")
    if len(label) > max_digits:
        return max_digits + 1, digits
    digits[: len(label)] = [int(digit) for digit in label]
    return len(label), digits


def encode_batch(
    texts: Sequence[str], max_digits: int, names: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Encode labels as the arrays that models are trained and evaluated with.

    Args:
        texts: n labels, as for `encode`.
        max_digits: number of positions.
        names: of the images, for errors. Defaults to the labels.

    Returns:
        int32 `digits` (n, max_digits) and, unless `max_digits` is 1, `length` (n,).

    Raises:
        ValueError: if `max_digits` is 1 and a label does not have exactly one digit, since a
            model of single digits has no output for the length.
    """
    if max_digits == 1:
        for name, text in zip(names or texts, texts, strict=True):
            if len(text) != 1:
                raise ValueError(
                    "max_digits=1 is for images of exactly one digit: train a model with "
                    f"--set max_digits=2 or more. Received: {name} with the label {text!r}"
                )
    encoded = [encode(text, max_digits) for text in texts]
    digits = np.array([digits for _, digits in encoded], np.int32).reshape(-1, max_digits)
    if max_digits == 1:
        return {DIGITS: digits}
    return {LENGTH: np.array([length for length, _ in encoded], np.int32), DIGITS: digits}
