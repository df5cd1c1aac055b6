"""Layers that several architectures share: the input, and blocks from tensor to tensor."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers


def image_input(
    input_shape: tuple[int, int, int], *, normalize_contrast: bool = False
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Create the input of a network, and the images scaled for the following layers.

    Args:
        input_shape: (height, width, channels) of the images; 1 (grey) or 3 (RGB) channels.
        normalize_contrast: whether to normalize every image to a mean of 0 and a variance of 1, so
            that the model is invariant to brightness and contrast; otherwise values are only scaled
            to [0, 1].

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
    strides: int | Sequence[int] = 1,
    dilation: int = 1,
    name: str,
) -> keras.KerasTensor:
    """Two 3 x 3 convolutions and a shortcut; the stride is that of the first (He et al. 2016).

    The block is initialized to the identity of its shortcut (Goyal et al. 2017,
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


def residual_stages(
    x: keras.KerasTensor,
    filters: Sequence[int],
    blocks: Sequence[int],
    strides: Sequence[int | Sequence[int]],
    dilations: Sequence[int] = (1,),
) -> list[keras.KerasTensor]:
    """Apply consecutive stages of residual blocks; returns the output of each stage.

    Args:
        x: feature map (batch, height, width, channels).
        filters: filters of each stage.
        blocks: residual blocks of each stage.
        strides: stride of the first block of each stage, an integer or (vertical, horizontal).
        dilations: dilation of the second convolution in the blocks of the last stage; repeated if
            there are more blocks.

    Raises:
        ValueError: if `filters`, `blocks` and `strides` differ in length.
    """
    if not len(filters) == len(blocks) == len(strides):
        raise ValueError(
            "filters, blocks and strides have one value for each stage. "
            f"Received: filters={filters!r}, blocks={blocks!r}, strides={strides!r}"
        )
    outputs = []
    for stage, (width, count, stride) in enumerate(zip(filters, blocks, strides, strict=True), 1):
        for index in range(count):
            x = residual_block(
                x,
                width,
                strides=stride if index == 0 else 1,
                dilation=dilations[index % len(dilations)] if stage == len(filters) else 1,
                name=f"stage{stage}_block{index + 1}",
            )
        outputs.append(x)
    return outputs
