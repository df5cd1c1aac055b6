"""Where models looked: heat that is where the evidence is."""

import keras
import numpy as np
import pytest
from keras import layers

import models
from evaluation.saliency import Looks, overlay


@pytest.mark.parametrize("name", ["residual_cnn_tiny", "deep_cnn_tiny"])
def test_there_is_a_map_for_each_digit(name):
    model = models.create(name, input_shape=(16, 32, 3), max_digits=3)
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    heat = Looks(model).heat(image, np.float32([5, 5, 45, 35]), "27")
    assert heat.shape == (2, 16, 32)
    assert heat.min() >= 0 and heat.max(axis=(1, 2)) == pytest.approx(1.0)


def test_gradients_light_up_what_decides():
    """A model that reads its digit from the right half alone has its heat there."""
    images = keras.Input((16, 32, 3))
    right = layers.Cropping2D(((0, 0), (16, 0)))(images)
    logits = layers.Dense(10, kernel_initializer="glorot_normal")(layers.Flatten()(right))
    digits = layers.Reshape((1, 10), name="digits")(logits)
    max_glimpses = Looks(keras.Model(images, {"digits": digits}))
    image = np.random.default_rng(0).integers(0, 256, (16, 32, 3), np.uint8)
    heat = max_glimpses.heat(image, np.float32([0, 0, 32, 16]), "4")[0]
    assert heat[:, 20:].mean() > 20 * heat[:, :12].mean()


def test_an_overlay_is_coloured_where_there_is_heat():
    heat = np.zeros((20, 30), np.float32)
    heat[5:10, 5:10] = 1.0
    drawn = overlay(np.full((60, 90, 3), 100, np.uint8), np.float32([0, 0, 90, 60]), heat)
    assert drawn.shape == (20, 30, 3)
    spread = drawn.max(axis=2).astype(int) - drawn.min(axis=2)
    assert (spread[heat > 0] > 50).all() and (spread[heat == 0] == 0).all()
