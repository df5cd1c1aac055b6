"""A small source of chance that gives the same values on every machine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import cos, log, pi, sqrt
from typing import TypeVar

_TURN = 2.0 * pi

Item = TypeVar("Item")


class Rng:
    """Random values for one image, fixed by a seed and an index.

    Only `random.Random.random()` is used: Python promises its sequence for a seed across
    versions and machines, which it does not for `choice` or `gauss`, and one value takes 50 ns,
    a twentieth of what a scalar from NumPy takes.

    Args:
        seed: seed of the whole data set, a non-negative integer.
        index: which image, a non-negative integer below 2**48.
    """

    def __init__(self, seed: int, index: int) -> None:
        self.unit = random.Random((seed << 48) + index).random

    def uniform(self, low: float, high: float) -> float:
        """A value spread evenly over [low, high)."""
        return low + (high - low) * self.unit()

    def normal(self, mean: float = 0.0, deviation: float = 1.0) -> float:
        """A normally distributed value (Box-Muller, its first half)."""
        unit = self.unit
        return mean + deviation * sqrt(-2.0 * log(1.0 - unit())) * cos(_TURN * unit())

    def normals(self, count: int, deviation: float) -> list[float]:
        """As many values of `normal(0, deviation)`, for fewer calls."""
        unit = self.unit
        return [
            deviation * sqrt(-2.0 * log(1.0 - unit())) * cos(_TURN * unit()) for _ in range(count)
        ]

    def clipped(self, mean: float, deviation: float, low: float, high: float) -> float:
        """A normally distributed value, moved to the nearer end where it leaves [low, high]."""
        return min(max(self.normal(mean, deviation), low), high)

    def log_uniform(self, low: float, high: float) -> float:
        """A value whose logarithm is spread evenly over [low, high)."""
        return low * (high / low) ** self.unit()

    def happens(self, probability: float) -> bool:
        """True with the given probability."""
        return self.unit() < probability

    def below(self, limit: int) -> int:
        """A whole number from 0 to limit - 1."""
        return int(self.unit() * limit)

    def sign(self) -> int:
        """-1 or 1."""
        return 1 if self.unit() < 0.5 else -1

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items, each as likely as the others."""
        return items[int(self.unit() * len(items))]

    def weighted(self, table: Sequence[tuple[float, Item]]) -> Item:
        """One item of a table of (weight, item); the weights need not sum to one."""
        total = 0.0
        for weight, _ in table:
            total += weight
        point = self.unit() * total
        for weight, item in table:
            point -= weight
            if point < 0:
                return item
        return table[-1][1]
