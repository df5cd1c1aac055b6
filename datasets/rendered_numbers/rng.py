"""A random number generator with the same sequence on every machine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import cos, log, pi, sqrt
from typing import TypeVar

Item = TypeVar("Item")


class Rng:
    """Random values for one image, determined by a seed and an index below 2**48.

    Only `random.Random.random()` is used: Python guarantees its sequence across versions and
    machines, unlike that of `choice` or `gauss`, and a value takes 50 ns, a twentieth of the time
    of a NumPy scalar.
    """

    def __init__(self, seed: int, index: int) -> None:
        self.random = random.Random((seed << 48) + index).random

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.random()

    def log_uniform(self, low: float, high: float) -> float:
        """Sample from [low, high) with a uniform logarithm."""
        return low * (high / low) ** self.random()

    def normal(self, mean: float = 0.0, std: float = 1.0) -> float:
        """Sample from a normal distribution (first value of the Box-Muller transform)."""
        return mean + std * sqrt(-2.0 * log(1.0 - self.random())) * cos(2.0 * pi * self.random())

    def normals(self, count: int, std: float) -> list[float]:
        """Sample `count` values of `normal(0, std)` without a call for each."""
        unit = self.random
        return [std * sqrt(-2.0 * log(1.0 - unit())) * cos(2.0 * pi * unit()) for _ in range(count)]

    def clipped_normal(self, mean: float, std: float, low: float, high: float) -> float:
        """Sample from a normal distribution and clip to [low, high]."""
        return min(max(self.normal(mean, std), low), high)

    def bernoulli(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.random() < probability

    def randrange(self, stop: int) -> int:
        """Sample an integer uniformly from 0 to stop - 1."""
        return int(self.random() * stop)

    def digits(self, count: int) -> str:
        """Sample uniformly distributed digits."""
        return "".join(str(self.randrange(10)) for _ in range(count))

    def sign(self) -> int:
        """Return -1 or 1 with equal probability."""
        return 1 if self.random() < 0.5 else -1

    def choice(self, items: Sequence[Item]) -> Item:
        return items[int(self.random() * len(items))]

    def weighted_choice(self, table: Sequence[tuple[float, Item]]) -> Item:
        """Sample from a table of (weight, item); the weights need not sum to one."""
        total = 0.0
        for weight, _ in table:  # `sum` rounds differently from Python 3.12 on
            total += weight
        threshold = self.random() * total
        for weight, item in table:
            threshold -= weight
            if threshold < 0:
                return item
        return table[-1][1]
