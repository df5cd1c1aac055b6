"""Pillow's antialiased resize as matrix products, which every format can carry.

A resized row is the row times a matrix of weights: for each new pixel a triangle around its
middle, as wide as a new pixel or an old one, whichever is wider. The weights are made from the
sizes and the box at hand, so one graph serves images of any size and any part of them.
"""

from __future__ import annotations

import tensorflow as tf

_TIE = 1e-4
"""Added before rounding: halves, which are common, must not depend on the order in which a runtime
sums. More than its float32 can be off by, and less than anybody sees."""


def resize_parts(images: tf.Tensor, parts: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Cut parts out of images and resize them, as `datasets.prepare_image` does.

    Args:
        images: uint8 (n, height, width, 3).
        parts: float32 (n, 4): left, top, right, bottom in pixels, within the images.
        size: (height, width) of the result in pixels.

    Returns:
        float32 (n, *size, 3), whole numbers from 0 to 255. Some differ from Pillow's by 1, hardly
        one by 2: it also rounds between the two directions, and takes the columns first where that
        is less work.
    """
    shape = tf.shape(images)
    count, height, width, channels = shape[0], shape[1], shape[2], images.shape[3]
    rows = tf.cast(tf.transpose(images, [0, 1, 3, 2]), tf.float32)
    rows = tf.reshape(rows, [count, height * channels, width])
    across = _weights(parts[:, 0], parts[:, 2], size[1], width)
    rows = _round(tf.matmul(rows, across, transpose_b=True))
    rows = tf.reshape(rows, [count, height, channels * size[1]])
    down = _weights(parts[:, 1], parts[:, 3], size[0], height)
    done = tf.reshape(_round(tf.matmul(down, rows)), [count, size[0], channels, size[1]])
    return tf.transpose(done, [0, 1, 3, 2])


def to_grey(images: tf.Tensor) -> tf.Tensor:
    """uint8 (n, h, w, 3) to uint8 (n, h, w, 1): ITU-R 601 weights, as Pillow converts."""
    weights = tf.constant([[0.299], [0.587], [0.114]])
    return tf.cast(_round(tf.matmul(tf.cast(images, tf.float32), weights)), tf.uint8)


def _weights(low: tf.Tensor, high: tf.Tensor, count: int, pixels: tf.Tensor) -> tf.Tensor:
    """Weights (n, count, pixels) of old pixels for `count` new ones from `low` to `high`, (n,)."""
    # LiteRT's float16 keeps all constants in 16 bits, 1 / count as well, unless it looks variable.
    scale = (high - low) / tf.cast(tf.minimum(count, count + pixels), tf.float32)
    middles = low[:, None] + (tf.range(count, dtype=tf.float32) + 0.5) * scale[:, None]
    places = tf.range(tf.cast(pixels, tf.float32)) + 0.5
    away = tf.abs(places - middles[:, :, None]) / tf.maximum(scale, 1.0)[:, None, None]
    weights = tf.maximum(1.0 - away, 0.0)
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)


def _round(values: tf.Tensor) -> tf.Tensor:
    return tf.round(values + _TIE)
