"""Find the numbers in images of any size with a locator, on Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

import models
from inference.graph import compile_graph
from inference.locator_graph import build_locator_model
from number_zoo import locator
from number_zoo.published import DEFAULT_LOCATOR, list_weights

_STATIC = keras.backend.backend() == "jax"


class Locator(locator.Locator):
    """A trained Keras model with its inference graph (`inference.locator_graph`).

    Args:
        weights: name of published weights, or path of a run folder or a `.keras` file. Defaults
            to `number_zoo.published.DEFAULT_LOCATOR`.

    Raises:
        ValueError: if there are no such weights, or the model is no locator.
    """

    def __init__(self, weights: str | Path | None = None):
        weights = weights or DEFAULT_LOCATOR
        self.model = models.load(weights)
        if models.task_of(weights) != "locate":
            raise ValueError(
                f"{weights} is no locator: accepted are the weights of "
                f"{' or '.join(models.list_models(task='locate'))}. Received: {self.model.name}"
            )
        is_published = str(weights) in list_weights(None)
        self.name = str(weights if is_published else Path(weights).resolve().name)
        self.name = self.name.removesuffix(".keras")
        self.threshold: float | None = models.inference_config(weights).get("threshold")
        self._backend = self.backend = compile_graph(build_locator_model(self.model))

    @property
    def metadata(self) -> dict[str, Any]:
        """What an exported file says of the model, see `number_zoo.session.METADATA`."""
        return {
            "task": "locate",
            "input_shape": list(self.model.input_shape[1:]),
            "parameters": self.model.count_params(),
            "threshold": self.threshold,
        }

    def _padded_size(self, height: int, width: int) -> tuple[int, int]:
        if not _STATIC:
            return height, width
        side = 1 << (max(height, width, 32) - 1).bit_length()
        return side, side
