"""A fully convolutional network that finds every number in an image, and its decoding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import keras
from annotated_types import Ge, Len, MultipleOf
from keras import layers, ops

from models import search_space
from models.arguments import PositiveInt, PositiveInts
from models.blocks import conv_norm, image_input, residual_stages
from models.entry import Entry
from models.locator_loss import MAX_LOG_DISTANCE, STRIDE

SIZE_MULTIPLE = 32
"""Height and width of the images are multiples of this many pixels."""
HEAT_PRIOR = 0.01
"""Initial probability that a cell is the centre of a number (Lin et al. 2017, section 3.3)."""

_Size = Annotated[int, Ge(SIZE_MULTIPLE), MultipleOf(SIZE_MULTIPLE)] | None
SceneShape = tuple[_Size, _Size, Literal[1, 3]]
"""(height, width, channels); height and width are multiples of 32, or None if they vary."""
_PerStage = Annotated[Sequence[PositiveInt], Len(4, 4)]


def locator(
    input_shape: SceneShape = (320, 320, 3),
    *,
    stem_filters: PositiveInt = 16,
    filters: _PerStage = (24, 48, 64, 80),
    blocks: _PerStage = (1, 2, 2, 3),
    dilations: PositiveInts = (1, 2, 4),
    pyramid_filters: PositiveInt = 64,
    head_blocks: PositiveInt = 2,
) -> keras.Model:
    """Build residual stages, a feature pyramid and a head that locates numbers in each cell.

    Stages at strides 4, 8, 16 and 32 are merged, from the coarsest to the finest, into one map at
    stride 8. The blocks of the last stage are dilated, so that the receptive field of a cell covers
    a number that fills the image.

    Args:
        input_shape: (height, width, channels) of the images, values in [0, 255]; height and width
            are multiples of 32, or None if they vary.
        stem_filters: filters of the first convolution, which has stride 2.
        filters: filters of the stages at strides 4, 8, 16 and 32.
        blocks: residual blocks of each stage.
        dilations: dilation of the second convolution in the blocks of the last stage; repeated if
            there are more blocks.
        pyramid_filters: filters of the merged maps and of the head.
        head_blocks: 3 x 3 convolutions of the head.

    Returns:
        A functional model whose output `locations` is float32 (batch, height / 8, width / 8, 9),
        for each cell of 8 x 8 pixels: channel 0 is the logit that the centre of a number lies in
        the cell; channels 1 to 4 are the logarithms of the distances from the centre of the cell to
        the left, top, right and bottom edge of the number, in cells; channels 5 to 8 are the logits
        of the number of counter-clockwise quarter turns that make the number upright. `LocatorLoss`
        is its loss, `decode_locations` decodes it. No weight shape depends on the image size.

    Reference:
        Centre heat map: Zhou et al. 2019, https://arxiv.org/abs/1904.07850; boxes from all cells
        near a centre: Liu et al. 2020, https://arxiv.org/abs/1909.00700; feature pyramid: Lin et
        al. 2017, https://arxiv.org/abs/1612.03144.
    """
    images, x = image_input(input_shape)
    x = conv_norm(x, stem_filters, 3, strides=2, name="stem")
    maps = residual_stages(x, filters, blocks, (2, 2, 2, 2), dilations)
    x = conv_norm(maps.pop(), pyramid_filters, 1, name="pyramid32")
    for stride in (16, 8):
        x = layers.UpSampling2D(2, name=f"pyramid{stride}_up")(x)
        skip = conv_norm(maps.pop(), pyramid_filters, 1, activation=None, name=f"lateral{stride}")
        x = layers.Add(name=f"pyramid{stride}_add")([x, skip])
        if stride == 16:
            x = conv_norm(x, pyramid_filters, 3, name="pyramid16")
    # The finest stage has the edges of small numbers; a head at its stride would cost four times as
    # much.
    skip = conv_norm(maps.pop(), pyramid_filters, 3, strides=2, activation=None, name="lateral4")
    x = layers.Add(name="pyramid4_add")([x, skip])
    x = layers.Activation("relu", name="pyramid")(x)
    for index in range(1, head_blocks + 1):
        x = conv_norm(x, pyramid_filters, 3, name=f"head{index}")
    prior = math.log(HEAT_PRIOR / (1 - HEAT_PRIOR))
    outputs = [
        layers.Conv2D(
            channels,
            1,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            bias_initializer=keras.initializers.Constant(bias),
            dtype="float32",
            name=name,
        )(x)
        for name, channels, bias in (("heat", 1, prior), ("distances", 4, 1.0), ("turns", 4, 0.0))
    ]
    outputs = layers.Concatenate(dtype="float32", name="locations")(outputs)
    return keras.Model(images, outputs, name="locator")


def decode_locations(
    locations: keras.KerasTensor, image_size: tuple[int, int], limit: int = 100, iou: float = 0.4
) -> dict[str, keras.KerasTensor]:
    """Decode the output of a locator: local maxima, their boxes, and non-maximum suppression.

    Args:
        locations: (batch, height, width, 9), the output of `locator`.
        image_size: (height, width) of the images in pixels, without padding at the right and the
            bottom.
        limit: k, the number of boxes of each image.
        iou: a box that overlaps a more probable one by a larger intersection over union is
            suppressed, even if that one is suppressed itself ("fast NMS", Bolya et al. 2019,
            https://arxiv.org/abs/1904.02689).

    Returns:
        `boxes` float32 (batch, k, 4): left, top, right, bottom in pixels, inside the image;
        `scores` float32 (batch, k) in [0, 1], in descending order, 0 for suppressed and unused
        rows; `turns` int32 (batch, k): counter-clockwise quarter turns that make the number
        upright.
    """
    shape = ops.shape(locations)
    batch, rows, columns = shape[0], shape[1], shape[2]
    image_height, image_width = (ops.cast(size, "float32") for size in image_size)
    heat = locations[..., :1]
    is_peak = heat >= ops.max_pool(heat, 3, strides=1, padding="same")
    scores = ops.where(is_peak, ops.sigmoid(heat), 0.0)
    scores = ops.reshape(scores, (batch, rows * columns))
    # Empty cells at the end, so that an image of fewer than k cells also has k boxes.
    scores = ops.pad(scores, ((0, 0), (0, limit)))
    values = ops.reshape(locations[..., 1:], (batch, rows * columns, 8))
    values = ops.pad(values, ((0, 0), (0, limit), (0, 0)))
    scores, cells = ops.top_k(scores, limit)
    values = _gather(values, cells)
    x = STRIDE * (ops.cast(cells % columns, "float32") + 0.5)
    y = STRIDE * (ops.cast(cells // columns, "float32") + 0.5)
    distances = STRIDE * ops.exp(ops.minimum(values[..., :4], MAX_LOG_DISTANCE))
    boxes = ops.stack(
        [
            ops.clip(x - distances[..., 0], 0.0, image_width),
            ops.clip(y - distances[..., 1], 0.0, image_height),
            ops.clip(x + distances[..., 2], 0.0, image_width),
            ops.clip(y + distances[..., 3], 0.0, image_height),
        ],
        axis=-1,
    )
    in_image = ops.logical_and(x < image_width, y < image_height)
    scores = ops.where(in_image, scores, 0.0)
    overlaps = pairwise_overlap(boxes, boxes)
    # Every row is at least as probable as the following rows.
    before = ops.expand_dims(ops.arange(limit), 1) < ops.expand_dims(ops.arange(limit), 0)
    overlapped = ops.any(ops.logical_and(overlaps > iou, before), axis=1)
    scores, order = ops.top_k(ops.where(overlapped, 0.0, scores), limit)
    # `argmax` cannot be exported.
    turns = ops.top_k(_gather(values, order)[..., 4:], 1)[1][..., 0]
    return {"boxes": _gather(boxes, order), "scores": scores, "turns": ops.cast(turns, "int32")}


def _gather(values, indices):
    """Rows (batch, k, channels) of `values` (batch, n, channels) at `indices` (batch, k)."""
    return ops.take_along_axis(values, ops.expand_dims(indices, -1), axis=1)


def pairwise_overlap(a: keras.KerasTensor, b: keras.KerasTensor) -> keras.KerasTensor:
    """Intersection over union (batch, n, m) of boxes (batch, n, 4) and (batch, m, 4)."""
    a, b = ops.expand_dims(a, 2), ops.expand_dims(b, 1)
    inner = ops.minimum(a[..., 2:], b[..., 2:]) - ops.maximum(a[..., :2], b[..., :2])
    inner = ops.maximum(inner, 0.0)
    common = inner[..., 0] * inner[..., 1]
    areas = [(x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]) for x in (a, b)]
    return common / ops.maximum(areas[0] + areas[1] - common, 1e-6)


def _search_space(hp: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Filters of the stem and of the pyramid, blocks of each stage and of the head."""
    return {
        "stem_filters": search_space.width(hp, "stem_filters", arguments["stem_filters"]),
        "filters": search_space.widths(hp, "filters", arguments["filters"]),
        "blocks": search_space.block_counts(hp, "blocks", arguments["blocks"]),
        "pyramid_filters": search_space.width(hp, "pyramid_filters", arguments["pyramid_filters"]),
        "head_blocks": hp.Int("head_blocks", 1, 4, default=arguments["head_blocks"]),
    }


ENTRIES = (
    Entry(
        "locator",
        locator,
        "every number in an image of any size",
        task="locate",
        recipe="scenes",
        search_space=_search_space,
    ),
    Entry(
        "locator_tiny",
        locator,
        "tests and first experiments",
        {
            "input_shape": (96, 96, 3),
            "stem_filters": 8,
            "filters": (12, 16, 24, 24),
            "blocks": (1, 1, 1, 1),
            "pyramid_filters": 24,
            "head_blocks": 1,
        },
        task="locate",
        recipe="scenes",
        search_space=_search_space,
    ),
)
