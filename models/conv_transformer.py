"""A convolutional network with a small transformer encoder that locates and reads long numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import keras
from annotated_types import MinLen

from models import search_space
from models.arguments import ImageShape, NonNegativeInt, PositiveInt, PositiveInts, Rate
from models.blocks import conv_norm, image_input, residual_stages
from models.encoder import transformer_encoder
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
    images, x = image_input(input_shape, normalize_contrast=normalize_contrast)
    x = conv_norm(x, stem_filters, 3, strides=2, name="stem")
    x = residual_stages(x, filters, blocks, [tuple(stride) for stride in strides])[-1]
    x = transformer_encoder(x, encoder_layers, heads, mlp_ratio)
    outputs = attention_outputs(x, max_digits, dropout=dropout, locate=locate)
    return keras.Model(images, outputs, name="conv_transformer")


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
