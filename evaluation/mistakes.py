"""Kinds of mistakes: readings aligned with their labels, digit by digit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

MISSING = EXTRA = 10
"""Index, in a confusion matrix of digits, of the column of missing and the row of extra digits."""

LONGER = "+"
"""Text of a reading "more digits than this model can read" (`labels.decode`)."""

KINDS = (
    "no number read",
    "number read where there is none",
    "refused as too long",
    "wrong order",
    "digit missing",
    "extra digit",
    "one digit wrong",
    "several digits wrong",
    "wrong digits and wrong length",
)
"""Kinds of mistakes, from `mistake_kind`."""


def align(label: str, reading: str) -> list[tuple[str, str]]:
    """Align a reading with its label by the fewest edits (Levenshtein distance).

    Returns:
        Pairs (digit of the label, digit read) in order; "" on one side where a digit is missing
        or extra.
    """
    pairs = []
    for tag, a, b, c, d in Levenshtein.opcodes(label, reading):
        if tag in ("equal", "replace"):
            pairs += zip(label[a:b], reading[c:d], strict=True)
        else:
            pairs += [(digit, "") for digit in label[a:b]] + [("", d_) for d_ in reading[c:d]]
    return pairs


def mistake_kind(label: str, reading: str) -> str | None:
    """The kind of a mistake, one of `KINDS`; None if the reading is correct."""
    if label == reading:
        return None
    if reading == LONGER:
        return "refused as too long"
    if not reading:
        return "no number read"
    if not label:
        return "number read where there is none"
    if sorted(label) == sorted(reading):
        return "wrong order"
    edits = Counter(tag for tag, *_ in Levenshtein.editops(label, reading))
    if len(edits) > 1:
        return "wrong digits and wrong length"
    if edits["delete"]:
        return "digit missing"
    if edits["insert"]:
        return "extra digit"
    return "one digit wrong" if edits["replace"] == 1 else "several digits wrong"


def mistake_figures(labels: Sequence[str], readings: Sequence[str]) -> dict[str, Any]:
    """Figures of the mistakes.

    Returns:
        - `edit_distance`: mean number of digits to change, insert or delete;
        - `mistakes`: the count of each kind that occurs;
        - `digit_confusion`: 11 x 11 counts; rows are the digits of labels, the last row extra
            digits; columns the digits read, the last column missing digits;
        - `length_confusion`: counts as {length of label: {length read: images}}, with "+" for
            readings "more digits than this model can read".
    """
    confusion = np.zeros((11, 11), int)
    kinds: Counter[str | None] = Counter()
    lengths: dict[int, Counter[str]] = {}
    for (label, reading), count in Counter(zip(labels, readings, strict=True)).items():
        kinds[mistake_kind(label, reading)] += count
        read_length = LONGER if reading == LONGER else str(len(reading))
        lengths.setdefault(len(label), Counter())[read_length] += count
        for there, read in align(label, "" if reading == LONGER else reading):
            row = int(there) if there else EXTRA
            confusion[row, int(read) if read else MISSING] += count
    edits = confusion.sum() - np.trace(confusion)
    return {
        "edit_distance": float(edits / max(len(labels), 1)),
        "mistakes": {kind: kinds[kind] for kind in KINDS if kinds[kind]},
        "digit_confusion": confusion.tolist(),
        "length_confusion": {
            str(length): dict(sorted(lengths[length].items())) for length in sorted(lengths)
        },
    }
