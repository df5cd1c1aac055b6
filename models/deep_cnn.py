"""A deep multi-output CNN after Goodfellow et al. 2013: one head for the length, one per digit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import keras
from annotated_types import Ge, Le, MinLen
from keras import layers

from models import search_space
from models.arguments import ImageShape, NonNegativeInt, PositiveInt, PositiveInts, Rate
from models.blocks import image_input
from models.entry import Entry
from models.heads import number_outputs

_Stride = Annotated[int, Ge(1), Le(2)]


def deep_cnn(
    input_shape: ImageShape = (64, 64, 3),
    max_digits: PositiveInt = 5,
    *,
    filters: PositiveInts = (24, 48, 96, 96, 128),
    kernel_size: PositiveInt | PositiveInts = (5, 3, 3, 5, 5),
    pool_strides: _Stride | Annotated[Sequence[_Stride], MinLen(1)] = 2,
    dense_units: Sequence[PositiveInt] = (),
    maxout_pieces: PositiveInt = 1,
    normalization: Literal["batch", "subtractive", "none"] = "batch",
    locally_connected_filters: NonNegativeInt = 0,
    conv_dropout: Rate = 0.0,
    dense_dropout: Rate = 0.3,
    normalize_contrast: bool = True,
) -> keras.Model:
    """Build blocks of convolution, pooling, normalization and dropout, then dense layers.

    The defaults have no dense layer: the receptive field of the last blocks covers the image.
    `docs/tuning.md` compares this with dense layers and other kernel sizes.

    Args:
        input_shape: (height, width, channels) of the images, values in [0, 255].
        max_digits: the largest number of digits, 1 for single digits.
        filters: filters of each convolution block.
        kernel_size: height and width of the convolution kernels in pixels, one value for all
            blocks or one for each.
        pool_strides: stride of the 2 x 2 max pooling, 1 or 2, one value for all blocks or one for
            each; 1 keeps the size.
        dense_units: units of each dense layer.
        maxout_pieces: linear pieces of each maxout unit (Goodfellow et al. 2013b) in the first
            block; 1 means ReLU there, as in the other blocks.
        normalization: "batch", "subtractive" (each channel minus its 3 x 3 mean) or "none".
        locally_connected_filters: filters of a 3 x 3 locally connected layer after the
            convolutions, whose positions share no weights; 0 omits it.
        conv_dropout: dropout rate of the outputs of each block, in [0, 1).
        dense_dropout: dropout rate of the outputs of each dense layer, in [0, 1).
        normalize_contrast: whether every image is normalized to a mean of 0 and a variance of 1.

    Returns:
        A functional model with the outputs of `models.heads`.

    Raises:
        ValueError: if `kernel_size` or `pool_strides` does not have one value for each block.

    Reference:
        Goodfellow et al. 2013, "Multi-digit number recognition from street view imagery using
        deep convolutional neural networks", https://arxiv.org/abs/1312.6082.
        `deep_cnn_goodfellow` in the registry is their network.
    """
    kernels = _per_block("kernel_size", kernel_size, len(filters))
    strides = _per_block("pool_strides", pool_strides, len(filters))
    images, x = image_input(input_shape, normalize_contrast=normalize_contrast)
    for index, width in enumerate(filters):
        name = f"block{index + 1}"
        x = _convolution(x, width, kernels[index], maxout_pieces if index == 0 else 1, name)
        # Pooling first leaves a quarter of the values to normalization and activation, which makes
        # training 1.5 times as fast at the same accuracy.
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


def _per_block(name: str, value: int | Sequence[int], blocks: int) -> tuple[int, ...]:
    """Expand a value for all blocks to one value for each block."""
    values = (value,) * blocks if isinstance(value, int) else tuple(value)
    if len(values) != blocks:
        raise ValueError(f"{name} has one value for each of {blocks} blocks. Received: {value!r}")
    return values


def _convolution(x, width, kernel_size, pieces, name):
    """Convolution; with several pieces, the maximum over each unit's pieces (maxout)."""
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
    """A 3 x 3 locally connected layer: a separate small dense layer for each position.

    Keras 3 has no such layer. Nine shifted copies of the map form the window of each position, and
    EinsumDense multiplies each window by the matrix of its position.
    """
    height, columns, channels = x.shape[1:]
    windows = [
        layers.Cropping2D(((i, 2 - i), (j, 2 - j)), name=f"local_{i}{j}")(padded)
        for padded in [layers.ZeroPadding2D(1, name="local_pad")(x)]
        for i in range(3)
        for j in range(3)
    ]
    x = layers.Concatenate(name="local_windows")(windows)
    x = layers.Reshape((height * columns, 9 * channels), name="local_positions")(x)
    x = layers.EinsumDense(
        "bpi,pio->bpo", (height * columns, filters), bias_axes="po", activation="relu", name="local"
    )(x)
    return layers.Reshape((height, columns, filters), name="local_map")(x)


def _search_space(hp: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Blocks, with filters and kernel size of each; pooling; dense layers; dropout."""
    count, dense = len(arguments["filters"]), arguments["dense_units"]
    kernels = _per_block("kernel_size", arguments["kernel_size"], count)
    halvings = _per_block("pool_strides", arguments["pool_strides"], count).count(2)
    lowest, highest = max(1, count - 2), count + 1
    blocks = hp.Int("blocks", lowest, highest, default=count)

    def filters_of(n: int) -> int | None:
        return search_space.width(hp, f"filters_{n}", _layer(arguments["filters"], n))

    def kernel_of(n: int) -> int | None:
        return search_space.choice(hp, f"kernel_size_{n}", (3, 5), _layer(kernels, n))

    def units_of(n: int) -> int | None:
        default = _layer(dense or [512], n)
        return search_space.width(hp, f"dense_units_{n}", default, (0.5, 1, 2))

    filters = search_space.per_layer(hp, "blocks", lowest, highest, filters_of)
    kernel_size = search_space.per_layer(hp, "blocks", lowest, highest, kernel_of)
    fewest = max(1, min(halvings - 1, lowest))
    halved = hp.Int("halvings", fewest, min(halvings + 1, highest), default=halvings)
    most_dense = max(2, len(dense))
    hp.Int("dense_layers", 0, most_dense, default=len(dense))
    dense_units = search_space.per_layer(hp, "dense_layers", 0, most_dense, units_of)
    with hp.conditional_scope("dense_layers", list(range(1, most_dense + 1))):
        dropout = search_space.dropout(hp, "dense_dropout", arguments["dense_dropout"], 0.6)
    return {
        "filters": filters,
        "kernel_size": kernel_size,
        "pool_strides": spread_strides(halved, blocks),
        "dense_units": dense_units,
        "conv_dropout": search_space.dropout(hp, "conv_dropout", arguments["conv_dropout"], 0.3),
        "dense_dropout": arguments["dense_dropout"] if dropout is None else dropout,
    }


def _layer(values: Sequence[int], number: int) -> int:
    """The value of layer `number`, from 1; layers beyond the last have the last value."""
    return values[min(number, len(values)) - 1]


def spread_strides(halvings: int, blocks: int) -> list[int]:
    """Pooling strides of the blocks, `halvings` of them 2, as evenly spread as possible.

    Example:
        >>> spread_strides(4, 5)
        [2, 2, 1, 2, 2]
    """
    halvings = min(halvings, blocks)
    done = [math.floor(block * halvings / blocks + 0.5) for block in range(blocks + 1)]
    return [2 if after > before else 1 for before, after in itertools.pairwise(done)]


ENTRIES = (
    Entry("deep_cnn", deep_cnn, "numbers on a plain background", search_space=_search_space),
    Entry(
        "deep_cnn_goodfellow",
        deep_cnn,
        "the network of the 2013 paper, for a GPU",
        {
            "input_shape": (54, 54, 3),
            "filters": (48, 64, 128, 160, 192, 192, 192, 192),
            "kernel_size": 5,
            "pool_strides": (2, 1, 2, 1, 2, 1, 2, 1),
            "dense_units": (3072, 3072),
            "maxout_pieces": 3,
            "normalization": "subtractive",
            "locally_connected_filters": 192,
            "conv_dropout": 0.2,
            "dense_dropout": 0.5,
        },
        search_space=_search_space,
    ),
    Entry(
        "deep_cnn_tiny",
        deep_cnn,
        "tests and first experiments",
        {"filters": (8, 16, 24), "kernel_size": 3, "dense_units": (64,)},
        search_space=_search_space,
    ),
)
