"""Which hyperparameters of a search mattered, as far as its trials can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras_tuner.engine.hyperparameters import HyperParameter

FEWEST_TRIALS = 10
"""Finished trials below which nothing is estimated."""

TREES, SHUFFLES, CONFIDENCE = 30, 39, 0.95

MEASURE = (
    "Permutation importance on trials that a tree of a random forest has not learned from: how "
    "much the squared error of the predicted score grows when the values of one hyperparameter "
    "are shuffled, as % of the variance of the scores, with a 95 % interval (bootstrap over "
    "trials). Shown where it is larger than that of every hyperparameter in 95 % of searches "
    "with shuffled scores."
)
"""What the numbers are, for the page."""


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
        [
            [hp.value_to_prob(trial.get(hp.name, hp.default)) for hp in dimensions]
            for trial in values
        ]
    )
    y = np.array(scores, float)
    growth = _error_growth(encoded, y)
    rng = np.random.default_rng(0)
    by_chance = [_error_growth(encoded, rng.permutation(y)).mean(0).max() for _ in range(SHUFFLES)]
    threshold = np.quantile(by_chance, CONFIDENCE, method="higher")
    important = [
        Importance(hp.name, float(errors.mean()), _interval(errors), _correlation(hp, column, y))
        for hp, errors, column in zip(dimensions, growth.T, encoded.T, strict=True)
        if errors.mean() > max(threshold, 0)
    ]
    return sorted(important, key=lambda hyperparameter: -hyperparameter.importance)


def _error_growth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Growth of each trial's out-of-bag squared error when a column is shuffled.

    Args:
        x: encoded values (trials, columns).
        y: scores (trials,).

    Returns:
        Growth (trials, columns) as fraction of the variance of the scores.
    """
    # Imported here because it takes seconds.
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng(0)
    trials, columns = x.shape
    forest = RandomForestRegressor(TREES, max_features=0.5, random_state=0).fit(x, y)
    growth, trees = np.zeros((trials, columns)), np.zeros((trials, 1))
    for tree, drawn in zip(forest.estimators_, forest.estimators_samples_, strict=True):
        held_out = np.setdiff1d(np.arange(trials), drawn)
        # Row 0: as they are; row n: column n - 1 shuffled.
        inputs = np.repeat(x[None, held_out], columns + 1, axis=0)
        for column in range(columns):
            inputs[column + 1, :, column] = rng.permutation(x[held_out, column])
        predicted = tree.predict(inputs.reshape(-1, columns)).reshape(columns + 1, -1)
        errors = (predicted - y[held_out]) ** 2
        growth[held_out] += (errors[1:] - errors[0]).T
        trees[held_out] += 1
    return growth / np.maximum(trees, 1) / y.var()


def _interval(errors: np.ndarray) -> tuple[float, float]:
    from scipy.stats import bootstrap

    result = bootstrap((errors,), np.mean, confidence_level=CONFIDENCE, method="percentile", rng=0)
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _correlation(hp: HyperParameter, encoded: np.ndarray, scores) -> float | None:
    from scipy.stats import spearmanr

    if isinstance(hp.default, str):
        return None
    return float(spearmanr(encoded, scores).statistic)
