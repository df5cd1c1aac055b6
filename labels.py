"""Labels as text and as arrays: the one encoding that models and data sets share.

A label is a string of digits. As arrays it is a `length` and `digits`, one position for each of
the N digits (`max_digits`) that a model can predict. Plain NumPy: loads without TensorFlow.
"""

from __future__ import annotations

import numpy as np

from number_zoo.names import ABSENT, BOX, DIGITS, LENGTH
from number_zoo.predictions import decode

__all__ = ["ABSENT", "BOX", "DIGITS", "LENGTH", "NUM_CLASSES", "check_label", "decode", "encode"]

NUM_CLASSES = 10
"""Classes of a digit; the digit 0 is class 0 everywhere (10 in SVHN's files)."""


def check_label(text: str) -> str:
    """Return `text` if it is a string of one or more digits 0 to 9 (leading zeros count).

    Raises:
        ValueError: if it is empty or holds anything but ASCII digits.
    """
    if not (isinstance(text, str) and text.isascii() and text.isdigit()):
        raise ValueError(f"a label is a string of one or more digits 0 to 9. Received: {text!r}")
    return text


def encode(label: str, max_digits: int) -> tuple[int, np.ndarray]:
    """Encode a label as arrays.

    Args:
        label: string of digits, such as `"175"`; `""` stands for an image without a number.
        max_digits: number N of positions, at least 1.

    Returns:
        `(length, digits)`: `length` is 0..N, or N+1 for a label of more than N digits; `digits`
        is int32 of shape (N,) with `ABSENT` where there is no digit. Of a longer label no digit
        is kept: a model can only learn to answer "longer".

    Raises:
        ValueError: if `label` holds anything but digits or `max_digits` is below 1.
    """
    if max_digits < 1:
        raise ValueError(f"max_digits is at least 1. Received: {max_digits}")
    digits = np.full(max_digits, ABSENT, np.int32)
    if label == "":
        return 0, digits
    check_label(label)
    if len(label) > max_digits:
        return max_digits + 1, digits
    digits[: len(label)] = [int(digit) for digit in label]
    return len(label), digits
