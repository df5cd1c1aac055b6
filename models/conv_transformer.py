"""A convolutional backbone with a small transformer encoder and one attention map per digit."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from labels import BOX
from models.heads import number_outputs
from models.inputs import image_input
from models.residual_cnn import EdgeCoordinates, _conv_norm, _residual_block


def conv_transformer(
    input_shape: tuple[int, int, int] = (64, 160, 3),
    max_digits: int = 10,
    *,
    stem_filters: int = 32,
    filters: Sequence[int] = (64, 128, 192),
    blocks: Sequence[int] = (1, 2, 2),
    strides: Sequence[Sequence[int]] = ((2, 2), (2, 1), (2, 1)),
    encoder_layers: int = 2,
    heads: int = 6,
    mlp_ratio: int = 2,
    dropout: float = 0.1,
    normalize_contrast: bool = True,
    locate: bool = True,
) -> keras.Model:
    """Build residual convolution stages, a transformer encoder over the final feature map, and
    heads that attend to each digit.

    The convolutions see strokes; the encoder's self-attention relates all positions of the map,
    which tells the seventh digit of a meter from the eighth at any scale. For each digit slot, a
    softmax over the map selects the positions to pool, and one classifier shared by all slots
    reads the pooled features. The maps are the output of the layer "where", (batch, height ·
    width, 1 + N), the first one the length's.

    Args:
        input_shape: (height, width, channels) of the images, values in [0, 255].
        max_digits: the largest number of digits, at least 1.
        stem_filters: filters of the first convolution, which has stride 2.
        filters: filters of each stage; the last is also the encoder's width.
        blocks: residual blocks of each stage.
        strides: (vertical, horizontal) stride of each stage's first block.
        encoder_layers: transformer encoder layers, 0 for none.
        heads: attention heads of each encoder layer; divides the last of `filters`.
        mlp_ratio: hidden units of an encoder layer's MLP, over its width.
        dropout: dropout rate of the pooled features, in [0, 1).
        normalize_contrast: whether every image is scaled to a mean of 0 and a variance of 1.
        locate: whether the model also outputs the number's box (`box`); left out where
            `max_digits` is 1.

    Returns:
        A functional model with the outputs of `models.heads`. No weight's shape depends on the
        image size.

    Raises:
        ValueError: if `filters`, `blocks` and `strides` differ in length, or `heads` does not
            divide the last of `filters`.

    Reference:
        He et al. 2016, https://arxiv.org/abs/1512.03385; a transformer encoder on convolutional
        features after Carion et al. 2020, https://arxiv.org/abs/2005.12872; pre-normalization
        after Xiong et al. 2020, https://arxiv.org/abs/2002.04745.
    """
    if not len(filters) == len(blocks) == len(strides):
        raise ValueError(
            "filters, blocks and strides have one value for each stage. "
            f"Received: filters={filters!r}, blocks={blocks!r}, strides={strides!r}"
        )
    if encoder_layers and filters[-1] % heads:
        raise ValueError(
            f"heads divides the last of filters. Received: heads={heads!r}, filters={filters!r}"
        )
    images, x = image_input(input_shape, normalize_contrast=normalize_contrast)
    x = _conv_norm(x, stem_filters, 3, strides=2, name="stem")
    for stage, (width, count, stride) in enumerate(zip(filters, blocks, strides, strict=True)):
        for index in range(count):
            x = _residual_block(
                x,
                width,
                strides=tuple(stride) if index == 0 else 1,
                dilation=1,
                name=f"stage{stage + 1}_block{index + 1}",
            )
    grid = x.shape[1:3]
    x = layers.Reshape((grid[0] * grid[1], filters[-1]), name="tokens")(x)
    if encoder_layers:
        x = GridPositions(grid, name="positions")(x)
    for index in range(encoder_layers):
        x = _encoder_layer(x, heads, mlp_ratio, name=f"encoder{index + 1}")
    if encoder_layers:
        x = layers.LayerNormalization(name="encoder_norm")(x)
    digit_features, features = _attend(x, max_digits)
    digit_features = layers.Dropout(dropout, name="digit_dropout")(digit_features)
    features = layers.Dropout(dropout, name="length_dropout")(features)
    outputs = number_outputs(features, max_digits, digit_features=digit_features)
    if locate and max_digits > 1:
        edges = layers.Dense(4, name="edge_logits")(x)
        edges = layers.Softmax(axis=1, dtype="float32", name="edges")(edges)
        outputs[BOX] = EdgeCoordinates(grid, dtype="float32", name=BOX)(edges)
    return keras.Model(images, outputs, name="conv_transformer")


def _encoder_layer(x, heads: int, mlp_ratio: int, name: str):
    """One pre-normalization encoder layer over tokens (batch, tokens, width)."""
    tokens, width = x.shape[1:]

    def split(tensor, part):
        tensor = layers.Reshape((tokens, heads, width // heads), name=f"{name}_{part}_heads")(
            tensor
        )
        return layers.Permute((2, 1, 3), name=f"{name}_{part}_by_head")(tensor)

    y = layers.LayerNormalization(name=f"{name}_attention_norm")(x)
    query, key, value = (
        split(layers.Dense(width, name=f"{name}_{part}")(y), part)
        for part in ("query", "key", "value")
    )
    y = SelfAttention(name=f"{name}_attention")([query, key, value])
    y = layers.Permute((2, 1, 3), name=f"{name}_by_token")(y)
    y = layers.Reshape((tokens, width), name=f"{name}_merged")(y)
    x = layers.Add(name=f"{name}_attention_add")([x, layers.Dense(width, name=f"{name}_out")(y)])
    y = layers.LayerNormalization(name=f"{name}_mlp_norm")(x)
    y = layers.Dense(mlp_ratio * width, activation="silu", name=f"{name}_mlp_in")(y)
    y = layers.Dense(width, name=f"{name}_mlp_out")(y)
    return layers.Add(name=f"{name}_mlp_add")([x, y])


def _attend(x, max_digits: int):
    """Pool tokens (batch, t, c) to (batch, N, c) for the digits and (batch, 2c) for the length."""
    where = layers.Dense(1 + max_digits, name="where_logits")(x)
    where = layers.Softmax(axis=1, dtype="float32", name="where")(where)
    pooled = layers.Dot(axes=1, name="attended")([where, x])
    digits = layers.Cropping1D((1, 0), name="digit_features")(pooled)
    length = layers.Flatten(name="length_attended")(
        layers.Cropping1D((0, max_digits), name="length_slot")(pooled)
    )
    mean = layers.GlobalAveragePooling1D(name="mean_features")(x)
    return digits, layers.Concatenate(name="length_features")([length, mean])


@keras.saving.register_keras_serializable("number_zoo")
class SelfAttention(layers.Layer):
    """Scaled dot-product attention of `[query, key, value]`, each (batch, heads, tokens, d)."""

    def call(self, inputs):
        query, key, value = inputs
        scores = ops.matmul(query * (query.shape[-1] ** -0.5), ops.transpose(key, (0, 1, 3, 2)))
        weights = ops.softmax(ops.cast(scores, "float32"), axis=-1)
        return ops.matmul(ops.cast(weights, value.dtype), value)


@keras.saving.register_keras_serializable("number_zoo")
class GridPositions(layers.Layer):
    """Adds fixed sinusoidal position codes to the tokens (batch, h · w, c) of a feature map.

    A quarter of the channels each holds sine and cosine of the row, sine and cosine of the column
    (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762).

    Args:
        grid: (height, width) of the map.
    """

    def __init__(self, grid: tuple[int, int], **kwargs):
        super().__init__(**kwargs)
        self.grid = tuple(grid)

    def call(self, tokens):
        height, width = self.grid
        channels = tokens.shape[-1]
        rates = 2 * np.pi / 64.0 ** (np.arange(channels // 4) / max(1, channels // 4 - 1))
        y, x = np.mgrid[0:height, 0:width].reshape(2, -1, 1) * rates / 2
        codes = np.concatenate([np.sin(y), np.cos(y), np.sin(x), np.cos(x)], axis=-1)
        codes = np.pad(codes, ((0, 0), (0, channels - codes.shape[-1])))
        return tokens + ops.cast(codes[None].astype("float32"), tokens.dtype)

    def get_config(self):
        return super().get_config() | {"grid": self.grid}
