"""The inference graph: from uint8 images of any size to digits, confidence and bounding box.

A model that locates the number reads the whole image. Unless its confidence is high, it also reads
a crop around the predicted box, and further crops as long as they become clearly smaller. Each crop
is a glimpse; there are at most `max_glimpses`. The log-probabilities of all glimpses are averaged
and divided by the temperature.
If a small number then has a low confidence, the four overlapping quarters of the image are read in
the same way, and the most confident reading is used. A model without a `box` output reads one
glimpse.

All operations are those of `keras.ops`, so that the same graph runs on every Keras backend and,
after `keras.Model.export`, in ONNX Runtime, LiteRT and TensorFlow.
"""

from __future__ import annotations

import functools

import keras
import numpy as np
from keras import ops

import labels
from inference.backends import STATIC_SHAPES
from inference.boxes import area, expand_boxes, in_pixels, inside_margin
from inference.resize import crop_and_resize, to_gray
from labels import BOX, DIGITS, LENGTH
from number_zoo.names import (
    ATTENTION,
    CONFIDENCE,
    CROP,
    CROPS,
    DIGIT_LOG_PROBS,
    IMAGE_SIZES,
    IMAGES,
    LENGTH_LOG_PROBS,
)

SURE_CONFIDENCE = 0.98
"""No further glimpse is read at this confidence or above."""

MIN_SHRINKAGE = 0.6
"""A further glimpse is read if its area is below this fraction of the area of the last one."""

SEARCH_CONFIDENCE, SEARCH_AREA = 0.6, 0.15
"""The quarters are read if the confidence is below the first value and the box covers less than the
second value as a fraction of the image's area."""

REGIONS = np.float32(
    [[0, 0, 1, 1], [0, 0, 0.7, 0.7], [0.3, 0, 1, 0.7], [0, 0.3, 0.7, 1], [0.3, 0.3, 1, 1]]
)
"""The whole image and its quarters, which overlap, as fractions of its width and height."""

EDGE = 0.03
"""A number closer to the edge of a quarter than this fraction of its size may be cut off."""


class ReadNumbers(keras.layers.Layer):
    """Read the number in each image with a model of the zoo.

    Args:
        model: functional model with the outputs of `models.heads`.
        max_glimpses: maximum number of glimpses of an image (and of each quarter), at least 1; 1
            for a model without a `box` output. With 1, quarters are not read.
        temperature: divisor of the averaged log-probabilities.
        frozen: whether the weights are constants, with which exported files are faster.
        only_active: whether images that need no further glimpse are left out of the batch, which is
            faster; not supported on backends with static shapes (JAX).

    Call arguments:
        images: uint8 (batch, height, width, 3), RGB.
        crops: float32 (batch, 4), the first glimpse: left, top, right and bottom in pixels. If it
            is empty (right ≤ left), the whole image is read. Defaults to whole images.
        image_sizes: float32 (batch, 2), width and height of images that are padded at the right
            and the bottom. Defaults to the shape of `images`.

    Returns:
        A dictionary:

        - `digits`: int32 (batch, N), −1 from position `length` on;
        - `length`: int32 (batch,), 0 to N, and N + 1 for more than N digits;
        - `confidence`: float32 (batch,), probability that length and digits are all correct;
        - `length_log_probs` (batch, N + 2) if N > 1, and `digit_log_probs` (batch, N, 10);
        - `crop`: float32 (batch, 4), the last glimpse, in pixels;
        - `box`, of models that predict it: float32 (batch, 4), left, top, right and bottom of the
            number in pixels; undefined if `length` is 0;
        - `attention`, of models with a layer of that name: float32 (batch, positions, 1 + N), the
            attention maps over the last glimpse, that of the length first.
    """

    def __init__(
        self,
        model: keras.Model,
        max_glimpses: int = 1,
        temperature: float = 1.0,
        frozen: bool = False,
        only_active: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        names = [layer.name for layer in model.layers]
        attention = {name: model.get_layer(name).output for name in (ATTENTION,) if name in names}
        self.model = keras.Model(model.input, model.output | attention)
        self.max_glimpses, self.temperature = max_glimpses, temperature
        self.search_quarters = max_glimpses > 1
        self.constants, self.only_active = None, only_active
        if frozen:
            variables = self.model.trainable_variables, self.model.non_trainable_variables
            self.constants = [[np.asarray(v) for v in group] for group in variables]

    def call(self, images, crops=None, image_sizes=None):
        batch, height, width, _ = ops.shape(images)
        if image_sizes is None:
            size = ops.cast(ops.stack([width, height]), "float32")
            image_sizes = ops.tile(ops.expand_dims(size, 0), (batch, 1))
        whole = ops.concatenate([ops.zeros_like(image_sizes), image_sizes], axis=-1)
        cropped, first = ops.zeros((batch,), "bool"), whole
        if crops is not None:
            cropped = crops[:, 2] > crops[:, 0]
            first = _where(cropped, crops, whole)

        def glimpse(active, region, glimpses, crop, sums, result):
            """Read a crop of each active image, and choose the next crop."""
            glimpses = glimpses + 1
            outputs = self._predict(images, crop, image_sizes, active)
            sums, reading = self._average(outputs, crop, glimpses, sums)
            if BOX not in outputs:
                return ops.zeros_like(active), region, glimpses, crop, sums, reading
            following = expand_boxes(reading[BOX], whole)
            shrinks = area(following) < MIN_SHRINKAGE * area(crop)
            unsure = reading[CONFIDENCE] < SURE_CONFIDENCE
            closer = ops.logical_or(glimpses == 1, shrinks)
            again = _and(glimpses < self.max_glimpses, unsure, closer)
            finished = _and(active, ops.logical_not(again))
            inside = inside_margin(reading[BOX], region_of_image(region, image_sizes), EDGE)
            surer = reading[CONFIDENCE] > result[CONFIDENCE]
            better = ops.logical_or(region == 0, _and(reading[LENGTH] > 0, inside, surer))
            result = {
                name: _where(_and(finished, better), reading[name], old)
                for name, old in result.items()
            }
            small = area(reading[BOX]) < SEARCH_AREA * area(whole)
            missed = _and(small, reading[CONFIDENCE] < SEARCH_CONFIDENCE, ops.logical_not(cropped))
            more = ops.where(region == 0, missed, region < len(REGIONS) - 1)
            search = _and(finished, more, self.search_quarters)
            region = region + ops.cast(search, "int32")
            glimpses = ops.where(search, 0, glimpses)
            crop = _where(search, region_of_image(region, image_sizes), following)
            active = _and(active, ops.logical_or(again, search))
            return active, region, glimpses, crop, sums, result

        zeros = {
            name: ops.zeros((batch, *spec.shape[1:]), spec.dtype)
            for name, spec in self.compute_output_spec(images).items()
        }
        counts = ops.zeros((batch,), "int32")
        sums = {LENGTH: zeros.get(LENGTH_LOG_PROBS), DIGITS: zeros[DIGIT_LOG_PROBS]}
        sums = {name: total for name, total in sums.items() if total is not None}
        *_, result = ops.while_loop(
            lambda active, *_: ops.any(active),
            glimpse,
            (ops.ones((batch,), "bool"), counts, counts, first, sums, zeros),
        )
        return result

    def _average(self, outputs, crop, glimpses, sums):
        """Add a glimpse to the sums of a region's log-probabilities, and decode their mean."""
        sums = {
            name: _where(glimpses == 1, 0.0, total) + ops.log_softmax(outputs[name])
            for name, total in sums.items()
        }
        divisor = ops.cast(glimpses, "float32") * self.temperature
        reading = decode({name: total / _align(divisor, total) for name, total in sums.items()})
        reading[CROP] = crop
        if BOX in outputs:
            reading[BOX] = in_pixels(outputs[BOX], crop)
        if ATTENTION in outputs:
            reading[ATTENTION] = outputs[ATTENTION]
        return sums, reading

    def _predict(self, images, crops, image_sizes, active):
        """Outputs of the model for a crop of each image."""
        index = ops.nonzero(active)[0] if self.only_active else None
        if self.only_active:
            inputs = (images, crops, image_sizes)
            images, crops, image_sizes = (ops.take(values, index, axis=0) for values in inputs)
        height, width, channels = self.model.input_shape[1:]
        pixels = ops.cast(images, "float32")  # not earlier: float32 takes four times the memory
        x = crop_and_resize(pixels, crops, (height, width), image_sizes)
        x = to_gray(x) if channels == 1 else x
        if self.constants is None:
            outputs = self.model(x, training=False)
        else:
            outputs, _ = self.model.stateless_call(*self.constants, x, training=False)
        if not self.only_active:
            return outputs
        index, batch = ops.expand_dims(index, -1), ops.shape(active)[0]
        return {
            name: ops.scatter(index, values, (batch, *values.shape[1:]))
            for name, values in outputs.items()
        }

    def compute_output_spec(self, images, crops=None, image_sizes=None):
        """Shapes and dtypes of the outputs, without a trace of the graph."""
        batch, outputs = images.shape[0], self.model.output
        shapes = {
            DIGITS: outputs[DIGITS].shape[1:2],
            LENGTH: (),
            CONFIDENCE: (),
            CROP: (4,),
            DIGIT_LOG_PROBS: outputs[DIGITS].shape[1:],
        }
        if LENGTH in outputs:
            shapes[LENGTH_LOG_PROBS] = outputs[LENGTH].shape[1:]
        shapes |= {name: outputs[name].shape[1:] for name in (BOX, ATTENTION) if name in outputs}
        dtypes = {DIGITS: "int32", LENGTH: "int32"}
        return {
            name: keras.KerasTensor((batch, *shape), dtypes.get(name, "float32"), name=name)
            for name, shape in shapes.items()
        }


def build_inference_model(
    model: keras.Model,
    max_glimpses: int = 1,
    temperature: float = 1.0,
    *,
    crops: bool = False,
    frozen: bool = False,
) -> keras.Model:
    """Build the end-to-end model from uint8 images of any size to the outputs of `ReadNumbers`.

    Args:
        model: as for `ReadNumbers`.
        max_glimpses: as for `ReadNumbers`.
        temperature: as for `ReadNumbers`.
        crops: whether the inputs are a dictionary of `images`, `crops` and `image_sizes`; otherwise
            `images` is the only input, and all images of a batch are read until none needs a
            further glimpse.
        frozen: as for `ReadNumbers`.
    """
    only_active = crops and not STATIC_SHAPES
    read = ReadNumbers(
        model, max_glimpses, temperature, frozen, only_active, dtype="float32", name="read_numbers"
    )
    images = keras.Input((None, None, 3), dtype="uint8", name=IMAGES)
    if not crops:
        return keras.Model(images, read(images), name=model.name)
    inputs = {
        IMAGES: images,
        CROPS: keras.Input((4,), name=CROPS),
        IMAGE_SIZES: keras.Input((2,), name=IMAGE_SIZES),
    }
    return keras.Model(inputs, read(**inputs), name=model.name)


def decode(logits):
    """Decode length and digits jointly: the sequence with the largest P(S|X).

    The same rule as in `models.decode_predictions`, which decodes NumPy arrays.

    Args:
        logits: `digits` (batch, N, 10) and, where N > 1, `length` (batch, N + 2).

    Returns:
        `length`, `digits`, `confidence` and the log-probabilities, as `ReadNumbers` returns them.
    """
    log_digits = ops.log_softmax(logits[DIGITS])
    positions = log_digits.shape[1]
    highest, best = _max(log_digits)
    running = ops.cumsum(highest, axis=1)
    result = {DIGIT_LOG_PROBS: log_digits}
    if LENGTH in logits:
        result[LENGTH_LOG_PROBS] = ops.log_softmax(logits[LENGTH])
        # No digits are scored for length 0 and for "longer".
        joint = result[LENGTH_LOG_PROBS] + ops.pad(running, ((0, 0), (1, 1)))
        log_probability, length = _max(joint)
    else:
        log_probability, length = running[:, 0], ops.ones_like(best[:, 0])
    count = ops.where(length > positions, 0, length)
    present = ops.arange(positions, dtype="int32")[None] < count[:, None]
    return result | {
        DIGITS: ops.where(present, best, labels.ABSENT),
        LENGTH: length,
        CONFIDENCE: ops.exp(log_probability),
    }


def _max(values):
    """The largest value along the last axis and its index; `ops.argmax` cannot be exported."""
    highest, index = ops.top_k(values, 1)
    return highest[..., 0], ops.cast(index[..., 0], "int32")


def region_of_image(region, image_sizes):
    """Crops (batch, 4) in pixels for indices (batch,) into `REGIONS`."""
    return ops.take(REGIONS, region, axis=0) * ops.tile(image_sizes, (1, 2))


def _and(*conditions):
    return functools.reduce(ops.logical_and, conditions)


def _align(values, like):
    """Values (batch,), reshaped to the number of axes of `like`."""
    return ops.reshape(values, (-1, *[1] * (len(like.shape) - 1)))


def _where(condition, new, old):
    return ops.where(_align(condition, old), new, old)
