"""From values of a space's dimensions to a training, and what its model would cost."""

from __future__ import annotations

import dataclasses
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

import models
from artifacts.console import count
from artifacts.names import unknown_name
from models import registry
from training.configuration import Configuration, set_values

LIMITS = {
    "multiply_adds": "multiply-adds of one look at an image",
    "parameters": "parameters",
    "milliseconds": "milliseconds for one look at an image, the median of some on this machine",
}
"""What a candidate can be limited in."""

WARM_UP, MAX_GLIMPSES = 3, 20


def candidate(
    base: Configuration,
    settings: Mapping[str, Any],
    full_steps: int,
    length: tuple[int, int] | None = None,
) -> Configuration:
    """The base with other settings, over the base's length or a shorter one.

    An epoch keeps its images whatever the batch size, and the moving average of weights spans
    the same share of the training however long that is.

    Args:
        base: what to start from.
        settings: what a space made.
        full_steps: batches in an epoch of the base.
        length: epochs, and batches of the base's size in each. Defaults to the base's own.

    Raises:
        ValueError: if a setting is unknown or does not fit.
    """
    arguments, recipe = set_values(base.model, base.recipe, settings)
    own = base.recipe
    epochs, steps = length or (recipe.epochs, full_steps)
    whole = length is None and own.steps_per_epoch is None
    steps = max(1, round(steps * own.batch_size / recipe.batch_size))
    share = own.epochs * full_steps / (epochs * steps)
    recipe = dataclasses.replace(
        recipe,
        epochs=epochs,
        steps_per_epoch=None if whole else steps,
        ema_momentum=round(recipe.ema_momentum**share, 6),
    )
    arguments = registry.configuration(base.model, **{**base.arguments, **arguments})
    return dataclasses.replace(base, arguments=arguments, recipe=recipe)


def parse_limits(texts: Sequence[str]) -> dict[str, float]:
    """Read limits such as "50M" (multiply-adds), "parameters=2M" or "milliseconds=5".

    Raises:
        ValueError: for an unknown name or something that is no number above 0.
    """
    limits = {}
    for text in texts:
        name, equals, amount = text.rpartition("=")
        name = name if equals else "multiply_adds"
        if name not in LIMITS:
            raise ValueError(unknown_name("limit", name, LIMITS))
        read = re.fullmatch(r"(\d+\.?\d*|\.\d+)([kMG]?)", amount.strip())
        value = float(read[1]) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[read[2]] if read else 0.0
        if value <= 0:
            raise ValueError(f"a limit is a number such as 50M, 800k or 2.5. Received: {text!r}")
        limits[name] = value
    return limits


def refusal(configuration: Configuration, limits: Mapping[str, float]) -> str | None:
    """Why a candidate is not worth training: it costs too much, or cannot be built.

    Returns:
        The reason, or None for one within the limits.
    """
    if not limits:
        return None
    try:
        model = models.create(configuration.model, **configuration.arguments)
        costs = {
            "multiply_adds": lambda: models.multiply_adds(model),
            "parameters": model.count_params,
            "milliseconds": lambda: _milliseconds(model),
        }
        for name, most in limits.items():
            cost = costs[name]()
            if cost > most:
                return f"{count(cost)} {name.replace('_', '-')}, the limit is {count(most)}"
    except Exception as error:
        return f"cannot be built: {describe(error)}"
    finally:
        keras.backend.clear_session()
    return None


def describe(error: BaseException) -> str:
    """An error in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _milliseconds(model: keras.Model) -> float:
    image = np.zeros((1, *model.input_shape[1:]), np.float32)
    taken = []
    for _ in range(WARM_UP + MAX_GLIMPSES):
        started = time.perf_counter()
        model.predict_on_batch(image)
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken[WARM_UP:])
