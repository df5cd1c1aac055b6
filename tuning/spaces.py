"""The spaces of the zoo's models: which arguments of a builder vary, and over what.

Widths are searched around the model's own, so that one space serves `deep_cnn`, `deep_cnn_tiny`
and `deep_cnn_goodfellow`, and its default is the model as it is. `space.py` says what a space is.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras_tuner as kt

from artifacts.names import unknown_name
from models import registry
from models.deep_cnn import per_block
from training.configuration import Configuration
from tuning.space import SpaceFunction

WIDTHS = (0.5, 0.75, 1, 1.5, 2)
"""By which factors the widths of convolutions vary."""


def recipe(hp: kt.HyperParameters, base: Configuration) -> dict[str, Any]:
    """Rate, weight decay and batch size, and how strong the recipe's augmentation is."""
    own = base.recipe
    rate = own.learning_rate
    found = {
        "learning_rate": hp.Float(
            "learning_rate", rate / 5, rate * 5, sampling="log", default=rate
        ),
        "batch_size": _width(hp, "batch_size", own.batch_size, (0.5, 1, 2)),
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


def logistic_regression(hp: kt.HyperParameters, base: Configuration) -> dict[str, Any]:
    """The recipe alone: the model has nothing to vary."""
    return recipe(hp, base)


def shallow_cnn(hp: kt.HyperParameters, base: Configuration) -> dict[str, Any]:
    """Filters of both convolutions, their windows, the dense layer and its dropout."""
    own = base.arguments
    return {
        "filters": [_width(hp, f"filters_{n}", width) for n, width in enumerate(own["filters"], 1)],
        "kernel_size": _around(hp, "kernel_size", (3, 5, 7), own["kernel_size"]),
        "dense_units": _width(hp, "dense_units", own["dense_units"]),
        "dropout": _dropout(hp, "dropout", own["dropout"], 0.7),
        **recipe(hp, base),
    }


def deep_cnn(hp: kt.HyperParameters, base: Configuration) -> dict[str, Any]:
    """Blocks, filters and window of each; pooling; dense layers, the width of each; dropout."""
    own = base.arguments
    count, layers = len(own["filters"]), len(own["dense_units"])
    kernels = per_block("kernel_size", own["kernel_size"], count)
    strides = per_block("pool_strides", own["pool_strides"], count)
    halvings = sum(stride == 2 for stride in strides)
    reach = range(max(1, count - 2), count + 2)
    blocks = hp.Int("blocks", reach[0], reach[-1], default=count)
    filters = _layers(
        hp, "blocks", reach, lambda n: _width(hp, f"filters_{n}", _of(own["filters"], n))
    )
    kernel_size = _layers(
        hp, "blocks", reach, lambda n: _around(hp, f"kernel_size_{n}", (3, 5), _of(kernels, n))
    )
    fewest = max(1, min(halvings - 1, reach[0]))
    halved = hp.Int("halvings", fewest, min(halvings + 1, reach[-1]), default=halvings)
    hp.Int("dense_layers", 0, max(2, layers), default=layers)
    widths = own["dense_units"] or [512]
    dense_units = _layers(
        hp,
        "dense_layers",
        range(max(2, layers) + 1),
        lambda n: _width(hp, f"dense_units_{n}", _of(widths, n), (0.5, 1, 2)),
    )
    with hp.conditional_scope("dense_layers", list(range(1, max(2, layers) + 1))):
        dense_dropout = _dropout(hp, "dense_dropout", own["dense_dropout"], 0.6)
    return {
        "filters": filters,
        "kernel_size": kernel_size,
        "pool_strides": spread(halved, blocks),
        "dense_units": dense_units,
        "conv_dropout": _dropout(hp, "conv_dropout", own["conv_dropout"], 0.3),
        "dense_dropout": own["dense_dropout"] if dense_dropout is None else dense_dropout,
        **recipe(hp, base),
    }


def residual_cnn(hp: kt.HyperParameters, base: Configuration) -> dict[str, Any]:
    """Filters and blocks of each stage, the stem's filters, dilation and dropout."""
    own = base.arguments
    return {
        "stem_filters": _width(hp, "stem_filters", own["stem_filters"]),
        "filters": [_width(hp, f"filters_{n}", width) for n, width in enumerate(own["filters"], 1)],
        "blocks": [
            hp.Int(f"blocks_{n}", max(1, count - 1), count + 2, default=count)
            for n, count in enumerate(own["blocks"], 1)
        ],
        "dilations": own["dilations"] if hp.Boolean("dilated", default=True) else [1],
        "dropout": _dropout(hp, "dropout", own["dropout"], 0.5),
        **recipe(hp, base),
    }


_SPACES: dict[str, SpaceFunction] = {
    made.__name__: made for made in (logistic_regression, shallow_cnn, deep_cnn, residual_cnn)
}


def of_model(name: str) -> SpaceFunction:
    """The space of a model: that of its builder.

    Raises:
        ValueError: if no model has that name, or its builder has no space yet.
    """
    builder = registry.entry(name).builder.__name__
    if builder not in _SPACES:
        raise ValueError(unknown_name("space of a builder", builder, _SPACES))
    return _SPACES[builder]


def spread(halvings: int, blocks: int) -> list[int]:
    """Strides of the blocks' pooling, so many of them 2, as evenly as can be.

    Example:
        >>> spread(4, 5)
        [2, 2, 1, 2, 2]
    """
    halvings = min(halvings, blocks)
    done = [math.floor(block * halvings / blocks + 0.5) for block in range(blocks + 1)]
    return [2 if after > before else 1 for before, after in itertools.pairwise(done)]


def _layers(
    hp: kt.HyperParameters, count: str, reach: range, make: Callable[[int], Any]
) -> list[Any]:
    """What `make` gives for each layer; a dimension of the Nth applies only where there are N."""
    made = []
    for number in range(1, reach[-1] + 1):
        scope = (
            contextlib.nullcontext()
            if number <= reach[0]
            else hp.conditional_scope(count, [n for n in reach if n >= number])
        )
        with scope:
            made.append(make(number))
    return [one for one in made if one is not None]


def _of(values: Sequence[Any], number: int) -> Any:
    """The Nth of values, from 1; the last one stands for those after it."""
    return values[min(number, len(values)) - 1]


def _width(
    hp: kt.HyperParameters, name: str, own: int, factors: Sequence[float] = WIDTHS
) -> int | None:
    """A width around the model's own, in steps of 4 where it is wide enough."""
    step = 4 if own % 4 == 0 else 1
    return _around(hp, name, [step * round(own * factor / step) for factor in factors], own)


def _around(hp: kt.HyperParameters, name: str, values: Sequence[int], own: int) -> int | None:
    return hp.Choice(name, sorted({own, *(value for value in values if value > 0)}), default=own)


def _dropout(hp: kt.HyperParameters, name: str, own: float, most: float) -> float | None:
    return hp.Choice(
        name, sorted({own, *(n / 10 for n in range(round(10 * most) + 1))}), default=own
    )
