"""The registry entry of a model. The module of each architecture lists its entries as `ENTRIES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import keras


@dataclass(frozen=True)
class Entry:
    """A named model.

    Attributes:
        name: name in the registry.
        builder: function `(input_shape, max_digits, *, …) -> keras.Model`; without `max_digits` for
            a locator. Its annotations define the accepted values of each argument
            (`models.arguments`).
        purpose: purpose of the model, in a few words.
        task: "read" for a model of one number, with the outputs of `models.heads`; "locate" for
            one that finds every number (`models.locator`).
        arguments: builder arguments that differ from the builder's defaults.
        recipe: name of the default training recipe; None for the default recipe of the data.
        search_space: function `(hp, arguments) -> builder arguments`: `hp` has the methods
            `Int`, `Float`, `Choice`, `Boolean` and `conditional_scope` of
            `keras_tuner.HyperParameters`, `arguments` is the configuration to search around.
            `models.search_space` has helpers.
    """

    name: str
    builder: Callable[..., keras.Model]
    purpose: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    task: Literal["read", "locate"] = "read"
    recipe: str | None = None
    search_space: Callable[[Any, Mapping[str, Any]], dict[str, Any]] = lambda hp, arguments: {}
