"""A search space: the dimensions that vary, and the settings of a training that they make.

A space is a function of keras-tuner's `HyperParameters` and of the configuration to start from:

    def space(hp, base):
        layers = hp.Int("dense_layers", 1, 2)
        units = [hp.Choice("dense_units_1", [128, 256])]
        with hp.conditional_scope("dense_layers", [2]):
            units.append(hp.Choice("dense_units_2", [128, 256]))
        return {
            "dense_units": units[:layers],
            "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"),
        }

It returns settings under the names that `train.py --set` takes. What stands in a conditional scope
is None where the scope does not apply.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras_tuner as kt
from keras_tuner.engine.hyperparameters import HyperParameter

from artifacts.names import unknown_name
from training.configuration import Configuration

SpaceFunction = Callable[[kt.HyperParameters, Configuration], Mapping[str, Any]]

DRAWS = 20
"""Random draws in which a space is looked for dimensions that only some values bring."""

PRECISION = 4
"""Significant digits of a real number: a rate of 0.001234 says enough, survives the way to another
machine, where keras-tuner sends 32 bits, and can be typed."""


class Space:
    """The dimensions of a search.

    Args:
        function: what makes settings of them.
        base: the configuration to start from.
        narrowing: texts `key=value` that fix a dimension, `key=a,b,c` that leave these values, or
            `key=low..high` that leave what lies between, both included.

    Attributes:
        dimensions: keras-tuner's hyperparameters, parents before those that depend on them.

    Raises:
        ValueError: if the function is none or fails, a dimension is unknown (the message lists
            the known, nearest first) or a value does not fit it.
    """

    def __init__(self, function: SpaceFunction, base: Configuration, narrowing: Sequence[str] = ()):
        self._function = function
        self._base = base
        self.dimensions = _narrow(_discover(function, base), narrowing)

    @property
    def hyperparameters(self) -> kt.HyperParameters:
        """The dimensions as an oracle takes them."""
        made = kt.HyperParameters()
        made.merge(self.dimensions)
        return made

    def rounded(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of the dimensions as they are used, by name; those that do not apply left out."""
        hp = self.hyperparameters
        hp.values = {
            name: float(f"{value:.{PRECISION}g}") if isinstance(value, float) else value
            for name, value in values.items()
        }
        return {one.name: hp.values[one.name] for one in hp.space if hp.is_active(one)}

    def settings(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that values of the dimensions make."""
        hp = self.hyperparameters
        hp.values = self.rounded(values)
        return dict(self._function(hp, self._base))

    def combinations(self) -> int:
        """How many points a grid over the space has; ten for a real number without steps."""
        parents = {one.name for hp in self.dimensions for one in hp.conditions}
        return _count(self.dimensions, parents, {})

    def describe(self) -> list[tuple[str, str, str, str]]:
        """For each dimension its name, what it takes, its default and when it applies."""
        return [(hp.name, domain(hp), show(hp.default), _condition(hp)) for hp in self.dimensions]


def load(text: str, name: str) -> SpaceFunction:
    """The function `space` of a Python file.

    Args:
        text: what is in the file.
        name: what errors call it.

    Raises:
        ValueError: if the text cannot be run or has no such function.
    """
    names: dict[str, Any] = {"__name__": "space"}
    try:
        exec(compile(text, name, "exec"), names)
    except Exception as error:
        raise ValueError(f"{name} cannot be run: {type(error).__name__}: {error}") from error
    if not callable(names.get("space")):
        raise ValueError(f"{name} has no function space(hp, base)")
    return names["space"]


def domain(hp: HyperParameter) -> str:
    """What a dimension takes, as people say it."""
    if isinstance(hp, kt.engine.hyperparameters.Fixed):
        return f"fixed: {show(hp.value)}"
    if hasattr(hp, "min_value"):
        steps = f", steps of {show(hp.step)}" if hp.step not in (None, 1) else ""
        scale = f", {hp.sampling}" if hp.sampling != "linear" else ""
        return f"{show(hp.min_value)} to {show(hp.max_value)}{steps}{scale}"
    return ", ".join(map(show, hp.values))


def show(value: Any) -> str:
    """A value in few characters."""
    return f"{value:.{PRECISION}g}" if isinstance(value, float) else str(value)


def _condition(hp: HyperParameter) -> str:
    return " and ".join(
        f"{one.name} is {' or '.join(map(show, one.values))}" for one in hp.conditions
    )


def _discover(function: SpaceFunction, base: Configuration) -> kt.HyperParameters:
    """Call the function until it brings no new dimensions."""
    known = kt.HyperParameters()
    for draw in range(DRAWS):
        try:
            made = function(known, base)
        except Exception as error:
            raise ValueError(
                f"the space's function failed with {known.values}: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(made, Mapping):
            raise ValueError(f"a space's function returns a dictionary. Received: {made!r}")
        known.values = {}
        for place, hp in enumerate(known.space):
            if known.is_active(hp):
                known.values[hp.name] = hp.random_sample(1000 * draw + place)
    return known


def _narrow(found: kt.HyperParameters, narrowing: Sequence[str]) -> list[HyperParameter]:
    texts = {}
    names = {hp.name for hp in found.space}
    for text in narrowing:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"a setting is key=value. Received: {text!r}")
        if name not in names:
            raise ValueError(unknown_name("dimension", name, sorted(names)))
        texts[name] = value
    kept: list[HyperParameter] = []
    for hp in found.space:
        if all(_possible(condition, kept) for condition in hp.conditions):
            kept.append(_narrowed(hp, texts[hp.name]) if hp.name in texts else hp)
    return kept


def _possible(condition, kept: Sequence[HyperParameter]) -> bool:
    """Whether a parent is left with a value under which its child applies."""
    parents = [hp for hp in kept if hp.name == condition.name]
    return any(set(parent.values) & set(condition.values) for parent in parents)


def _narrowed(hp: HyperParameter, text: str) -> HyperParameter:
    """The dimension with what a text leaves of it."""
    types = kt.engine.hyperparameters
    common = {"name": hp.name, "conditions": hp.conditions}
    low, dots, high = text.partition("..")
    if not dots:
        values = [_value(hp, part) for part in text.split(",")]
        if len(values) == 1:
            return types.Fixed(value=values[0], **common)
        default = hp.default if hp.default in values else values[0]
        return types.Choice(values=values, default=default, **common)
    low, high = _value(hp, low), _value(hp, high)
    if isinstance(low, str | bool) or low > high:
        raise ValueError(f"a range is low..high, of numbers. Received: {hp.name}={text}")
    if isinstance(hp, types.Choice):
        return _narrowed(hp, ",".join(map(str, _between(hp, low, high))))
    ends = {"min_value": low, "max_value": high, "default": min(max(hp.default, low), high)}
    return type(hp).from_config(hp.get_config() | ends)


def _between(hp: HyperParameter, low: float, high: float) -> list[Any]:
    values = [value for value in hp.values if low <= value <= high]
    if not values:
        raise ValueError(
            f"{hp.name} takes {domain(hp)}, none of it from {show(low)} to {show(high)}"
        )
    return values


def _value(hp: HyperParameter, text: str) -> Any:
    """The value that a text stands for, of the kind that the dimension takes."""
    kind = type(hp.default)
    if kind is str:
        return text
    try:
        value = ast.literal_eval(text.strip().capitalize() if kind is bool else text.strip())
    except (ValueError, SyntaxError):
        value = None
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ValueError(f"{hp.name} takes {domain(hp)}: {kind.__name__}. Received: {text!r}")
    return value


def _count(dimensions: Sequence[HyperParameter], parents: set[str], values: dict) -> int:
    if not dimensions:
        return 1
    hp, rest = dimensions[0], dimensions[1:]
    if not all(condition.is_active(values) for condition in hp.conditions):
        return _count(rest, parents, values)
    options = {hp.default, *hp.values}
    if hp.name not in parents:
        return len(options) * _count(rest, parents, values)
    return sum(_count(rest, parents, values | {hp.name: option}) for option in options)
