"""Which hyperparameters of a search mattered, as far as its trials can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras_tuner.engine.hyperparameters import HyperParameter

FEWEST_TRIALS = 10
"""Finished trials below which nothing is estimated."""

FOLDS, REPEATS, TREES = 5, 5, 60

CONFIDENCE = 0.95
"""Of all intervals together: each has 1 − 0.05 / hyperparameters (Bonferroni)."""

MEASURE = (
    "Permutation importance on held-out trials: a random forest learns the score from the "
    "hyperparameters of four fifths of the trials; the importance of one is how much the squared "
    "error on the other fifth grows when its values are shuffled, as % of the variance of the "
    f"scores ({REPEATS} times {FOLDS}-fold cross-validation). Interval: bootstrap over trials, "
    "95 % for all hyperparameters together. Only those whose interval lies above 0 are shown."
)


@dataclass(frozen=True)
class Importance:
    """Importance of a hyperparameter.

    Attributes:
        name: its name.
        importance: growth of the held-out squared error without it, as fraction of the variance of
            the scores.
        interval: confidence interval of the importance.
        correlation: Spearman's rank correlation of its values with the score, above 0 where
            larger values are better; None for values without order.
    """

    name: str
    importance: float
    interval: tuple[float, float]
    correlation: float | None


def importance(
    dimensions: Sequence[HyperParameter],
    values: Sequence[Mapping[str, Any]],
    scores: Sequence[float],
) -> list[Importance]:
    """Estimate which hyperparameters mattered.

    Args:
        dimensions: hyperparameters of the space.
        values: for each trial the values that applied.
        scores: for each trial a score, larger is better.

    Returns:
        The hyperparameters whose importance is above 0 beyond chance, the largest first; empty
        where the trials do not show any.
    """
    if len(scores) < FEWEST_TRIALS or len(set(scores)) == 1:
        return []
    encoded = np.array(
        [[hp.value_to_prob(trial.get(hp.name, hp.default)) for hp in dimensions] for trial in values]
    )
    varied = np.flatnonzero(np.ptp(encoded, axis=0) > 0)
    if not len(varied):
        return []
    growth = _error_growth(encoded[:, varied], np.array(scores, float))
    found = []
    for column, errors in zip(varied, growth.T, strict=True):
        interval = _interval(errors, 1 - (1 - CONFIDENCE) / len(varied))
        if interval[0] > 0:
            hp = dimensions[column]
            correlation = _correlation(hp, encoded[:, column], scores)
            found.append(Importance(hp.name, float(errors.mean()), interval, correlation))
    return sorted(found, key=lambda hyperparameter: -hyperparameter.importance)


def _error_growth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Growth of each trial's held-out squared error when a column is shuffled.

    Args:
        x: encoded values (trials, columns).
        y: scores (trials,).

    Returns:
        Growth (trials, columns) as fraction of the variance of the scores.
    """
    # Imported here because it takes seconds.
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import RepeatedKFold

    rng = np.random.default_rng(0)
    growth = np.zeros_like(x)
    for train, held_out in RepeatedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=0).split(x):
        forest = RandomForestRegressor(TREES, random_state=0).fit(x[train], y[train])
        error = (forest.predict(x[held_out]) - y[held_out]) ** 2
        for column in range(x.shape[1]):
            shuffled = x[held_out]
            shuffled[:, column] = rng.choice(x[:, column], len(held_out))
            growth[held_out, column] += (forest.predict(shuffled) - y[held_out]) ** 2 - error
    return growth / REPEATS / y.var()


def _interval(errors: np.ndarray, confidence: float) -> tuple[float, float]:
    from scipy.stats import bootstrap

    if np.ptp(errors) == 0:
        return float(errors[0]), float(errors[0])
    result = bootstrap(
        (errors,), np.mean, confidence_level=confidence, method="BCa", rng=0, n_resamples=4000
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _correlation(hp: HyperParameter, encoded: np.ndarray, scores) -> float | None:
    from scipy.stats import spearmanr

    if isinstance(hp.default, str):
        return None
    return float(spearmanr(encoded, scores).statistic)
