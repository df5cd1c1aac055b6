"""Parallel coordinates: an upright axis for each dimension, a line across them for each trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras_tuner.engine.hyperparameters import Choice, HyperParameter

from tuning.objectives import Objective
from tuning.records import Record
from tuning.space import show

WIDTH, APART = 1080, (80, 130)
"""Pixels that the axes share, and how far they are apart at least and at most."""

TOP, HEIGHT, BELOW = 42, 250, 40
"""Pixels above the axes, along them, and down to where a line has no value."""

TICKS = 6
"""Values of a dimension that are written at its axis, at most."""


@dataclass(frozen=True)
class Axis:
    """An axis: its name, where it stands, and values written beside it, each with its height."""

    name: str
    x: float
    ticks: tuple[tuple[float, str], ...]
    gaps: bool


@dataclass(frozen=True)
class Lines:
    """What to draw, in pixels.

    Attributes:
        axes: the objective's is the last.
        lines: for each trial the points of its line.
        width, height: of the drawing.
        top, bottom: ends of the axes.
    """

    axes: tuple[Axis, ...]
    lines: tuple[str, ...]
    width: float
    height: float
    top: float = TOP
    bottom: float = TOP + HEIGHT


def parallel(dimensions: Sequence[HyperParameter], records: Sequence[Record], aim: Objective):
    """Lay the axes and lines out.

    Args:
        dimensions: in the order of their axes.
        records: trials with a score.
        aim: what the last axis shows.
    """
    apart = min(max(WIDTH / (len(dimensions) + 1), APART[0]), APART[1])
    across = [apart * (place + 0.5) for place in range(len(dimensions) + 2)]
    axes, columns = [], []
    for place, hp in enumerate(dimensions):
        values = [one.values.get(hp.name) for one in records]
        scale, ticks = _scale(hp, [value for value in values if value is not None])
        heights = [_height(scale(value)) if value is not None else _gap() for value in values]
        axes.append(Axis(hp.name, across[place], ticks, None in values))
        columns.append(heights)
    scores = [one.score for one in records]
    low, high = min(scores), max(scores)
    worst, top = (low, high) if aim.larger else (high, low)
    ticks = ((_height(0), aim.show(worst)), (_height(1), aim.show(top)))
    axes.append(Axis(aim.label, across[-2], ticks, False))
    columns.append([_height(_share(score, worst, top)) for score in scores])
    lines = [
        " ".join(f"{across[place]:.0f},{y:.1f}" for place, y in enumerate(heights))
        for heights in zip(*columns, strict=True)
    ]
    return Lines(tuple(axes), tuple(lines), across[-1], TOP + HEIGHT + BELOW + 16)


def _scale(hp: HyperParameter, values: Sequence[Any]):
    """A function from a value to its share of the axis, and the values that are written."""
    if isinstance(hp, Choice) or len(set(values)) <= TICKS:
        known = list(dict.fromkeys([*hp.values, *values])) if isinstance(hp, Choice) else values
        order = sorted(set(known)) if not isinstance(hp.default, str) else list(known)
        places = {value: _share(n, 0, len(order) - 1) for n, value in enumerate(order)}
        step = math.ceil(len(order) / TICKS)
        ticks = tuple((_height(places[value]), show(value)) for value in order[::step])
        return places.__getitem__, ticks
    of = math.log if getattr(hp, "sampling", "") == "log" else float
    low, high = min(values), max(values)
    ticks = tuple(
        (_height(share), show(_between(of(low), of(high), share, of))) for share in (0, 0.5, 1)
    )
    return lambda value: _share(of(value), of(low), of(high)), ticks


def _between(low: float, high: float, share: float, of) -> float:
    value = low + share * (high - low)
    return float(f"{math.exp(value) if of is math.log else value:.3g}")


def _share(value: float, low: float, high: float) -> float:
    return 0.5 if low == high else (value - low) / (high - low)


def _height(share: float) -> float:
    return TOP + HEIGHT * (1 - share)


def _gap() -> float:
    return TOP + HEIGHT + BELOW
