"""Is one model really better than another? Both on the same images, two at a time."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass

import numpy as np

LEVEL = 0.05
"""A difference is called real where chance alone would show one as large less often than this."""


@dataclass(frozen=True)
class Pair:
    """Two models on the same images.

    Attributes:
        first, second: names of the models.
        first_only: images that only the first reads wholly right.
        second_only: images that only the second does.
        difference: accuracy of the first less that of the second.
        interval: 95 % interval of that.
        p: chance of so many more on one side if both were equally good.
        p_corrected: the same, corrected for the number of pairs that were compared.
    """

    first: str
    second: str
    first_only: int
    second_only: int
    difference: float
    interval: tuple[float, float]
    p: float
    p_corrected: float

    @property
    def chance(self) -> str:
        """The corrected p as text; McNemar's sum can be smaller than any number of a float."""
        return f"p = {self.p_corrected:.2g}" if self.p_corrected > 1e-300 else "p < 1e-300"

    @property
    def verdict(self) -> str:
        """One sentence, in words."""
        if self.p_corrected >= LEVEL:
            return f"no difference shown between {self.first} and {self.second}"
        better, other = self.first, self.second
        if self.difference < 0:
            better, other = other, better
        return f"{better} is better than {other}"

    def to_json(self) -> dict:
        """All fields and the verdict, as JSON takes them."""
        return asdict(self) | {"verdict": self.verdict}


def mcnemar(first_only: int, second_only: int) -> float:
    """The exact McNemar test, two-sided: a sign test of the images on which two models differ.

    Reference:
        McNemar 1947, https://doi.org/10.1007/BF02295996, in its exact, binomial form.
    """
    from scipy.stats import binomtest  # takes a second to import, and only reports need it

    differing = first_only + second_only
    return float(binomtest(first_only, differing).pvalue) if differing else 1.0


def holm(p_values: list[float]) -> list[float]:
    """Correct p-values for how many there are (Holm 1979); never below what they were."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = largest
    return corrected


def bootstrap_interval(
    first_only: int, second_only: int, images: int, *, samples: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a difference in accuracy, by drawing the images again (paired)."""
    shares = np.array([first_only, second_only, images - first_only - second_only]) / images
    drawn = np.random.default_rng(seed).multinomial(images, shares, size=samples)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / images, (0.025, 0.975))
    return float(low), float(high)


def compare_pairs(right: dict[str, np.ndarray]) -> list[Pair]:
    """Compare each pair of models.

    Args:
        right: for each model, bool (images,), which numbers it read wholly right.

    Returns:
        A `Pair` for each two models, in their order.
    """
    counted = []
    for (first, a), (second, b) in itertools.combinations(right.items(), 2):
        counted.append((first, second, int((a & ~b).sum()), int((b & ~a).sum()), len(a)))
    p_values = [mcnemar(only, other) for _, _, only, other, _ in counted]
    return [
        Pair(
            first,
            second,
            only,
            other,
            (only - other) / total,
            bootstrap_interval(only, other, total),
            p,
            corrected,
        )
        for (first, second, only, other, total), p, corrected in zip(
            counted, p_values, holm(p_values), strict=True
        )
    ]
