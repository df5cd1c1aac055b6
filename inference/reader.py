"""Read numbers in images of any size with the inference graph, on Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import models
from inference import backends, graph, provenance
from labels import BOX, DIGITS
from models.heads import attention_grid
from number_zoo import reader
from number_zoo.published import DEFAULT_WEIGHTS

MAX_GLIMPSES = 4
"""Default of `max_glimpses` for a model that predicts a box and was trained on whole images."""


class Reader(reader.Reader):
    """A trained Keras model with its inference graph (`inference.graph`).

    Args:
        weights: name of published weights, or path of a run folder or a `.keras` file. Defaults
            to `number_zoo.published.DEFAULT_WEIGHTS`.
        max_glimpses: maximum number of glimpses of an image. Defaults to the number with which the
            weights were calibrated, or `MAX_GLIMPSES`, or 1 for a model without a `box` output.
        temperature: divisor of the log-probabilities. Defaults to the value fitted on validation,
            or 1.
        locator: as for `number_zoo.Reader`.

    Raises:
        ValueError: if there are no such weights, the model has no `digits` output, or it cannot
            take that many glimpses.
    """

    batch = 1 if backends.STATIC_SHAPES else 64

    def __init__(
        self,
        weights: str | Path | None = None,
        max_glimpses: int | None = None,
        temperature: float | None = None,
        locator: str | Path | None = None,
    ):
        weights = weights or DEFAULT_WEIGHTS
        self.model = models.load(weights)
        outputs = getattr(self.model, "output", None)  # None for a model without an input
        if not (isinstance(outputs, dict) and DIGITS in outputs):
            if models.task_of(weights) == "locate":
                raise ValueError(
                    f"{weights} is a locator, which finds numbers and reads none: give it as the "
                    "locator of a reader"
                )
            raise ValueError(
                f"{weights} is not a model of this zoo: it has no output named {DIGITS!r}. "
                f"Received: {outputs}"
            )
        # Coordinates and probabilities need float32, in whatever precision the run was trained.
        if any(layer.compute_dtype != "float32" for layer in self.model.layers):
            self.model = backends.in_float32(self.model)
        config = models.inference_config(weights)
        self.temperature = temperature or config.get("temperature", 1.0)
        whole_images = provenance.configuration(weights).get("crop", "full") == "full"
        default = MAX_GLIMPSES if BOX in outputs and whole_images else 1
        self.max_glimpses = max_glimpses or config.get("max_glimpses", default)
        if self.max_glimpses > 1 and BOX not in outputs:
            raise ValueError(
                f"{weights} predicts no box, which every further glimpse needs: "
                f"max_glimpses is 1. Received: max_glimpses={self.max_glimpses}"
            )
        self.name = Path(weights).resolve().name.removesuffix(".keras")
        self.path = models.model_file(weights)
        inference_model = graph.build_inference_model(
            self.model, self.max_glimpses, self.temperature, crops=True
        )
        # One thread, since Keras uses several.
        self._start(backends.compile_graph(inference_model), 1, locator, reader.available_cores())

    @property
    def metadata(self) -> dict[str, Any]:
        """Metadata of exported files, see `number_zoo.session.METADATA`."""
        return {
            "input_shape": list(self.model.input_shape[1:]),
            "max_digits": self.model.output[DIGITS].shape[1],
            "parameters": self.model.count_params(),
            "attention_grid": attention_grid(self.model),
            "max_glimpses": self.max_glimpses,
            "temperature": self.temperature,
        }
