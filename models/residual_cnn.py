"""A residual reader that finds the number and looks at each digit in turn: the zoo's best."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from labels import BOX
from models.heads import number_outputs
from models.inputs import image_input


def residual_cnn(
    input_shape: tuple[int, int, int] = (48, 96, 3),
    max_digits: int = 5,
    *,
    stem_filters: int = 32,
    filters: Sequence[int] = (48, 96),
    blocks: Sequence[int] = (2, 4),
    strides: Sequence[int] = (2, 2),
    dilations: Sequence[int] = (1, 2, 4, 1),
    dropout: float = 0.2,
    normalize_contrast: bool = True,
    locate: bool = True,
) -> keras.Model:
    """Build residual blocks after an early stride, and a head that attends to each digit.

    The last stage's blocks are dilated, so that every place of the final map sees the whole
    image and can tell the second digit from the third. For each digit a softmax over the map
    says where it is; the features pooled there go through one classifier that all places share,
    so that a 7 learned at the first place is known at the fourth. The attention maps are the
    layer "where", (batch, height · width, 1 + N), the first one the length's.

    Args:
        input_shape: (height, width, channels) of the images, values in [0, 255].
        max_digits: how many digits a number can have, 1 for single digits.
        stem_filters: filters of the first convolution, which has stride 2.
        filters: filters of each stage.
        blocks: residual blocks of each stage.
        strides: stride of each stage's first block, 1 or 2.
        dilations: dilation of the second convolution in the blocks of the last stage, taken in
            turn.
        dropout: share of the pooled features dropped in training, in [0, 1).
        normalize_contrast: whether every image is given a mean of 0 and a variance of 1.
        locate: whether the model also says where the number is (the output `box`), so that a
            reader can look at it again from nearer; of no use, and left out, where `max_digits`
            is 1.

    Returns:
        A functional model; its outputs are those of `models.heads`. All its weights but none
        of their shapes depend on the image's size, so they move between sizes as they are.

    Raises:
        ValueError: if `filters`, `blocks` and `strides` differ in length.

    Reference:
        He et al. 2016, https://arxiv.org/abs/1512.03385; dilation after Yu and Koltun 2016,
        https://arxiv.org/abs/1511.07122; attention for each character after Wojna et al. 2017,
        https://arxiv.org/abs/1704.03549, here without recurrence.
    """
    if not len(filters) == len(blocks) == len(strides):
        raise ValueError(
            "filters, blocks and strides have one value for each stage. "
            f"Received: filters={filters!r}, blocks={blocks!r}, strides={strides!r}"
        )
    images, x = image_input(input_shape, normalize_contrast=normalize_contrast)
    x = _conv_norm(x, stem_filters, 3, strides=2, name="stem")
    last = len(filters) - 1
    for stage, (width, count, stride) in enumerate(zip(filters, blocks, strides, strict=True)):
        for index in range(count):
            x = _residual_block(
                x,
                width,
                strides=stride if index == 0 else 1,
                dilation=dilations[index % len(dilations)] if stage == last else 1,
                name=f"stage{stage + 1}_block{index + 1}",
            )
    digit_features, features = _attend(x, max_digits)
    digit_features = layers.Dropout(dropout, name="digit_dropout")(digit_features)
    features = layers.Dropout(dropout, name="length_dropout")(features)
    outputs = number_outputs(features, max_digits, digit_features=digit_features)
    if locate and max_digits > 1:
        outputs[BOX] = _locate(x)
    return keras.Model(images, outputs, name="residual_cnn")


def _attend(x, max_digits):
    """Pool (batch, h, w, c) to (batch, N, c) for the digits and (batch, 2c) for the length."""
    height, width, channels = x.shape[1:]
    where = layers.Conv2D(1 + max_digits, 1, name="where_logits")(x)
    where = layers.Reshape((height * width, 1 + max_digits), name="where_places")(where)
    where = layers.Softmax(axis=1, dtype="float32", name="where")(where)
    what = layers.Reshape((height * width, channels), name="what")(x)
    pooled = layers.Dot(axes=1, name="attended")([where, what])
    digits = layers.Cropping1D((1, 0), name="digit_features")(pooled)
    length = layers.Flatten(name="length_attended")(
        layers.Cropping1D((0, max_digits), name="length_slot")(pooled)
    )
    mean = layers.GlobalAveragePooling2D(name="mean_features")(x)
    return digits, layers.Concatenate(name="length_features")([length, mean])


def _locate(x):
    """The number's box from (batch, h, w, c): four maps, each of where one edge is.

    An edge is the expected coordinate under the softmax of its map (Sun et al. 2018,
    https://arxiv.org/abs/1711.08229): finer than the map's grid, and free of the image's size.
    """
    height, width, _ = x.shape[1:]
    edges = layers.Conv2D(4, 1, name="edge_logits")(x)
    edges = layers.Reshape((height * width, 4), name="edge_places")(edges)
    edges = layers.Softmax(axis=1, dtype="float32", name="edges")(edges)
    return EdgeCoordinates((height, width), dtype="float32", name=BOX)(edges)


@keras.saving.register_keras_serializable("number_zoo")
class EdgeCoordinates(layers.Layer):
    """Expected left, top, right and bottom, (batch, 4) in [0, 1], of maps (batch, h · w, 4).

    Args:
        grid: (height, width) of the maps.
    """

    def __init__(self, grid: tuple[int, int], **kwargs):
        super().__init__(**kwargs)
        self.grid = tuple(grid)

    def call(self, maps):
        height, width = self.grid
        y, x = np.mgrid[0:height, 0:width]
        # A cell's near edge for left and top, its far edge for right and bottom: a number may
        # fill the image to its last pixel.
        places = np.stack([x / width, y / height, (x + 1) / width, (y + 1) / height], axis=-1)
        return ops.sum(maps * ops.reshape(places.astype("float32"), (1, -1, 4)), axis=1)

    def get_config(self):
        return super().get_config() | {"grid": self.grid}


def _conv_norm(
    x, width, kernel_size, *, strides=1, dilation=1, activation="relu", scale="ones", name
):
    x = layers.Conv2D(
        width,
        kernel_size,
        strides=strides,
        dilation_rate=dilation,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(momentum=0.95, gamma_initializer=scale, name=f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_out")(x) if activation else x


def _residual_block(x, width, *, strides, dilation, name):
    y = _conv_norm(x, width, 3, strides=strides, name=f"{name}_a")
    # A block begins as its shortcut alone (Goyal et al. 2017, https://arxiv.org/abs/1706.02677).
    y = _conv_norm(y, width, 3, dilation=dilation, activation=None, scale="zeros", name=f"{name}_b")
    if strides not in (1, (1, 1)):
        x = layers.AveragePooling2D(strides, padding="same", name=f"{name}_pool")(x)
    if x.shape[-1] != width:
        x = _conv_norm(x, width, 1, activation=None, name=f"{name}_skip")
    x = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation("relu", name=f"{name}_out")(x)
