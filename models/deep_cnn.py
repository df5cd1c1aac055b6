"""A deep multi-output CNN after Goodfellow et al. 2013: one head for the length, one per digit."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from models.heads import number_outputs
from models.inputs import image_input

NORMALIZATIONS = ("batch", "subtractive", "none")


def deep_cnn(
    input_shape: tuple[int, int, int] = (64, 64, 3),
    max_digits: int = 5,
    *,
    filters: Sequence[int] = (24, 48, 96, 96, 128),
    kernel_size: int | Sequence[int] = (5, 3, 3, 5, 5),
    pool_strides: int | Sequence[int] = 2,
    dense_units: Sequence[int] = (),
    maxout_pieces: int = 1,
    normalization: str = "batch",
    locally_connected_filters: int = 0,
    conv_dropout: float = 0.0,
    dense_dropout: float = 0.3,
    normalize_contrast: bool = True,
) -> keras.Model:
    """Build blocks of convolution, pooling, normalisation and dropout, then dense layers.

    The defaults have no dense layer: the last blocks' windows span the image. What a dense layer
    and other windows did instead is in `docs/tuning.md`.

    Args:
        input_shape: (height, width, channels) of the images, values in [0, 255].
        max_digits: how many digits a number can have, 1 for single digits.
        filters: filters of each convolution block, the first first.
        kernel_size: side of the convolutions' windows in pixels, one for all or one for each.
        pool_strides: stride of the 2 x 2 max pooling, one for all blocks or one for each; 1
            keeps the size.
        dense_units: width of each dense layer, none by default.
        maxout_pieces: linear pieces of a maxout unit (Goodfellow et al. 2013b) in the first
            block; 1 means rectifiers there, too.
        normalization: "batch", "subtractive" (each channel minus its 3 x 3 mean) or "none".
        locally_connected_filters: filters of a layer after the convolutions whose 3 x 3 windows
            share no weights; 0 leaves it out.
        conv_dropout: share of each block's outputs dropped in training, in [0, 1).
        dense_dropout: the same for each dense layer.
        normalize_contrast: whether every image is given a mean of 0 and a variance of 1.

    Returns:
        A functional model; its outputs are those of `models.heads`.

    Raises:
        ValueError: if the blocks' arguments differ in length or a name is unknown.

    Reference:
        Goodfellow et al. 2013, "Multi-digit number recognition from street view imagery using
        deep convolutional neural networks", https://arxiv.org/abs/1312.6082.
        `deep_cnn_goodfellow` in the registry is their net.
    """
    kernels = per_block("kernel_size", kernel_size, len(filters))
    strides = per_block("pool_strides", pool_strides, len(filters))
    if normalization not in NORMALIZATIONS:
        raise ValueError(
            f"normalization is one of {', '.join(NORMALIZATIONS)}. Received: {normalization!r}"
        )
    images, x = image_input(input_shape, normalize_contrast=normalize_contrast)
    for index, width in enumerate(filters):
        name = f"block{index + 1}"
        x = _convolution(x, width, kernels[index], maxout_pieces if index == 0 else 1, name)
        # Pooling comes first: the same net to speak of, and a half faster to train, for all that
        # follows has a quarter of the values to go through.
        x = layers.MaxPooling2D(2, strides[index], padding="same", name=f"{name}_pool")(x)
        x = _normalize(x, normalization, name)
        if maxout_pieces == 1 or index > 0:
            x = layers.Activation("relu", name=f"{name}_relu")(x)
        if conv_dropout:
            x = layers.Dropout(conv_dropout, name=f"{name}_dropout")(x)
    if locally_connected_filters:
        x = _locally_connected(x, locally_connected_filters)
    x = layers.Flatten(name="flatten")(x)
    for index, units in enumerate(dense_units, 1):
        x = layers.Dense(units, activation="relu", name=f"dense{index}")(x)
        x = layers.Dropout(dense_dropout, name=f"dense{index}_dropout")(x)
    return keras.Model(images, number_outputs(x, max_digits), name="deep_cnn")


def per_block(name: str, value: int | Sequence[int], blocks: int) -> tuple[int, ...]:
    """One value for each block, where `deep_cnn` takes one for all as well.

    Raises:
        ValueError: if there are more or fewer values than blocks.
    """
    values = (value,) * blocks if isinstance(value, int) else tuple(value)
    if len(values) != blocks:
        raise ValueError(f"{name} has one value for each of {blocks} blocks. Received: {value!r}")
    return values


def _convolution(x, width, kernel_size, pieces, name):
    """Convolution; with several pieces, the largest of each unit's linear filters."""
    x = layers.Conv2D(width * pieces, kernel_size, padding="same", name=f"{name}_conv")(x)
    if pieces == 1:
        return x
    height, columns = x.shape[1:3]
    x = layers.Reshape((height * columns, width, pieces), name=f"{name}_pieces")(x)
    x = layers.MaxPooling2D((1, pieces), data_format="channels_first", name=f"{name}_maxout")(x)
    return layers.Reshape((height, columns, width), name=f"{name}_units")(x)


def _normalize(x, normalization, name):
    if normalization == "batch":
        return layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)
    if normalization == "subtractive":
        mean = layers.AveragePooling2D(3, 1, padding="same", name=f"{name}_mean")(x)
        return layers.Subtract(name=f"{name}_norm")([x, mean])
    return x


def _locally_connected(x, filters):
    """Windows of 3 x 3 that share no weights: one small dense layer for each place.

    Keras 3 has no such layer, so the windows are gathered by a convolution that copies (depthwise
    kernels cannot), and multiplied by an EinsumDense with one matrix for each place.
    """
    height, columns, channels = x.shape[1:]
    windows = [
        layers.Cropping2D(((i, 2 - i), (j, 2 - j)), name=f"local_{i}{j}")(padded)
        for padded in [layers.ZeroPadding2D(1, name="local_pad")(x)]
        for i in range(3)
        for j in range(3)
    ]
    x = layers.Concatenate(name="local_windows")(windows)
    x = layers.Reshape((height * columns, 9 * channels), name="local_places")(x)
    x = layers.EinsumDense(
        "bpi,pio->bpo",
        (height * columns, filters),
        bias_axes="po",
        activation="relu",
        name="local",
    )(x)
    return layers.Reshape((height, columns, filters), name="local_map")(x)
