"""Pairs of models compared on the same images."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from evaluation.intervals import paired_interval, paired_p_value

LEVEL = 0.05
"""Probability of a false difference, over all pairs together."""


@dataclass(frozen=True)
class Pair:
    """Two models on the same images.

    Attributes:
        first, second: names of the models.
        first_only: images that only the first reads correctly.
        second_only: images that only the second reads correctly.
        difference: sequence accuracy of the first minus that of the second.
        interval: interval of the difference; the intervals of all pairs have a joint confidence of
            95 %.
        p: p-value of McNemar's test, corrected for the number of pairs (Bonferroni).
    """

    first: str
    second: str
    first_only: int
    second_only: int
    difference: float
    interval: tuple[float, float]
    p: float

    @property
    def verdict(self) -> str:
        """One sentence; it names a better model exactly if the interval excludes 0."""
        if self.interval[0] <= 0 <= self.interval[1]:
            return f"no significant difference between {self.first} and {self.second}"
        better, other = self.first, self.second
        if self.difference < 0:
            better, other = other, better
        return f"{better} is better than {other}"

    @property
    def p_text(self) -> str:
        """The p-value as text."""
        return f"p = {self.p:.2g}" if self.p >= 1e-4 else "p < 0.0001"

    def to_json(self) -> dict:
        """All fields and the verdict, as JSON values."""
        return asdict(self) | {"verdict": self.verdict}


def compare_pairs(correct: Mapping[str, np.ndarray]) -> list[Pair]:
    """Compare every pair of models.

    Args:
        correct: for each model, bool (images,), which images it reads correctly.

    Returns:
        A `Pair` for every two models, in the order of the models.
    """
    couples = list(itertools.combinations(correct.items(), 2))
    pairs = []
    for (first, a), (second, b) in couples:
        first_only, second_only = int((a & ~b).sum()), int((b & ~a).sum())
        pairs.append(
            Pair(
                first,
                second,
                first_only,
                second_only,
                (first_only - second_only) / len(a),
                paired_interval(first_only, second_only, len(a), 1 - LEVEL / len(couples)),
                min(1.0, paired_p_value(first_only, second_only) * len(couples)),
            )
        )
    return pairs
