"""One temperature by which a reader's confidence means what it says."""

from __future__ import annotations

import numpy as np

from models.metrics import negative_log_likelihood

RANGE = (0.2, 5.0)
"""Temperatures that are tried; a fit at either end says that something else is wrong."""


def fit_temperature(
    *observed: tuple[dict[str, np.ndarray], dict[str, np.ndarray]],
) -> float:
    """The temperature of the smallest mean −log P(S|X) (Guo et al. 2017).

    Dividing all logits by one number changes how sure a reader is, and hardly what it reads. To
    be fitted on images that were not trained on, and not on those it is then judged by.

    Args:
        observed: for each kind of image logits or log-probabilities, as `models.read_out` takes
            them, and labels, `digits` and, where there are lengths, `length`. Each kind counts
            alike, however many images it has.

    Returns:
        A number within `RANGE`, to three digits; above 1 where the reader was too sure.

    Reference:
        https://arxiv.org/abs/1706.04599
    """

    def loss(log_temperature: float) -> float:
        by = np.exp(log_temperature)
        return sum(
            negative_log_likelihood(tempered(outputs, by), truth).mean()
            for outputs, truth in observed
        )

    low, high = np.log(RANGE)
    share = (np.sqrt(5) - 1) / 2  # golden section: the loss has one minimum
    while high - low > 1e-4:
        near, far = high - share * (high - low), low + share * (high - low)
        low, high = (low, far) if loss(near) < loss(far) else (near, high)
    return round(float(np.exp((low + high) / 2)), 3)


def tempered(outputs: dict[str, np.ndarray], temperature: float) -> dict[str, np.ndarray]:
    """Logits or log-probabilities over a temperature, float64."""
    return {name: np.asarray(one, np.float64) / temperature for name, one in outputs.items()}
