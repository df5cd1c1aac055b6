"""What the number in a text is: the one rule that all labels of mixed texts follow."""

from __future__ import annotations

import re

# Digits, with single points or commas between them.
_RUN = re.compile(r"[0-9]+(?:[.,][0-9]+)*")


def number_in(text: str) -> tuple[str, list[int]]:
    """Find the number in a line of text whose characters are all of one size.

    A number is its digits in reading order. A decimal point or comma between two digits belongs
    to it and is dropped. Letters, slashes, hyphens, signs and spaces end it. Of two numbers the
    one with more digits counts, and of two equally long ones the first.

    Args:
        text: the line.

    Returns:
        The digits ("" where there are none), and the places in `text` that they have.

    Example:
        >>> number_in("No. 14.69 kg")
        ('1469', [4, 5, 7, 8])
    """
    best: list[int] = []
    for run in _RUN.finditer(text):
        places = [place for place in range(*run.span()) if text[place].isdigit()]
        if len(places) > len(best):
            best = places
    return "".join(text[place] for place in best), best
