"""What the registry knows about a model. Each architecture's module lists its own as `ENTRIES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import keras


def _nothing_to_search(hp: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Entry:
    """A named model.

    Attributes:
        name: name in the registry.
        builder: function `(input_shape, max_digits, *, …) -> keras.Model`; that of a locator has
            no `max_digits`. Its annotations say which values each argument takes
            (`models.arguments`).
        purpose: what the model is for, in a few words.
        task: "read" for a model of one number, with the outputs of `models.heads`; "locate" for
            one that finds every number (`models.locator`).
        arguments: builder arguments that differ from the builder's defaults.
        recipe: name of the training recipe that suits the model; None for the recipe that suits
            the data.
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
    search_space: Callable[[Any, Mapping[str, Any]], dict[str, Any]] = _nothing_to_search
