"""Copy weights between models, also with different `max_digits` or image sizes."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np


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
    layers with different `max_digits`, the common part is copied.

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
    if not copied:
        raise ValueError(
            f"{donor.name} has no layer in common with {model.name}: start from weights of the "
            "same architecture"
        )
    return Transfer(tuple(copied), tuple(partial), tuple(fresh))


def _overlap(weight: np.ndarray, donated: np.ndarray) -> np.ndarray:
    """`weight` with the common part of its last axis replaced."""
    width = min(weight.shape[-1], donated.shape[-1])
    result = weight.copy()
    result[..., :width] = donated[..., :width]
    return result
