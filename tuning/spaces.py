"""The search space of a model: its builder's arguments, from its entry, and its recipe."""

from __future__ import annotations

import functools
from typing import Any

import keras_tuner as kt

from models import registry, search_space
from training.configuration import Configuration
from tuning.space import SpaceFunction


def recipe(hp: kt.HyperParameters, base: Configuration) -> dict[str, Any]:
    """Rate, weight decay and batch size, and how strong the recipe's augmentation is."""
    own = base.recipe
    rate = own.learning_rate
    found = {
        "learning_rate": hp.Float(
            "learning_rate", rate / 5, rate * 5, sampling="log", default=rate
        ),
        "batch_size": search_space.width(hp, "batch_size", own.batch_size, (0.5, 1, 2)),
    }
    if own.weight_decay:
        found["weight_decay"] = hp.Float(
            "weight_decay",
            own.weight_decay / 10,
            own.weight_decay * 10,
            sampling="log",
            default=own.weight_decay,
        )
    if own.augmentation.changes:
        found["augmentation"] = hp.Float("augmentation", 0.0, 1.5, step=0.25, default=1.0)
    return found


def of_model(name: str) -> SpaceFunction:
    """The space of a model.

    Raises:
        ValueError: if no model has that name.
    """
    entry = registry.entry(name)

    @functools.wraps(entry.search_space)
    def space(hp: kt.HyperParameters, base: Configuration) -> dict[str, Any]:
        return entry.search_space(hp, base.arguments) | recipe(hp, base)

    return space
