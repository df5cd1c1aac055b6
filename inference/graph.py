"""A reader as one TensorFlow function: pixels in, digits, confidence and box out.

It does what `inference.Reader` does with NumPy and Pillow, look by look, for a whole batch at once:
an image that needs no further look is looked at all the same and what is seen left out, for a
graph without branches runs everywhere. The quarters of an image, which the reader searches where
it is unsure, are left to the caller: docs/export.md shows how. `exporting.check` compares the two
on every export.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

import labels
from inference.reader import LEAST, MARGIN, WORTH, Reader
from inference.resize import resize_parts, to_grey
from labels import BOX, DIGITS, LENGTH

IMAGES, CONFIDENCE = "images", "confidence"

_SIGNATURE = tf.TensorSpec([None, None, None, 3], tf.uint8, name=IMAGES)


class ReaderGraph(tf.Module):
    """What a reader does, as `read`: uint8 (n, height, width, 3) to a dictionary.

    - `digits`: int32 (n, N), −1 where the number has no digit;
    - `length`: int32 (n,), 0 to N, and N + 1 for a number of more digits than N;
    - `confidence`: float32 (n,), the probability that the whole number is right;
    - `box`, of models that say so: float32 (n, 4), left, top, right and bottom of the number in
      pixels of the image; all 0 where no number is read.

    Args:
        reader: what is turned into a graph, with its looks and its temperature.
        half: whether to keep the weights in 16 bits; they are computed with in 32.
    """

    def __init__(self, reader: Reader, *, half: bool = False):
        super().__init__()
        self._reader = reader
        variables = (reader.model.trainable_variables, reader.model.non_trainable_variables)
        self._weights = [[_constant(v, half) for v in some] for some in variables]

    @tf.function(input_signature=[_SIGNATURE])
    def read(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Read the number in each of some images of one size."""
        height, width, channels = self._reader.model.input_shape[1:]
        shape = tf.shape(images)
        whole = tf.cast(tf.stack([0, 0, shape[2], shape[1]]), tf.float32)
        whole = tf.tile(whole[None], [shape[0], 1])
        seen = to_grey(images) if channels == 1 else images
        sums, counts, boxes = {}, 0.0, None
        parts, going = whole, tf.ones(shape[:1])
        for look in range(self._reader.max_glimpses):
            outputs = self._look(resize_parts(seen, parts, (height, width)))
            for name in outputs.keys() & {LENGTH, DIGITS}:
                logs = _each(going, outputs[name]) * tf.nn.log_softmax(outputs[name])
                sums[name] = sums.get(name, 0.0) + logs
            counts += going
            if BOX in outputs:
                found = _in_image(outputs[BOX], parts)
                boxes = found if look == 0 else _put(going, found, boxes)
            if look + 1 < self._reader.max_glimpses:
                nearer = _nearer(boxes, whole)
                if look:
                    going *= tf.cast(_area(nearer) < WORTH * _area(parts), tf.float32)
                parts = _put(going, nearer, parts)
        counts *= self._reader.temperature
        readings = _read_out({name: logs / _each(counts, logs) for name, logs in sums.items()})
        if boxes is None:
            return readings
        return readings | {BOX: _where_read(readings[LENGTH], boxes)}

    @tf.function
    def _look(self, prepared: tf.Tensor) -> dict[str, tf.Tensor]:
        """The model's outputs; a function of its own, so that a file holds it once."""
        variables = ([tf.cast(value, kind) for value, kind in some] for some in self._weights)
        return self._reader.model.stateless_call(*variables, prepared, training=False)[0]


def in_float32(model: keras.Model) -> keras.Model:
    """The model, or one of the same weights that computes in float32 throughout."""
    if all(layer.compute_dtype == "float32" for layer in model.layers):
        return model
    again = type(model).from_config(_full_precision(model.get_config()))
    again.set_weights(model.get_weights())
    return again


def _full_precision(config):
    """A model's configuration with every mixed precision policy replaced."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return config | {"config": {"name": "float32"}}
        return {key: _full_precision(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_full_precision(value) for value in config)
    return config


def _constant(variable, half: bool) -> tuple[tf.Variable, str]:
    """The value of a model's variable as it is kept, and the type it is computed with in."""
    value, kind = np.asarray(variable), keras.backend.standardize_dtype(variable.dtype)
    if half and kind == "float32":
        value = value.astype(np.float16)
    return tf.Variable(value, trainable=False), kind


def _each(values: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """One value for each image, (n,), to be multiplied with (n, …)."""
    return tf.reshape(values, [-1, *[1] * (len(like.shape) - 1)])


def _put(going: tf.Tensor, new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    return tf.where(going[:, None] > 0, new, old)


def _in_image(shares: tf.Tensor, parts: tf.Tensor) -> tf.Tensor:
    ends = shares[:, :2], shares[:, 2:]
    shares = tf.concat([tf.minimum(*ends), tf.maximum(*ends)], axis=1)
    return tf.tile(parts[:, :2], [1, 2]) + shares * tf.tile(parts[:, 2:] - parts[:, :2], [1, 2])


def _where_read(length: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
    """The boxes of numbers; all 0 where none is read, for there is nothing to show."""
    return tf.where(length[:, None] > 0, boxes, 0.0)


def _area(boxes: tf.Tensor) -> tf.Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _nearer(boxes: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    half = tf.maximum(half * (1 + MARGIN), LEAST / 2)
    low, high = tf.maximum(middle - half, whole[:, :2]), tf.minimum(middle + half, whole[:, 2:])
    return tf.concat([low, high], axis=1)


def _read_out(outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """`models.read_out` in TensorFlow: the number of the largest P(S|X), and how large it is."""
    log_digits = tf.nn.log_softmax(outputs[DIGITS])
    places = log_digits.shape[1]
    best = tf.argmax(log_digits, axis=-1, output_type=tf.int32)
    running = tf.cumsum(tf.reduce_max(log_digits, axis=-1), axis=1)
    if LENGTH in outputs:
        # No digit has nothing to pay for, nor has "longer".
        joint = tf.nn.log_softmax(outputs[LENGTH]) + tf.pad(running, [[0, 0], [1, 1]])
        length = tf.argmax(joint, axis=-1, output_type=tf.int32)
    else:
        joint, length = running, tf.ones_like(best[:, 0])
    shown = tf.where(length > places, 0, length)
    kept = tf.range(places)[None] < shown[:, None]
    return {
        DIGITS: tf.where(kept, best, labels.ABSENT),
        LENGTH: length,
        CONFIDENCE: tf.exp(tf.reduce_max(joint, axis=-1)),
    }
