"""Numbers as text and as arrays: the one encoding that models and data sets share.

A number is a string of digits. As arrays it is a `length` and `digits`, one place for each
digit a model can tell (`max_digits`, N below). Plain NumPy, so that it loads without TensorFlow.
"""

from __future__ import annotations

import numpy as np

NUM_CLASSES = 10
"""Classes of a digit; 0 is class 0 everywhere (10 in SVHN's files)."""

LENGTH, DIGITS, BOX = "length", "digits", "box"
"""Keys of labels as arrays, and names of the models' outputs."""

ABSENT = -1
"""What `digits` holds at a place where the number has no digit."""


def check_number(text: str) -> str:
    """Return `text` if it is a number, a string of the digits 0 to 9 (leading zeros count).

    Raises:
        ValueError: if it is empty or holds anything but ASCII digits.
    """
    if not (isinstance(text, str) and text.isascii() and text.isdigit()):
        raise ValueError(f"A number is a string of one or more digits 0 to 9. Received: {text!r}")
    return text


def encode(number: str, max_digits: int) -> tuple[int, np.ndarray]:
    """Encode a number as arrays.

    Args:
        number: string of digits, such as `"175"`; `""` stands for an image with no number.
        max_digits: places N that the arrays have, at least 1.

    Returns:
        `(length, digits)`: `length` is 0..N, or N+1 for a number longer than N; `digits` is
        int32 of shape (N,) with `ABSENT` where there is no digit. A longer number keeps none of
        its digits: the model is asked only to say "longer".

    Raises:
        ValueError: if `number` holds anything but digits or `max_digits` is below 1.
    """
    if max_digits < 1:
        raise ValueError(f"max_digits is at least 1. Received: {max_digits}")
    digits = np.full(max_digits, ABSENT, np.int32)
    if number == "":
        return 0, digits
    check_number(number)
    if len(number) > max_digits:
        return max_digits + 1, digits
    digits[: len(number)] = [int(digit) for digit in number]
    return len(number), digits


def decode(length: int, digits: np.ndarray) -> str:
    """Turn arrays back into text: the inverse of `encode` for numbers of up to N digits.

    A "longer" number (length N+1) reads as its N digits, or what there is of them, and a "+".
    """
    text = "".join(str(int(digit)) for digit in digits[:length] if digit != ABSENT)
    return text + "+" if length > len(digits) else text
