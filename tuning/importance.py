"""Which dimensions of a search mattered, as far as its trials can say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras_tuner.engine.hyperparameters import HyperParameter

FEWEST = 8
"""Trials with a score that there must be before anything is said."""

TREES, SHUFFLES = 200, 10
"""Trees of the forest, and times that each dimension is shuffled."""

MEASURE = (
    "A random forest learns the score from the values. How much of its fit (R²) is lost when a "
    "dimension's values are shuffled among the trials is that dimension's importance (permutation "
    "importance); the shares add up to 100 %."
)


@dataclass(frozen=True)
class Mattered:
    """How much a dimension mattered.

    Attributes:
        name: the dimension's.
        share: its part of the importance of all, in [0, 1].
        correlation: Spearman's rank correlation of its values with the score, in [-1, 1], above 0
            where more is better; over the trials that it applies to. None where its values have
            no order or too few differ.
    """

    name: str
    share: float
    correlation: float | None


@dataclass(frozen=True)
class Importance:
    """What a forest makes of a search's trials.

    Attributes:
        dimensions: the most important first.
        explained: share of the scores' variance that the forest explains for trials that a tree
            has not learned from (out-of-bag R²); near 0 or below, it has found nothing.
        trials: how many it learned from.
    """

    dimensions: tuple[Mattered, ...]
    explained: float
    trials: int


def importance(
    dimensions: Sequence[HyperParameter],
    values: Sequence[Mapping[str, Any]],
    gains: Sequence[float],
) -> Importance | None:
    """Find out what mattered.

    Args:
        dimensions: of the space.
        values: of each trial, those that apply.
        gains: score of each trial, larger is better.

    Returns:
        None where there are too few trials, or all scored the same.
    """
    # Only now: it takes seconds to import.
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    varied = [hp for hp in dimensions if len({repr(_value(hp, one)) for one in values}) > 1]
    if len(values) < FEWEST or len(set(gains)) == 1 or not varied:
        return None
    x = np.array([[hp.value_to_prob(_value(hp, one)) for hp in varied] for one in values])
    y = np.array(gains, dtype=float)
    forest = RandomForestRegressor(TREES, oob_score=True, random_state=0).fit(x, y)
    lost = permutation_importance(forest, x, y, n_repeats=SHUFFLES, random_state=0)
    lost = np.clip(lost.importances_mean, 0, None)
    shares = lost / max(lost.sum(), 1e-12)
    found = [
        Mattered(hp.name, float(share), _correlation(hp, values, gains))
        for hp, share in zip(varied, shares, strict=True)
    ]
    found.sort(key=lambda one: one.share, reverse=True)
    return Importance(tuple(found), float(forest.oob_score_), len(values))


def _value(hp: HyperParameter, values: Mapping[str, Any]) -> Any:
    """A trial's value; the default where the dimension does not apply, as keras-tuner has it."""
    return values.get(hp.name, hp.default)


def _correlation(hp: HyperParameter, values, gains) -> float | None:
    from scipy.stats import spearmanr

    pairs = [
        (one[hp.name], gain) for one, gain in zip(values, gains, strict=True) if hp.name in one
    ]
    if isinstance(hp.default, str) or len(pairs) < FEWEST // 2:
        return None
    own, scores = zip(*pairs, strict=True)
    if len(set(own)) == 1 or len(set(scores)) == 1:
        return None
    return float(spearmanr(own, scores).statistic)
