"""The parts of the graph against the NumPy and Pillow that they stand for."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from datasets.images import prepare_image
from inference.graph import ReaderGraph, _read_out, _where_read, in_float32
from inference.reader import Reader
from inference.resize import resize_parts, to_grey


@pytest.mark.parametrize("shape", [(9, 7), (48, 96), (100, 235), (131, 64)])
def test_resizes_parts_as_pillow_does(shape):
    rng = np.random.default_rng(0)
    height, width = shape
    smooth = rng.integers(0, 256, (5, 6, 3), np.uint8)
    image = prepare_image(smooth, shape, 3).copy()
    image[2:5] = rng.integers(0, 256, (3, width, 3))
    parts = np.float32([[0, 0, width, height], [0.3 * width, 0.25 * height, 0.9 * width, height]])
    found = resize_parts(tf.constant(np.stack([image] * 2)), tf.constant(parts), (32, 48))
    for part, one in zip(parts, found.numpy(), strict=True):
        expected = prepare_image(image, (32, 48), 3, box=part)
        off = np.abs(one - expected)
        assert off.max() <= 2 and (off > 1).mean() < 1e-3
        assert off.mean() < 0.3


def test_turns_grey_as_pillow_does():
    images = np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3), np.uint8)
    found = to_grey(tf.constant(images)).numpy()
    for one, image in zip(found, images, strict=True):
        off = one.astype(int) - prepare_image(image, (40, 50), 1)
        assert (off != 0).mean() < 0.01 and np.abs(off).max() <= 1


@pytest.mark.parametrize("places", [1, 4])
def test_reads_out_what_the_library_reads_out(places):
    rng = np.random.default_rng(0)
    outputs = {"digits": rng.normal(size=(200, places, 10)).astype("float32") * 3}
    if places > 1:
        outputs["length"] = rng.normal(size=(200, places + 2)).astype("float32") * 3
    expected = models.decode_predictions(outputs)
    found = _read_out({name: tf.constant(values) for name, values in outputs.items()})
    np.testing.assert_array_equal(found["digits"], expected.digits)
    np.testing.assert_array_equal(found["length"], expected.length)
    np.testing.assert_allclose(found["confidence"], np.exp(expected.log_probability), rtol=1e-4)
    if places > 1:
        assert set(expected.length) == set(range(places + 2))  # none, longer and all between


def test_looks_as_often_as_the_reader(weights):
    reader = Reader(weights, max_glimpses=3)
    # Smooth ones: in mere noise, a pixel that is off by 1 sends the next look elsewhere.
    rough = np.random.default_rng(3).integers(0, 256, (12, 6, 9, 3), np.uint8)
    images = [prepare_image(one, (60, 90), 3) for one in rough]
    graph = ReaderGraph(reader)
    found = graph.read(tf.constant(np.stack(images)))
    seen = reader.look(images, [np.float32([0, 0, 90, 60])] * 12)
    read = seen.readings.length > 0
    assert read.any()
    assert np.quantile(np.abs(found["box"][read] - seen.boxes[read]), 0.8) < 1
    expected = np.exp(seen.readings.log_probability)
    assert np.quantile(np.abs(found["confidence"] - expected), 0.8) < 0.05


def test_there_is_no_box_where_no_number_is_read():
    boxes = _where_read(tf.constant([0, 2]), tf.constant([[1.0, 2, 3, 4], [5, 6, 7, 8]]))
    np.testing.assert_array_equal(boxes, [[0, 0, 0, 0], [5, 6, 7, 8]])


def test_a_model_of_mixed_precision_is_computed_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=2)
    finally:
        keras.config.set_dtype_policy("float32")
    again = in_float32(model)
    assert {layer.compute_dtype for layer in again.layers} == {"float32"}
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert in_float32(again) is again
