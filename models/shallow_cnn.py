"""A shallow convolutional network: two convolutions and one dense layer."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from models.heads import number_outputs
from models.inputs import image_input


def shallow_cnn(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    max_digits: int = 1,
    *,
    filters: Sequence[int] = (32, 64),
    kernel_size: int = 5,
    dense_units: int = 256,
    dropout: float = 0.5,
) -> keras.Model:
    """Build two blocks of convolution and 2 x 2 max pooling, then a dense layer.

    Args:
        input_shape: (height, width, channels) of the images, values in [0, 255].
        max_digits: how many digits a number can have, 1 for single digits.
        filters: filters of each of the two convolutions.
        kernel_size: side of the convolutions' windows, in pixels.
        dense_units: width of the dense layer.
        dropout: share of the dense layer's outputs dropped in training, in [0, 1).

    Returns:
        A functional model; its outputs are those of `models.heads`.

    Reference:
        LeCun et al. 1998, "Gradient-based learning applied to document recognition", with
        rectifiers, max pooling and dropout as in today's first examples of MNIST.
    """
    if len(filters) != 2:
        raise ValueError(f"a shallow CNN has two convolutions. Received: filters={filters!r}")
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
