"""A convolutional network with a small transformer encoder that locates and reads long numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import keras
import numpy as np
from annotated_types import MinLen
from keras import layers, ops

from models import search_space
from models.arguments import ImageShape, NonNegativeInt, PositiveInt, PositiveInts, Rate
from models.blocks import conv_norm, image_input, residual_stages
from models.entry import Entry
from models.heads import attention_outputs

Strides = Annotated[Sequence[Annotated[PositiveInts, MinLen(2)]], MinLen(1)]


def conv_transformer(
    input_shape: ImageShape = (64, 160, 3),
    max_digits: PositiveInt = 10,
    *,
    stem_filters: PositiveInt = 32,
    filters: PositiveInts = (64, 128, 192),
    blocks: PositiveInts = (2, 3, 3),
    strides: Strides = ((2, 2), (2, 1), (2, 1)),
    encoder_layers: NonNegativeInt = 4,
    heads: PositiveInt = 6,
    mlp_ratio: PositiveInt = 2,
    dropout: Rate = 0.1,
    normalize_contrast: bool = True,
    locate: bool = True,
) -> keras.Model:
    """Build residual stages, a transformer encoder over their feature map, and attention heads.

    The vertical resolution is reduced more than the horizontal one, so that each of ten digits side
    by side has several positions. The encoder's self-attention relates all positions of the map, so
    that, for example, the seventh digit can be distinguished from the eighth at any scale. For each
    digit, a softmax over the map weights the positions, as in `residual_cnn`.

    Args:
        input_shape: (height, width, channels) of the images, values in [0, 255].
        max_digits: the largest number of digits, 1 for single digits.
        stem_filters: filters of the first convolution, which has stride 2.
        filters: filters of each stage; the last is also the width of the encoder.
        blocks: residual blocks of each stage.
        strides: (vertical, horizontal) stride of the first block of each stage.
        encoder_layers: transformer encoder layers, 0 for none.
        heads: attention heads of each encoder layer; a divisor of the last of `filters`.
        mlp_ratio: ratio of the hidden units of an encoder layer's MLP to its width.
        dropout: dropout rate of the pooled features, in [0, 1).
        normalize_contrast: whether every image is normalized to a mean of 0 and a variance of 1.
        locate: whether the model also outputs the bounding box of the number (`box`); omitted
            where `max_digits` is 1.

    Returns:
        A functional model with the outputs of `models.heads`. No weight shape depends on the image
        size, so that the weights can be used with other sizes.

    Raises:
        ValueError: if `filters`, `blocks` and `strides` differ in length, or `heads` does not
            divide the last of `filters`.

    Reference:
        He et al. 2016, https://arxiv.org/abs/1512.03385; a transformer encoder over convolutional
        features after Carion et al. 2020, https://arxiv.org/abs/2005.12872; pre-normalization
        after Xiong et al. 2020, https://arxiv.org/abs/2002.04745.
    """
    if encoder_layers and filters[-1] % heads:
        raise ValueError(
            f"heads divides the last of filters. Received: heads={heads!r}, filters={filters!r}"
        )
    images, x = image_input(input_shape, normalize_contrast=normalize_contrast)
    x = conv_norm(x, stem_filters, 3, strides=2, name="stem")
    x = residual_stages(x, filters, blocks, [tuple(stride) for stride in strides])[-1]
    if encoder_layers:
        x = _encoder(x, encoder_layers, heads, mlp_ratio)
    outputs = attention_outputs(x, max_digits, dropout=dropout, locate=locate)
    return keras.Model(images, outputs, name="conv_transformer")


def _encoder(x, count: int, heads: int, mlp_ratio: int):
    """Apply encoder layers to the positions of a map (batch, h, w, c); the shape does not
    change."""
    height, width, channels = x.shape[1:]
    x = _add_positions(x)
    x = layers.Reshape((height * width, channels), name="tokens")(x)
    for index in range(1, count + 1):
        name = f"encoder{index}"
        y = layers.LayerNormalization(name=f"{name}_attention_norm")(x)
        y = layers.MultiHeadAttention(heads, channels // heads, name=f"{name}_attention")(y, y)
        x = layers.Add(name=f"{name}_attention_add")([x, y])
        y = layers.LayerNormalization(name=f"{name}_mlp_norm")(x)
        y = layers.Dense(mlp_ratio * channels, activation="silu", name=f"{name}_mlp_in")(y)
        y = layers.Dense(channels, name=f"{name}_mlp_out")(y)
        x = layers.Add(name=f"{name}_mlp_add")([x, y])
    x = layers.LayerNormalization(name="encoder_norm")(x)
    return layers.Reshape((height, width, channels), name="encoded")(x)


def _add_positions(x):
    """Add fixed position codes to a feature map (batch, h, w, c).

    Sines and cosines of the row and of the column each occupy a quarter of the channels (Vaswani et
    al. 2017, https://arxiv.org/abs/1706.03762).
    """
    height, width, channels = x.shape[1:]
    count = channels // 4
    rates = np.pi / 64.0 ** (np.arange(count) / max(1, count - 1))
    for axis, positions in enumerate((height, width)):
        angles = np.arange(positions)[:, None] * rates
        codes = np.zeros((positions, channels), "float32")
        codes[:, 2 * count * axis : 2 * count * (axis + 1)] = np.concatenate(
            [np.sin(angles), np.cos(angles)], axis=-1
        )
        x = ops.add(x, codes.reshape((1, 1, positions, channels) if axis else (1, -1, 1, channels)))
    return x


def _search_space(hp: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Filters of the stem, blocks of each stage, encoder layers and dropout."""
    return {
        "stem_filters": search_space.width(hp, "stem_filters", arguments["stem_filters"]),
        "blocks": search_space.block_counts(hp, "blocks", arguments["blocks"]),
        "encoder_layers": hp.Int("encoder_layers", 0, 4, default=arguments["encoder_layers"]),
        "dropout": search_space.dropout(hp, "dropout", arguments["dropout"], 0.5),
    }


ENTRIES = (
    Entry(
        "conv_transformer",
        conv_transformer,
        "numbers of up to ten digits of any kind",
        search_space=_search_space,
    ),
    Entry(
        "conv_transformer_small",
        conv_transformer,
        "the same, a fifth of the cost",
        {
            "stem_filters": 24,
            "filters": (32, 64, 128),
            "blocks": (2, 3, 1),
            "encoder_layers": 2,
            "heads": 4,
        },
        search_space=_search_space,
    ),
    Entry(
        "conv_transformer_tiny",
        conv_transformer,
        "tests and first experiments",
        {
            "stem_filters": 8,
            "filters": (16, 32),
            "blocks": (1, 1),
            "strides": ((2, 2), (4, 2)),
            "encoder_layers": 1,
            "heads": 2,
            "dropout": 0.0,
        },
        search_space=_search_space,
    ),
)
