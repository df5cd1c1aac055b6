"""The convolutions of a general text recognizer, as features of a reader of numbers."""

from __future__ import annotations

import math

import keras
from keras import layers, ops

STAGES = ((96, 3), (192, 6), (384, 2))
"""Filters and blocks of each stage; each but the first begins by halving the rows."""


def text_features(images: keras.KerasTensor) -> keras.KerasTensor:
    """Apply the convolutions of the small text recognizer of PP-OCRv6.

    It was trained to read text of many languages in photos, documents and on screens. A stem of
    stride 4 is followed by blocks of a depthwise 3 x 3 convolution and two convolutions of one
    pixel; every second block first weights its channels. There is no batch normalization: the
    published weights have it folded into the convolutions.

    Args:
        images: RGB images (batch, height, width, 3), values in [0, 255]. The recognizer was
            trained on lines of text with a height of 48 pixels.

    Returns:
        Feature map (batch, height / 16, width / 4, 384).

    Reference:
        PaddleOCR (Apache License 2.0), https://github.com/PaddlePaddle/PaddleOCR; blocks after
        PP-LCNet, Cui et al. 2021, https://arxiv.org/abs/2109.15099.
    """
    x = layers.Rescaling(1 / 127.5, -1, name="text_rescaling")(images)
    x = _conv(x, 48, 3, strides=2, activation="relu", name="text_stem1")
    y = _conv(x, 24, 2, activation="relu", name="text_stem2a")
    y = _conv(y, 48, 2, activation="relu", name="text_stem2b")
    x = layers.MaxPooling2D(2, strides=1, padding="same", name="text_stem_pool")(x)
    x = layers.Concatenate(name="text_stem_concat")([x, y])
    x = _conv(x, 48, 3, strides=2, activation="relu", name="text_stem3")
    x = _conv(x, 96, 1, activation="relu", name="text_stem4")
    for stage, (filters, blocks) in enumerate(STAGES, 1):
        if stage > 1:
            x = _depthwise(x, name=f"text_stage{stage}_down")
            # After the convolution, since TensorFlow has no depthwise one with unequal strides.
            x = layers.MaxPooling2D(1, strides=(2, 1), name=f"text_stage{stage}_down_rows")(x)
            x = _mlp(x, filters, name=f"text_stage{stage}_down")
        for index in range(1, blocks + 1):
            weighted = index % 2 == 1 and index < blocks
            x = _block(x, weighted=weighted, name=f"text_stage{stage}_block{index}")
    return x


def _block(x: keras.KerasTensor, *, weighted: bool, name: str) -> keras.KerasTensor:
    """Depthwise convolution, weights of the channels (Hu et al. 2018), residual MLP."""
    x = _depthwise(x, name=name)
    if weighted:
        channels = x.shape[-1]
        y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
        y = _conv(y, channels // 4, 1, activation="relu", name=f"{name}_squeeze")
        y = _conv(y, channels, 1, activation="hard_sigmoid", name=f"{name}_excite")
        x = layers.Multiply(name=f"{name}_weighted")([x, y])
    return layers.Add(name=f"{name}_add")([x, _mlp(x, x.shape[-1], name=name)])


def _depthwise(x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    # The default initializer takes all channels for inputs of each output.
    initializer = keras.initializers.RandomNormal(stddev=1 / 3)
    return layers.DepthwiseConv2D(
        3, padding="same", depthwise_initializer=initializer, name=f"{name}_depthwise"
    )(x)


def _mlp(x: keras.KerasTensor, filters: int, *, name: str) -> keras.KerasTensor:
    x = _conv(x, 2 * x.shape[-1], 1, name=f"{name}_expand")
    # GELU by its definition: TensorFlow's has an operation that ONNX lacks.
    x = 0.5 * x * (1 + ops.erf(x / math.sqrt(2)))
    return _conv(x, filters, 1, name=f"{name}_project")


def _conv(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    activation: str | None = None,
    name: str,
) -> keras.KerasTensor:
    """Convolution with bias. With a stride, the border is that of PyTorch and Paddle."""
    if strides > 1:
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="valid" if strides > 1 else "same",
        activation=activation,
        kernel_initializer="he_normal",
        name=name,
    )(x)
