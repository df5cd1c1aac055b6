"""Batch normalization in TensorFlow's fused kernel.

Keras composes batch normalization of about ten operations, each of which passes over the feature
map, in float32 even where the map is bfloat16. The kernel computes the same in two passes.
"""

from __future__ import annotations

import types

import keras
from keras import layers


def fuse_batch_normalization(model: keras.Model) -> int:
    """Let the batch normalizations of a model train with the fused kernel.

    It replaces the method `call` of these objects; their variables, configuration and saved files
    do not change, and they compute the same up to rounding. Layers that do not normalize the last
    axis of a map (batch, height, width, channels) are left as they are, as is every layer with a
    backend other than TensorFlow.

    Args:
        model: the model, before its training function is traced.

    Returns:
        The number of layers that use the kernel.
    """
    if keras.backend.backend() != "tensorflow":
        return 0
    fused = [layer for layer in model.layers if _can_fuse(layer)]
    for layer in fused:
        layer.call = types.MethodType(_call, layer)
    return len(fused)


def _can_fuse(layer: keras.Layer) -> bool:
    return (
        type(layer) is layers.BatchNormalization
        and len(layer.input.shape) == 4
        and layer.axis in (-1, 3)
        and layer.center
        and layer.scale
        and not (layer.synchronized or layer.renorm)
    )


def _call(layer: layers.BatchNormalization, inputs, training=None, mask=None):
    """`BatchNormalization.call`; in inference and where the layer is frozen, that of Keras."""
    import tensorflow as tf

    if mask is not None or not (training and layer.trainable):
        return layers.BatchNormalization.call(layer, inputs, training=training, mask=mask)
    none = tf.zeros((0,))
    result = tf.raw_ops.FusedBatchNormV3(
        x=tf.cast(inputs, layer.compute_dtype),
        scale=layer.gamma,
        offset=layer.beta,
        mean=none,
        variance=none,
        epsilon=layer.epsilon,
        exponential_avg_factor=1.0,
    )
    # The kernel returns the unbiased variance, Keras averages the biased one.
    count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
    variance = result.batch_variance * (count - 1) / count
    moving = ((layer.moving_mean, result.batch_mean), (layer.moving_variance, variance))
    for average, value in moving:
        average.assign(average * layer.momentum + value * (1 - layer.momentum))
    return result.y
