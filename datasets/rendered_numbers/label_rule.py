"""The rule that determines the label of a text: which of its characters are the number."""

from __future__ import annotations

import re

# Digits, with single points or commas between them.
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")


def find_number(text: str) -> tuple[str, list[int]]:
    """Find the number in a line of text whose characters are all of one size.

    A number is its digits in reading order. A decimal point or comma between two digits is part
    of the number and omitted from the label. Letters, slashes, hyphens, signs and spaces end a
    number. Of several numbers the one with the most digits counts; of equally long ones, the first.

    Args:
        text: the line.

    Returns:
        The digits ("" if there are none) and their indices in `text`.

    Example:
        >>> find_number("No. 14.69 kg")
        ('1469', [4, 5, 7, 8])
    """
    longest: list[int] = []
    for match in _NUMBER.finditer(text):
        indices = [index for index in range(*match.span()) if text[index].isdigit()]
        if len(indices) > len(longest):
            longest = indices
    return "".join(text[index] for index in longest), longest
