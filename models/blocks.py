"""Blocks of layers that several architectures use: functions from tensor to tensor."""

from __future__ import annotations

import keras
from keras import layers


def conv_norm(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    strides: int | tuple[int, int] = 1,
    dilation: int = 1,
    activation: str | None = "relu",
    gamma: str = "ones",
    name: str,
) -> keras.KerasTensor:
    """Convolution, batch normalization with initial scale `gamma`, and activation."""
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        dilation_rate=dilation,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(momentum=0.95, gamma_initializer=gamma, name=f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_out")(x) if activation else x


def residual_block(
    x: keras.KerasTensor,
    filters: int,
    *,
    strides: int | tuple[int, int] = 1,
    dilation: int = 1,
    name: str,
) -> keras.KerasTensor:
    """Two 3 x 3 convolutions and a shortcut; the stride is that of the first (He et al. 2016).

    The block is initialized as its shortcut alone (Goyal et al. 2017,
    https://arxiv.org/abs/1706.02677).
    """
    y = conv_norm(x, filters, 3, strides=strides, name=f"{name}_a")
    y = conv_norm(
        y, filters, 3, dilation=dilation, activation=None, gamma="zeros", name=f"{name}_b"
    )
    if strides not in (1, (1, 1)):
        x = layers.AveragePooling2D(strides, padding="same", name=f"{name}_pool")(x)
    if x.shape[-1] != filters:
        x = conv_norm(x, filters, 1, activation=None, name=f"{name}_skip")
    x = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation("relu", name=f"{name}_out")(x)
