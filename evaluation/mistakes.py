"""What kind of mistake a reading is: readings aligned with the truth, digit by digit."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import numpy as np

MISSING = EXTRA = 10
"""Index, in a confusion of digits, of the column "not read" and of the row "not there"."""

KINDS = (
    "nothing read",
    "read where nothing is",
    "wrong order",
    "digit missing",
    "digit too many",
    "one digit wrong",
    "several digits wrong",
    "wrong and of another length",
)
"""Kinds of mistakes, from `kind`."""


@functools.lru_cache(maxsize=65536)
def align(truth: str, reading: str) -> tuple[tuple[str, str], ...]:
    """Align two numbers with the fewest changes (Levenshtein 1966).

    Args:
        truth: the digits that are there.
        reading: the digits that were read; a "+" for more than a model can tell counts as one.

    Returns:
        Pairs (digit there, digit read) in order; "" on one side where a digit is missing or was
        read too many. Where several alignments are equally short, places further left are paired.
    """
    rows, columns = len(truth) + 1, len(reading) + 1
    cost = [[row + column for column in range(columns)] for row in range(rows)]
    for row in range(1, rows):
        for column in range(1, columns):
            cost[row][column] = min(
                cost[row - 1][column - 1] + (truth[row - 1] != reading[column - 1]),
                cost[row - 1][column] + 1,
                cost[row][column - 1] + 1,
            )
    pairs, row, column = [], rows - 1, columns - 1
    while row or column:
        here = cost[row][column]
        if column and here == cost[row][column - 1] + 1:
            column -= 1
            pairs.append(("", reading[column]))
        elif row and here == cost[row - 1][column] + 1:
            row -= 1
            pairs.append((truth[row], ""))
        else:
            row, column = row - 1, column - 1
            pairs.append((truth[row], reading[column]))
    return tuple(reversed(pairs))


def edit_distance(truth: str, reading: str) -> int:
    """Digits that must be changed, added or taken away to turn one number into the other."""
    return 0 if truth == reading else sum(a != b for a, b in align(truth, reading))


def kind(truth: str, reading: str) -> str | None:
    """Which of `KINDS` a reading is, or None where it is right."""
    if truth == reading:
        return None
    if not reading:
        return "nothing read"
    if not truth:
        return "read where nothing is"
    if sorted(truth) == sorted(reading):
        return "wrong order"
    pairs = align(truth, reading)
    missing = sum(not b for _, b in pairs)
    extra = sum(not a for a, _ in pairs)
    wrong = sum(bool(a and b and a != b) for a, b in pairs)
    if (wrong and (missing or extra)) or (missing and extra):
        return "wrong and of another length"
    if missing:
        return "digit missing"
    if extra:
        return "digit too many"
    return "one digit wrong" if wrong == 1 else "several digits wrong"


def mistake_figures(truths: list[str], readings: list[str]) -> dict[str, Any]:
    """Figures of what goes wrong.

    Returns:
        `edit_distance`, the mean; `mistakes`, the count of each kind that occurs;
        `digit_confusion`, 11 x 11 counts: rows are the digits there, the last row digits read
        that are not there; columns the digits read, the last column digits not read;
        `length_confusion`, counts as {length: {length read: images}}, "+" for more than the
        model can tell.
    """
    confusion = np.zeros((11, 11), int)
    kinds: Counter = Counter()
    lengths: dict[str, Counter] = {}
    changes = 0
    for (truth, reading), count in Counter(zip(truths, readings, strict=True)).items():
        pairs = align(truth, reading)
        for there, read in pairs:
            row = int(there) if there else EXTRA
            column = int(read) if read.isdigit() else MISSING
            confusion[row, column] += count
        changes += count * sum(a != b for a, b in pairs)
        if (found := kind(truth, reading)) is not None:
            kinds[found] += count
        read_length = "+" if reading.endswith("+") else str(len(reading))
        lengths.setdefault(str(len(truth)), Counter())[read_length] += count
    return {
        "edit_distance": changes / max(len(truths), 1),
        "mistakes": {name: kinds[name] for name in KINDS if kinds[name]},
        "digit_confusion": confusion.tolist(),
        "length_confusion": {
            length: dict(sorted(lengths[length].items())) for length in sorted(lengths)
        },
    }
