"""A search space: the hyperparameters that vary, and the resulting training settings.

A space is a function of keras-tuner's `HyperParameters` and the configuration to search around:

    def space(hp, base):
        layers = hp.Int("dense_layers", 1, 2)
        units = [hp.Choice("dense_units_1", [128, 256])]
        with hp.conditional_scope("dense_layers", [2]):
            units.append(hp.Choice("dense_units_2", [128, 256]))
        return {
            "dense_units": units[:layers],
            "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"),
        }

It returns settings with the names of `train.py --set`. Hyperparameters that exist only for some
values of another one belong in a `conditional_scope`; if it does not apply, they are None.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras_tuner as kt
from keras_tuner.engine import hyperparameters as kinds

import models
from models.search_space import width
from number_zoo.names import unknown_name
from training.configuration import Configuration
from training.recipes import Recipe

SpaceFunction = Callable[[kt.HyperParameters, Configuration], Mapping[str, Any]]

SIGNIFICANT_DIGITS = 4
"""Significant digits of real numbers: enough for a rate, and preserved by the 32-bit floats that
keras-tuner sends between machines."""


class Space:
    """The hyperparameters of a search.

    Args:
        function: the space.
        base: the configuration to search around.
        overrides: texts that narrow the space: `name=value` fixes a hyperparameter, `name=a,b,c`
            allows these values, `name=low..high` allows the values in this range, including both
            ends.

    Attributes:
        hyperparameters: a `kt.HyperParameters` with the default values.

    Raises:
        ValueError: if the function fails or returns no dictionary, a name is unknown (the message
            lists the known, nearest first) or a value is outside the space.
    """

    def __init__(self, function: SpaceFunction, base: Configuration, overrides: Sequence[str] = ()):
        self._function = function
        self._base = base
        full = kt.HyperParameters()
        self._call(full)
        self.hyperparameters = kt.HyperParameters()
        self.hyperparameters.merge(_override(full, overrides))

    @property
    def names(self) -> list[str]:
        """Names of the hyperparameters."""
        return [hp.name for hp in self.hyperparameters.space]

    def active(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of the hyperparameters that apply, real numbers rounded.

        Args:
            values: values by name; missing hyperparameters have their defaults.
        """
        hp = self.hyperparameters.copy()
        hp.values = self.hyperparameters.values | {name: _round(values[name]) for name in values}
        return {
            dimension.name: hp.values.get(dimension.name, dimension.default)
            for dimension in hp.space
            if hp.is_active(dimension)
        }

    def settings(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The training settings for values of the hyperparameters."""
        hp = self.hyperparameters.copy()
        hp.values = self.active(values)
        return dict(self._call(hp))

    def contains(self, override: str) -> bool:
        """Whether the space contains the values of an override."""
        try:
            _override(self.hyperparameters, [override])
        except ValueError:
            return False
        return True

    def combinations(self) -> Iterator[dict[str, Any]]:
        """All points of the grid; a range of real numbers without a step has ten values."""
        return _combinations(self.hyperparameters.space, {})

    def describe(self) -> list[tuple[str, str, str, str]]:
        """For each hyperparameter its name, domain, default and condition."""
        return [
            (hp.name, domain(hp), show(hp.default), _condition(hp))
            for hp in self.hyperparameters.space
        ]

    def _call(self, hp: kt.HyperParameters) -> Mapping[str, Any]:
        try:
            settings = self._function(hp, self._base)
        except Exception as error:
            raise ValueError(
                f"the space failed with {hp.values}: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(settings, Mapping):
            raise ValueError(f"a space returns a dictionary of settings. Received: {settings!r}")
        return settings


def model_space(name: str) -> SpaceFunction:
    """The space of a model: that of its registry entry, and the main settings of the recipe.

    Raises:
        ValueError: if no model has that name.
    """
    entry = models.entry(name)

    def space(hp: kt.HyperParameters, base: Configuration) -> dict[str, Any]:
        return entry.search_space(hp, base.arguments) | _recipe_space(hp, base.recipe)

    return space


def _recipe_space(hp: kt.HyperParameters, recipe: Recipe) -> dict[str, Any]:
    """Learning rate, batch size, weight decay and strength of augmentation around the recipe's."""

    def around(name: str, value: float, factor: float) -> float:
        return hp.Float(name, value / factor, value * factor, sampling="log", default=value)

    settings = {
        "learning_rate": around("learning_rate", recipe.learning_rate, 5),
        "batch_size": width(hp, "batch_size", recipe.batch_size, (0.5, 1, 2)),
    }
    if recipe.weight_decay:
        settings["weight_decay"] = around("weight_decay", recipe.weight_decay, 10)
    if recipe.augmentation.changes:
        settings["augmentation"] = hp.Float("augmentation", 0.0, 1.5, step=0.25, default=1.0)
    return settings


def load(text: str) -> SpaceFunction:
    """The function `space` of a Python file with the given text.

    Raises:
        ValueError: if the text cannot be executed or has no such function.
    """
    names: dict[str, Any] = {"__name__": "space"}
    try:
        exec(compile(text, "space", "exec"), names)
    except Exception as error:
        raise ValueError(
            f"the space's file cannot be run: {type(error).__name__}: {error}"
        ) from error
    if not callable(names.get("space")):
        raise ValueError("the space's file has no function space(hp, base)")
    return names["space"]


def domain(hp: kinds.HyperParameter) -> str:
    """The values that a hyperparameter takes, as text."""
    if isinstance(hp, kinds.Fixed):
        return f"fixed: {show(hp.value)}"
    if hasattr(hp, "min_value"):
        step = f", steps of {show(hp.step)}" if hp.step not in (None, 1) else ""
        scale = f", {hp.sampling}" if hp.sampling != "linear" else ""
        return f"{show(hp.min_value)} to {show(hp.max_value)}{step}{scale}"
    return ", ".join(map(show, hp.values))


def show(value: Any) -> str:
    """A value as short text."""
    return f"{value:.{SIGNIFICANT_DIGITS}g}" if isinstance(value, float) else str(value)


def _round(value: Any) -> Any:
    return float(show(value)) if isinstance(value, float) else value


def _condition(hp: kinds.HyperParameter) -> str:
    return " and ".join(
        f"{parent.name} is {' or '.join(map(show, parent.values))}" for parent in hp.conditions
    )


def _combinations(
    dimensions: Sequence[kinds.HyperParameter], values: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    if not dimensions:
        yield values
        return
    hp, rest = dimensions[0], dimensions[1:]
    if not all(condition.is_active(values) for condition in hp.conditions):
        yield from _combinations(rest, values)
        return
    for value in hp.values:
        if isinstance(hp, kinds.Int):  # keras-tuner computes those of sampling="log" as floats
            value = round(value)
        yield from _combinations(rest, values | {hp.name: _round(value)})


def _override(space: kt.HyperParameters, overrides: Sequence[str]) -> list[kinds.HyperParameter]:
    """The narrowed hyperparameters, without those whose conditions can no longer be met."""
    texts = {}
    names = [hp.name for hp in space.space]
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals:
            raise ValueError(f"a setting is key=value. Received: {override!r}")
        if name not in names:
            raise ValueError(unknown_name("hyperparameter", name, names))
        texts[name] = text
    narrowed: list[kinds.HyperParameter] = []
    for hp in space.space:
        if all(
            any(c.name == parent.name and {*c.values} & {*parent.values} for parent in narrowed)
            for c in hp.conditions
        ):
            narrowed.append(_narrow(hp, texts[hp.name]) if hp.name in texts else hp)
    return narrowed


def _narrow(hp: kinds.HyperParameter, text: str) -> kinds.HyperParameter:
    """The hyperparameter, restricted to the values of an override."""
    common = {"name": hp.name, "conditions": hp.conditions}
    low, dots, high = text.partition("..")
    if not dots:
        values = [_parse(hp, part) for part in text.split(",")]
        if len(values) == 1:
            return kinds.Fixed(value=values[0], **common)
        default = hp.default if hp.default in values else values[0]
        if not isinstance(default, str):  # the nearest, as of a range
            default = min(values, key=lambda value: abs(value - hp.default))
        return kinds.Choice(values=values, default=default, **common)
    low, high = _parse(hp, low, exact=False), _parse(hp, high, exact=False)
    if isinstance(low, str | bool) or low > high:
        raise ValueError(f"a range is low..high, of numbers. Received: {hp.name}={text}")
    if isinstance(hp, kinds.Choice):
        values = [show(value) for value in hp.values if low <= value <= high]
        if not values:
            raise ValueError(_outside(hp, text))
        return _narrow(hp, ",".join(values))
    if low < hp.min_value or high > hp.max_value:
        raise ValueError(_outside(hp, text))
    ends = {"min_value": low, "max_value": high, "default": min(max(hp.default, low), high)}
    return type(hp).from_config(hp.get_config() | ends)


def _parse(hp: kinds.HyperParameter, text: str, exact: bool = True) -> Any:
    """Parse a value; with `exact`, values that the hyperparameter does not have are an error."""
    kind = type(hp.default)
    if kind is str:
        value = text
    else:
        try:
            value = ast.literal_eval(text.strip().capitalize() if kind is bool else text.strip())
        except (ValueError, SyntaxError):
            value = None
        if kind is float and type(value) is int:
            value = float(value)
    if type(value) is not kind or (exact and not _contains(hp, value)):
        raise ValueError(_outside(hp, text))
    return value


def _contains(hp: kinds.HyperParameter, value: Any) -> bool:
    if isinstance(hp, kinds.Float):
        return hp.min_value <= value <= hp.max_value
    return value in hp.values


def _outside(hp: kinds.HyperParameter, text: str) -> str:
    return (
        f"{hp.name} takes {domain(hp)} ({type(hp.default).__name__}). Received: {text!r}. "
        "Give another space with --space FILE to search elsewhere"
    )
