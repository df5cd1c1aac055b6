"""Boxes and crops, (batch, 4): left, top, right and bottom, in `keras.ops`."""

from __future__ import annotations

from keras import ops

from number_zoo.boxes import MARGIN, MIN_CROP


def in_pixels(boxes, crops):
    """Convert boxes (batch, 4) from fractions of crops to pixels of the images, with ordered
    edges."""
    start, end = boxes[:, :2], boxes[:, 2:]
    fractions = ops.concatenate([ops.minimum(start, end), ops.maximum(start, end)], axis=-1)
    extent = crops[:, 2:] - crops[:, :2]
    return ops.tile(crops[:, :2], (1, 2)) + fractions * ops.tile(extent, (1, 2))


def expand_boxes(boxes, whole):
    """Expand boxes of numbers to crops: enlarged by `MARGIN`, at least `MIN_CROP` wide and high.

    Args:
        boxes: float (batch, 4), left, top, right and bottom in pixels.
        whole: float (batch, 4), 0, 0, width and height of each image.

    Returns:
        float32 (batch, 4), within the images; the whole image if a box is not finite.
    """
    center, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    half = ops.maximum(half * (1 + MARGIN), MIN_CROP / 2)
    crops = ops.concatenate(
        [ops.maximum(center - half, whole[:, :2]), ops.minimum(center + half, whole[:, 2:])],
        axis=-1,
    )
    return ops.where(ops.all(ops.isfinite(boxes), axis=-1, keepdims=True), crops, whole)


def area(boxes):
    """Areas (batch,) in square pixels."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def inside_margin(boxes, crops, margin: float):
    """Bool (batch,): whether boxes have the given margin to the edges of their crops."""
    margin = margin * (crops[:, 2:] - crops[:, :2])
    after = boxes[:, :2] > crops[:, :2] + margin
    before = boxes[:, 2:] < crops[:, 2:] - margin
    return ops.all(ops.logical_and(after, before), axis=-1)
