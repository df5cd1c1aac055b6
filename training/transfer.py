"""Copy weights between models, also with different `max_digits` or image sizes."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

ENCODER_BRANCHES = ("_attention", "_mlp_out")
"""Ends of the names of the layers whose outputs `models.encoder` adds to the tokens."""


@dataclass(frozen=True)
class Transfer:
    """Names of the layers with weights, by how they were copied.

    Attributes:
        copied: all weights were copied.
        partial: output layers of another width, of which the common classes were copied.
        fresh: nothing was copied.
    """

    copied: tuple[str, ...]
    partial: tuple[str, ...]
    fresh: tuple[str, ...]

    def __str__(self) -> str:
        text = f"copied {len(self.copied)} layers"
        text += f"; partly copied: {', '.join(self.partial)}" if self.partial else ""
        return text + (f"; not copied: {', '.join(self.fresh)}" if self.fresh else "")


def transfer_weights(model: keras.Model, donor: keras.Model) -> Transfer:
    """Copy the weights of `donor` into the layers of `model` that have the same name.

    A layer is copied if all shapes agree. If they differ only in the last axis, as for output
    layers with different `max_digits`, the common part is copied. Encoder layers that `donor` lacks
    become the identity, as additional residual blocks are, so that a deeper model starts with the
    outputs of `donor`.

    Raises:
        ValueError: if no layer could be copied completely.
    """
    copied, partial, fresh = [], [], []
    donors = {layer.name: layer.get_weights() for layer in donor.layers}
    for layer in model.layers:
        if not layer.weights:
            continue
        weights, donated = layer.get_weights(), donors.get(layer.name, [])
        shapes, donated_shapes = [w.shape for w in weights], [w.shape for w in donated]
        if shapes == donated_shapes:
            layer.set_weights(donated)
            copied.append(layer.name)
        elif [s[:-1] for s in shapes] == [s[:-1] for s in donated_shapes]:
            layer.set_weights([_overlap(a, b) for a, b in zip(weights, donated, strict=True)])
            partial.append(layer.name)
        else:
            fresh.append(layer.name)
            if layer.name.endswith(ENCODER_BRANCHES):
                _zero_output(layer)
    if not copied:
        raise ValueError(
            f"{donor.name} has no layer in common with {model.name}: start from weights of the "
            "same architecture"
        )
    return Transfer(tuple(copied), tuple(partial), tuple(fresh))


def _zero_output(layer: keras.Layer) -> None:
    """Set the kernel and bias of the output of an attention or dense layer to 0."""
    *inner, kernel, bias = layer.get_weights()
    layer.set_weights([*inner, np.zeros_like(kernel), np.zeros_like(bias)])


def _overlap(weight: np.ndarray, donated: np.ndarray) -> np.ndarray:
    """`weight` with the common part of its last axis replaced."""
    width = min(weight.shape[-1], donated.shape[-1])
    result = weight.copy()
    result[..., :width] = donated[..., :width]
    return result
