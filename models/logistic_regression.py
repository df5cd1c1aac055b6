"""Multinomial logistic regression on pixels: the baseline for every other model."""

from __future__ import annotations

import keras
from keras import layers

from models.arguments import ImageShape, PositiveInt
from models.blocks import image_input
from models.entry import Entry
from models.heads import number_outputs


def logistic_regression(
    input_shape: ImageShape = (28, 28, 1), max_digits: PositiveInt = 1
) -> keras.Model:
    """Build a linear classifier of the pixels for the length and for each digit.

    On 28 x 28 grey images with one digit it has 28 · 28 · 10 + 10 = 7,850 parameters.

    Args:
        input_shape: (height, width, channels) of the images, values in [0, 255].
        max_digits: the largest number of digits, 1 for single digits.

    Returns:
        A functional model with the outputs of `models.heads`.
    """
    images, x = image_input(input_shape)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(images, number_outputs(x, max_digits), name="logistic_regression")


ENTRIES = (Entry("logistic_regression", logistic_regression, "a linear baseline", recipe="linear"),)
