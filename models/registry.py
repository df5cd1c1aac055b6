"""The named models of the zoo: list them, create one, say what it costs."""

from __future__ import annotations

import fnmatch
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from artifacts.names import unknown_name
from models.conv_transformer import conv_transformer
from models.deep_cnn import deep_cnn
from models.logistic_regression import logistic_regression
from models.residual_cnn import residual_cnn
from models.shallow_cnn import shallow_cnn


@dataclass(frozen=True)
class Entry:
    """A named model: a builder and the keyword arguments that make it this one."""

    name: str
    builder: Callable[..., keras.Model]
    purpose: str
    configuration: Mapping[str, Any] = field(default_factory=dict)


_ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("logistic_regression", logistic_regression, "the floor to compare with"),
        Entry("shallow_cnn", shallow_cnn, "single digits"),
        Entry("deep_cnn", deep_cnn, "numbers on a plain ground"),
        Entry(
            "deep_cnn_tiny",
            deep_cnn,
            "tests, first tries",
            {"filters": (8, 16, 24), "kernel_size": 3, "dense_units": (64,)},
        ),
        Entry(
            "deep_cnn_goodfellow",
            deep_cnn,
            "the net of 2013, for a GPU",
            {
                "input_shape": (54, 54, 3),
                "filters": (48, 64, 128, 160, 192, 192, 192, 192),
                "kernel_size": 5,
                "pool_strides": (2, 1, 2, 1, 2, 1, 2, 1),
                "dense_units": (3072, 3072),
                "maxout_pieces": 3,
                "normalization": "subtractive",
                "locally_connected_filters": 192,
                "conv_dropout": 0.2,
                "dense_dropout": 0.5,
            },
        ),
        Entry("residual_cnn", residual_cnn, "street photos: the best here"),
        Entry(
            "residual_cnn_small",
            residual_cnn,
            "street photos, half the cost",
            {"stem_filters": 24, "filters": (32, 64)},
        ),
        Entry("conv_transformer", conv_transformer, "numbers of up to ten digits: the best here"),
        Entry(
            "conv_transformer_small",
            conv_transformer,
            "numbers of up to ten digits, a quarter of the cost",
            {
                "stem_filters": 24,
                "filters": (32, 64, 128),
                "blocks": (1, 2, 1),
                "encoder_layers": 1,
                "heads": 4,
            },
        ),
        Entry(
            "conv_transformer_tiny",
            conv_transformer,
            "tests, first tries",
            {
                "stem_filters": 8,
                "filters": (16, 32),
                "blocks": (1, 1),
                "strides": ((2, 2), (4, 2)),
                "encoder_layers": 1,
                "heads": 2,
                "dropout": 0.0,
            },
        ),
        Entry(
            "residual_cnn_tiny",
            residual_cnn,
            "tests, first tries",
            {"stem_filters": 8, "filters": (16, 32), "blocks": (1, 2), "dropout": 0.0},
        ),
    )
}


def list_models(pattern: str = "*") -> list[str]:
    """Names of the models that match a shell-style `pattern`, such as `"deep_*"`, in order."""
    return [name for name in _ENTRIES if fnmatch.fnmatch(name, pattern)]


def entry(name: str) -> Entry:
    """Return the entry of a model.

    Raises:
        ValueError: if no model has that name; the message lists the known ones, nearest first.
    """
    if name not in _ENTRIES:
        raise ValueError(unknown_name("model", name, _ENTRIES))
    return _ENTRIES[name]


def configuration(name: str, **arguments: Any) -> dict[str, Any]:
    """All keyword arguments that build the model `name`, defaults included, ready for JSON.

    Args:
        name: a name that `list_models` gives.
        **arguments: any of the builder's own arguments, in place of the model's.

    Raises:
        ValueError: if the name or an argument is unknown.
    """
    found = entry(name)
    parameters = inspect.signature(found.builder).parameters
    for key in arguments:
        if key not in parameters:
            raise ValueError(unknown_name(f"argument of {name}", key, parameters))
    defaults = {key: parameter.default for key, parameter in parameters.items()}
    merged = defaults | dict(found.configuration) | arguments
    return json.loads(json.dumps(merged))


def create(name: str, *, weights: str | None = None, **arguments: Any) -> keras.Model:
    """Build the model `name`.

    Args:
        name: a name that `list_models` gives.
        weights: name of published weights (`models.list_weights()`); the model is then the one
            that was trained, and takes no other arguments. Defaults to fresh weights.
        **arguments: any of the builder's keyword arguments: `input_shape` (height, width,
            channels), `max_digits`, and those of its architecture.

    Returns:
        A functional model: images (batch, height, width, channels) in [0, 255] to the logits
        that `models.heads` describes.

    Raises:
        ValueError: if the name or an argument is unknown, or a value does not fit.

    Example:
        >>> model = models.create("deep_cnn", input_shape=(64, 64, 1), max_digits=5)
    """
    if weights is not None:
        return _create_trained(name, weights, arguments)
    arguments = configuration(name, **arguments)
    arguments["input_shape"] = tuple(arguments["input_shape"])
    return entry(name).builder(**arguments)


def _create_trained(name: str, weights: str, arguments: Mapping[str, Any]) -> keras.Model:
    from models import published

    card = published.card(weights)
    if card["model"] != name or arguments:
        raise ValueError(
            f"the weights {weights!r} are of {card['model']} as it was trained, with no other "
            f"arguments. Received: {name} with {dict(arguments)}"
        )
    return published.load(weights)
