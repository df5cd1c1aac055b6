"""Saliency maps are where the evidence is."""

import keras
import numpy as np
import pytest
from keras import layers

import models
from evaluation.saliency import Saliency, overlay


@pytest.mark.parametrize("name", ["residual_cnn_tiny", "deep_cnn_tiny"])
def test_there_is_a_map_for_each_digit(name):
    model = models.create(name, input_shape=(16, 32, 3), max_digits=3)
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    maps = Saliency(model).maps(image, np.float32([5, 5, 45, 35]), "27")
    assert maps.shape == (2, 16, 32)
    assert maps.min() >= 0 and maps.max(axis=(1, 2)) == pytest.approx(1.0)


def test_gradients_are_where_the_model_takes_its_digit_from():
    """A model that reads its digit from the right half alone."""
    images = keras.Input((16, 32, 3))
    right = layers.Cropping2D(((0, 0), (16, 0)))(images)
    logits = layers.Dense(10, kernel_initializer="glorot_normal")(layers.Flatten()(right))
    digits = layers.Reshape((1, 10), name="digits")(logits)
    saliency = Saliency(keras.Model(images, {"digits": digits}))
    image = np.random.default_rng(0).integers(0, 256, (16, 32, 3), np.uint8)
    (values,) = saliency.maps(image, np.float32([0, 0, 32, 16]), "4")
    assert values[:, 20:].mean() > 20 * values[:, :12].mean()


def test_an_overlay_is_coloured_where_there_is_saliency():
    values = np.zeros((20, 30), np.float32)
    values[5:10, 5:10] = 1.0
    drawn = overlay(np.full((60, 90, 3), 100, np.uint8), np.float32([0, 0, 90, 60]), values)
    assert drawn.shape == (20, 30, 3)
    spread = drawn.max(axis=2).astype(int) - drawn.min(axis=2)
    assert (spread[values > 0] > 50).all() and (spread[values == 0] == 0).all()
