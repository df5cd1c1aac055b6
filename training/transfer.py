"""Start from the weights of another model, also one with other places or another size."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np


@dataclass(frozen=True)
class Transfer:
    """Which layers were taken over.

    Attributes:
        whole: layers whose weights all came over.
        partly: output layers of another width: the classes that both have came over.
        fresh: layers with weights that stay as they were.
    """

    whole: tuple[str, ...]
    partly: tuple[str, ...]
    fresh: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"took over {len(self.whole)} layers"]
        for what, names in (("partly", self.partly), ("left fresh", self.fresh)):
            if names:
                parts.append(f"{what}: {', '.join(names)}")
        return "; ".join(parts)


def transfer_weights(model: keras.Model, other: keras.Model) -> Transfer:
    """Copy into `model` the weights of the layers of `other` that have the same name.

    A layer comes over whole if all shapes agree. Where they differ along the last axis alone, as
    the output layers do when `max_digits` differs, what both have comes over.

    Raises:
        ValueError: if not a single layer came over.
    """
    whole, partly, fresh = [], [], []
    others = {layer.name: layer for layer in other.layers}
    for layer in model.layers:
        if not layer.weights:
            continue
        donor = others.get(layer.name)
        weights = layer.get_weights()
        given = donor.get_weights() if donor is not None else []
        shapes, given_shapes = [w.shape for w in weights], [w.shape for w in given]
        if shapes == given_shapes:
            layer.set_weights(given)
            whole.append(layer.name)
        elif [s[:-1] for s in shapes] == [s[:-1] for s in given_shapes]:
            layer.set_weights([_overlap(a, b) for a, b in zip(weights, given, strict=True)])
            partly.append(layer.name)
        else:
            fresh.append(layer.name)
    if not whole:
        raise ValueError(
            f"{other.name} has no layer in common with {model.name}: start from weights of the "
            "same kind of model"
        )
    return Transfer(tuple(whole), tuple(partly), tuple(fresh))


def _overlap(weight: np.ndarray, given: np.ndarray) -> np.ndarray:
    width = min(weight.shape[-1], given.shape[-1])
    result = weight.copy()
    result[..., :width] = given[..., :width]
    return result
