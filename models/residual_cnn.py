"""A residual CNN that locates the number and attends to each digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import keras
from annotated_types import Ge, Le, MinLen

from models import search_space
from models.arguments import ImageShape, PositiveInt, PositiveInts, Rate
from models.blocks import conv_norm, image_input, residual_stages
from models.entry import Entry
from models.heads import attention_outputs


def residual_cnn(
    input_shape: ImageShape = (48, 96, 3),
    max_digits: PositiveInt = 5,
    *,
    stem_filters: PositiveInt = 32,
    filters: PositiveInts = (48, 96),
    blocks: PositiveInts = (2, 4),
    strides: Annotated[Sequence[Annotated[int, Ge(1), Le(2)]], MinLen(1)] = (2, 2),
    dilations: PositiveInts = (1, 2, 4, 1),
    dropout: Rate = 0.2,
    normalize_contrast: bool = True,
    locate: bool = True,
) -> keras.Model:
    """Build residual blocks after an early stride, and a head that attends to each digit.

    The blocks of the last stage are dilated, so that the receptive field of every position of the
    final map covers the whole image, which distinguishes the second digit from the third. For each
    digit, a softmax over the map weights the positions. One classifier, shared by all digits, is
    applied to the features pooled with these weights, so that a digit learned in one position is
    recognized in all others. The attention maps are the output of the layer "attention"
    (`models.heads.attention_pooling`).

    Args:
        input_shape: (height, width, channels) of the images, values in [0, 255].
        max_digits: the largest number of digits, 1 for single digits.
        stem_filters: filters of the first convolution, which has stride 2.
        filters: filters of each stage.
        blocks: residual blocks of each stage.
        strides: stride of the first block of each stage, 1 or 2.
        dilations: dilation of the second convolution in the blocks of the last stage; repeated if
            there are more blocks.
        dropout: dropout rate of the pooled features, in [0, 1).
        normalize_contrast: whether every image is normalized to a mean of 0 and a variance of 1.
        locate: whether the model also outputs the bounding box of the number (`box`), so that a
            reader can crop the image around it and read again; omitted if `max_digits` is 1.

    Returns:
        A functional model with the outputs of `models.heads`. No weight shape depends on the image
        size, so that the weights can be used with other sizes.

    Raises:
        ValueError: if `filters`, `blocks` and `strides` differ in length.

    Reference:
        He et al. 2016, https://arxiv.org/abs/1512.03385; dilation after Yu and Koltun 2016,
        https://arxiv.org/abs/1511.07122; attention for each character after Wojna et al. 2017,
        https://arxiv.org/abs/1704.03549, here without recurrence.
    """
    images, x = image_input(input_shape, normalize_contrast=normalize_contrast)
    x = conv_norm(x, stem_filters, 3, strides=2, name="stem")
    x = residual_stages(x, filters, blocks, strides, dilations)[-1]
    outputs = attention_outputs(x, max_digits, dropout=dropout, locate=locate)
    return keras.Model(images, outputs, name="residual_cnn")


def _search_space(hp: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Filters of the stem and of each stage, blocks of each stage, dilation and dropout."""
    return {
        "stem_filters": search_space.width(hp, "stem_filters", arguments["stem_filters"]),
        "filters": search_space.widths(hp, "filters", arguments["filters"]),
        "blocks": search_space.block_counts(hp, "blocks", arguments["blocks"]),
        "dilations": arguments["dilations"] if hp.Boolean("dilated", default=True) else [1],
        "dropout": search_space.dropout(hp, "dropout", arguments["dropout"], 0.5),
    }


ENTRIES = (
    Entry("residual_cnn", residual_cnn, "street photos", search_space=_search_space),
    Entry(
        "residual_cnn_small",
        residual_cnn,
        "street photos, half the cost",
        {"stem_filters": 24, "filters": (32, 64)},
        search_space=_search_space,
    ),
    Entry(
        "residual_cnn_tiny",
        residual_cnn,
        "tests and first experiments",
        {"stem_filters": 8, "filters": (16, 32), "blocks": (1, 2), "dropout": 0.0},
        search_space=_search_space,
    ),
)
