"""A shallow convolutional network: two convolutions and one dense layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import keras
from annotated_types import MaxLen, MinLen
from keras import layers

from models import search_space
from models.arguments import ImageShape, PositiveInt, Rate
from models.blocks import image_input
from models.entry import Entry
from models.heads import number_outputs


def shallow_cnn(
    input_shape: ImageShape = (28, 28, 1),
    max_digits: PositiveInt = 1,
    *,
    filters: Annotated[Sequence[PositiveInt], MinLen(2), MaxLen(2)] = (32, 64),
    kernel_size: PositiveInt = 5,
    dense_units: PositiveInt = 256,
    dropout: Rate = 0.5,
) -> keras.Model:
    """Build two blocks of convolution and 2 x 2 max pooling, then a dense layer.

    Args:
        input_shape: (height, width, channels) of the images, values in [0, 255].
        max_digits: the largest number of digits, 1 for single digits.
        filters: filters of each of the two convolutions.
        kernel_size: height and width of the convolution kernels, in pixels.
        dense_units: units of the dense layer.
        dropout: dropout rate of the dense layer's outputs, in [0, 1).

    Returns:
        A functional model with the outputs of `models.heads`.

    Reference:
        LeCun et al. 1998, "Gradient-based learning applied to document recognition", with
        ReLU, max pooling and dropout as in today's introductory MNIST examples.
    """
    images, x = image_input(input_shape)
    for index, width in enumerate(filters, 1):
        x = layers.Conv2D(
            width, kernel_size, padding="same", activation="relu", name=f"conv{index}"
        )(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{index}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(dense_units, activation="relu", name="dense")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(images, number_outputs(x, max_digits), name="shallow_cnn")


def _search_space(hp: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Filters and kernel size of the convolutions, units and dropout of the dense layer."""
    return {
        "filters": search_space.widths(hp, "filters", arguments["filters"]),
        "kernel_size": search_space.choice(hp, "kernel_size", (3, 5, 7), arguments["kernel_size"]),
        "dense_units": search_space.width(hp, "dense_units", arguments["dense_units"]),
        "dropout": search_space.dropout(hp, "dropout", arguments["dropout"], 0.7),
    }


ENTRIES = (Entry("shallow_cnn", shallow_cnn, "single digits", search_space=_search_space),)
