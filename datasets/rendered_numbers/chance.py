"""A small source of chance that gives the same values on every machine."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Chance:
    """Random values for one picture, fixed by a seed and an index.

    Only `random.Random.random()` is used: Python promises its sequence for a seed across
    versions and machines, which it does not for `choice` or `gauss`, and one value takes 50 ns,
    a twentieth of what a scalar from NumPy takes.

    Args:
        seed: seed of the whole data set, a non-negative integer.
        index: which picture, a non-negative integer below 2**48.
    """

    def __init__(self, seed: int, index: int) -> None:
        self.unit = random.Random((seed << 48) + index).random

    def uniform(self, low: float, high: float) -> float:
        """A value spread evenly over [low, high)."""
        return low + (high - low) * self.unit()

    def normal(self, mean: float = 0.0, deviation: float = 1.0) -> float:
        """A normally distributed value (Box-Muller, its first half)."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.unit()))
        return mean + deviation * radius * math.cos(2.0 * math.pi * self.unit())

    def normals(self, count: int, deviation: float) -> list[float]:
        """As many values of `normal(0, deviation)`, for fewer calls."""
        unit, root, log, cos = self.unit, math.sqrt, math.log, math.cos
        return [
            deviation * root(-2.0 * log(1.0 - unit())) * cos(2.0 * math.pi * unit())
            for _ in range(count)
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
        point = self.unit() * sum(weight for weight, _ in table)
        for weight, item in table:
            point -= weight
            if point < 0:
                return item
        return table[-1][1]
