"""The temperature that calibrates a model's confidence."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from models.metrics import negative_log_likelihood

RANGE = (0.2, 5.0)
"""Range of the temperature; a fit at either end indicates another defect of the model."""


def fit_temperature(
    *samples: tuple[dict[str, np.ndarray], dict[str, np.ndarray]],
) -> float:
    """Fit the temperature that minimizes the mean −log P(S|X) (Guo et al. 2017).

    The logits divided by the temperature give calibrated probabilities; the decoded numbers hardly
    change. It should be fitted on images that are used neither for training nor for the final
    figures.

    Args:
        samples: (outputs, labels) of each kind of image: logits or log-probabilities as for
            `models.decode_predictions`, and `digits` and, if N > 1, `length`. Each kind has the
            same weight, independently of its number of images.

    Returns:
        The temperature, within `RANGE`, to three decimals; above 1 for an overconfident model.

    Reference:
        https://arxiv.org/abs/1706.04599
    """

    def loss(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        return sum(
            negative_log_likelihood(scale_logits(outputs, temperature), truth).mean()
            for outputs, truth in samples
        )

    result = minimize_scalar(loss, bounds=np.log(RANGE), method="bounded", options={"xatol": 1e-4})
    return round(float(np.exp(result.x)), 3)


def scale_logits(outputs: dict[str, np.ndarray], temperature: float) -> dict[str, np.ndarray]:
    """Logits or log-probabilities divided by a temperature, float64."""
    return {name: np.asarray(logits, np.float64) / temperature for name, logits in outputs.items()}
