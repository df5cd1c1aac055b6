"""Helpers for search spaces around a model's own arguments.

`hp` is a `keras_tuner.HyperParameters`, or an object with the same methods; keras-tuner is not
imported. In a conditional scope that does not apply, its methods return None.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

WIDTH_FACTORS = (0.5, 0.75, 1, 1.5, 2)


def choice(hp: Any, name: str, values: Sequence[Any], default: Any) -> Any:
    """A choice among `values` and the default, in ascending order."""
    return hp.Choice(name, sorted({default, *values}), default=default)


def width(hp: Any, name: str, default: int, factors: Sequence[float] = WIDTH_FACTORS) -> int | None:
    """A number of filters or units around the default; a multiple of 4 if the default is one."""
    step = 4 if default % 4 == 0 else 1
    values = {step * round(default * factor / step) for factor in factors}
    return choice(hp, name, [value for value in values if value > 0], default)


def widths(hp: Any, name: str, defaults: Sequence[int]) -> list[int | None]:
    """`width` for each of several layers, as `name_1`, `name_2` and so on."""
    return [width(hp, f"{name}_{n}", default) for n, default in enumerate(defaults, 1)]


def block_counts(hp: Any, name: str, defaults: Sequence[int]) -> list[int | None]:
    """Blocks of each of several stages, from one less than the default (at least 1) to two more."""
    return [
        hp.Int(f"{name}_{n}", max(1, default - 1), default + 2, default=default)
        for n, default in enumerate(defaults, 1)
    ]


def dropout(hp: Any, name: str, default: float, highest: float) -> float | None:
    """A dropout rate from 0 to `highest` in steps of 0.1, or the default."""
    return choice(hp, name, [n / 10 for n in range(round(10 * highest) + 1)], default)


def per_layer(
    hp: Any, count: str, lowest: int, highest: int, dimension: Callable[[int], Any]
) -> list[Any]:
    """One dimension for each of a variable number of layers.

    Args:
        hp: the hyperparameters.
        count: name of the dimension that is the number of layers.
        lowest: smallest number of layers.
        highest: largest number of layers.
        dimension: function from the number of a layer, from 1, to its value.

    Returns:
        The values of the first `count` layers.
    """
    values = []
    for number in range(1, highest + 1):
        scope = contextlib.nullcontext()
        if number > lowest:
            scope = hp.conditional_scope(count, list(range(number, highest + 1)))
        with scope:
            values.append(dimension(number))
    return [value for value in values if value is not None]
