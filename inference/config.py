"""The settings with which trained weights are read, as their card or their run states them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models import published


@dataclass(frozen=True)
class InferenceConfig:
    """Settings of the inference graph that belong to trained weights.

    Attributes:
        crop: what the model was trained on: "full" images, or "union" or "square" crops.
        max_glimpses: most glimpses; None where it is not recorded.
        temperature: divisor of the log-probabilities, fitted on validation; 1 where it was not.
    """

    crop: str = "full"
    max_glimpses: int | None = None
    temperature: float = 1.0


def inference_config(weights: str | Path) -> InferenceConfig:
    """The settings of published weights, of a run folder or of a `.keras` file (the defaults).

    A run that is not finished has no temperature yet; one trained on crops reads one glimpse.

    Raises:
        ValueError: if the `metrics.json` of the run is not JSON.
    """
    saved = published.inference_config(weights)
    configuration = published.provenance_of(weights).get("configuration", {})
    crop = configuration.get("crop", "full")
    return InferenceConfig(
        crop=crop,
        max_glimpses=saved.get("max_glimpses") or (None if crop == "full" else 1),
        temperature=saved.get("temperature", 1.0),
    )
