"""Types of builder arguments, against which values of `--set` and the tuner are checked.

A builder annotates its keyword arguments with these, with `bool`, or with `typing.Literal`.
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from annotated_types import Ge, Lt, MinLen

from artifacts.validation import validate
from number_zoo.names import unknown_name

PositiveInt = Annotated[int, Ge(1)]
NonNegativeInt = Annotated[int, Ge(0)]
Rate = Annotated[float, Ge(0), Lt(1)]
"""Probability of a dropout layer."""
PositiveInts = Annotated[Sequence[PositiveInt], MinLen(1)]
ImageShape = tuple[PositiveInt, PositiveInt, typing.Literal[1, 3]]
"""(height, width, channels); 1 channel for grey, 3 for RGB."""


def check_arguments(model: str, builder: Callable, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Complete and check the arguments of a model's builder.

    Args:
        model: name of the model, for errors.
        builder: function with annotated keyword arguments, all with defaults.
        arguments: values for any of them.

    Returns:
        All arguments of the builder as JSON values.

    Raises:
        ValueError: if an argument is unknown (the message lists the known, nearest first) or a
            value does not fit its annotation.
    """
    parameters = inspect.signature(builder).parameters
    for name in arguments:
        if name not in parameters:
            raise ValueError(unknown_name(f"argument of {model}", name, parameters))
    complete = {name: parameter.default for name, parameter in parameters.items()} | dict(arguments)
    annotations = typing.get_type_hints(builder, include_extras=True)
    return json.loads(json.dumps(validate(model, annotations, complete)))
