"""The input of every model: images in [0, 255], scaled inside the network."""

from __future__ import annotations

import keras
from keras import layers


def image_input(
    input_shape: tuple[int, int, int], *, normalize_contrast: bool = False
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Start a network: its input and the same images scaled for the layers that follow.

    Args:
        input_shape: (height, width, channels) of the images; 1 (grey) or 3 (RGB) channels.
        normalize_contrast: whether to give every image a mean of 0 and a variance of 1, so that
            a dim photo looks like a bright one; otherwise values are only scaled to [0, 1].

    Returns:
        `(images, scaled)`: the model's input, (batch, height, width, channels), in [0, 255],
        and the scaled tensor of the same shape.
    """
    images = keras.Input(input_shape, name="images")
    scaled = layers.Rescaling(1 / 255, name="rescaling")(images)
    if normalize_contrast:
        scaled = layers.LayerNormalization(
            axis=(1, 2, 3), center=False, scale=False, epsilon=1e-3, name="contrast"
        )(scaled)
    return images, scaled
