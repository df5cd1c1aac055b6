"""95 % intervals of proportions, of ratios over images, and of paired differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import optimize, stats


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927); [0, 1] if there are no trials."""
    if trials == 0:
        return 0.0, 1.0
    low, high = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    return float(low), float(high)


def clustered_interval(successes: np.ndarray, trials: np.ndarray) -> tuple[float, float]:
    """95 % interval of a proportion whose trials are only independent between images.

    The correctness of the digits of one image is correlated, so that treating each digit as an
    independent trial gives intervals that are too narrow. Here the variance between images
    determines the effective number of trials of an exact binomial interval.

    Args:
        successes: (images,), such as the correct digits of each image.
        trials: (images,), such as all digits of each image.

    Reference:
        Korn and Graubard 1998, Survey Methodology 24, 193-201.
    """
    images, total = int((trials > 0).sum()), trials.sum()
    if images == 0:
        return 0.0, 1.0
    proportion = successes.sum() / total
    residuals = successes - proportion * trials
    variance = images / max(images - 1, 1) * (residuals**2).sum() / total**2
    binomial = proportion * (1 - proportion)
    effective = min(binomial / variance, total) if variance > 0 else images
    hits = proportion * effective
    low = stats.beta.ppf(0.025, hits, effective - hits + 1) if proportion > 0 else 0.0
    high = stats.beta.ppf(0.975, hits + 1, effective - hits) if proportion < 1 else 1.0
    return float(low), float(high)


def bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray], images: int, resamples: int = 2000, seed: int = 0
) -> tuple[float | None, tuple[float, float] | None]:
    """A statistic over images and its 95 % bootstrap interval (percentiles of resampled images).

    Args:
        statistic: function from weights (n, images), the counts of each image in n resamples, to
            values (n,); NaN if undefined.
        images: number of images.
        resamples: number of resamples.
        seed: seed of the resamples.

    Returns:
        The value for the original images, and the interval; None if undefined.

    Reference:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    value = float(statistic(np.ones((1, images)))[0]) if images else math.nan
    if math.isnan(value):
        return None, None
    rng = np.random.default_rng(seed)
    values = statistic(rng.multinomial(images, np.full(images, 1 / images), resamples))
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return value, (float(low), float(high))


def paired_p_value(first_only: int, second_only: int) -> float:
    """McNemar's test, two-sided, without continuity correction.

    Args:
        first_only: images that only the first model reads correctly.
        second_only: images that only the second model reads correctly.
    """
    if first_only == second_only:
        return 1.0
    statistic = (first_only - second_only) / math.sqrt(first_only + second_only)
    return float(2 * stats.norm.sf(abs(statistic)))


def paired_interval(
    first_only: int, second_only: int, images: int, level: float = 0.95
) -> tuple[float, float]:
    """Interval of the difference between two accuracies on the same images (Tango 1998).

    It contains the differences that a score test does not reject. At a difference of 0 this test is
    McNemar's, so the interval excludes 0 exactly if `paired_p_value` is below `1 - level`.

    Args:
        first_only: images that only the first model reads correctly.
        second_only: images that only the second model reads correctly.
        images: number of images that both models read.
        level: confidence level.

    Reference:
        Recommended with McNemar's asymptotic test by Fagerland, Lydersen and Laake 2014,
        https://doi.org/10.1002/sim.6148
    """
    quantile = stats.norm.isf((1 - level) / 2)
    difference = (first_only - second_only) / images

    def score(delta: float) -> float:
        # Maximum likelihood of the probability of `second_only`, given the difference.
        b = (2 * images - first_only + second_only) * delta - first_only - second_only
        c = -second_only * delta * (1 - delta)
        root = math.sqrt(max(b * b - 8 * images * c, 0.0))  # rounding may give less than 0
        probability = (root - b) / (4 * images)
        variance = images * (2 * probability + delta * (1 - delta))
        if variance <= 0:
            return 0.0
        return (first_only - second_only - images * delta) / math.sqrt(variance)

    def end(limit: float, target: float) -> float:
        nearly = limit * (1 - 1e-12)
        if difference == limit:
            return limit
        return float(optimize.brentq(lambda d: score(d) - target, difference, nearly))

    return end(-1.0, quantile), end(1.0, -quantile)
