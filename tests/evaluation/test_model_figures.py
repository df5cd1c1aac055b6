"""Figures of what is inside a model."""

import keras
import numpy as np
import pytest
from keras import layers

import evaluation
import models
from evaluation.model_figures import Saliency, overlay


def test_weights_are_shown_as_images_of_the_pixels():
    model = models.create("logistic_regression", input_shape=(6, 8, 1))
    axes = evaluation.plot_weights(model, "digit_logits").axes
    kernel = np.asarray(model.get_layer("digit_logits").kernel)
    assert len(axes) == 10  # one for each unit
    assert np.allclose(axes[3].images[0].get_array(), kernel[:, 3].reshape(6, 8))
    norm = axes[0].images[0].norm
    assert -norm.vmin == norm.vmax == np.abs(kernel).max()  # 0 is white


def test_a_layer_that_sees_no_pixels_is_refused():
    model = models.create("shallow_cnn", input_shape=(8, 8, 1), filters=(2, 3), dense_units=4)
    assert len(evaluation.plot_weights(model, "conv1").axes) == 2
    for layer in ("conv2", "dense"):
        with pytest.raises(ValueError, match=f"pixels. Received: '{layer}'"):
            evaluation.plot_weights(model, layer)


def test_feature_maps_are_those_of_the_image():
    model = models.create("shallow_cnn", input_shape=(8, 8, 1), filters=(2, 3), dense_units=4)
    image = np.zeros((8, 8, 1))
    image[2, 5] = 255
    axes = evaluation.plot_feature_maps(model, image, ["conv1", "conv2"], count=2).axes
    assert [axis.get_title() for axis in axes[:2]] == ["conv1, 0", "conv1, 1"]
    assert [axis.images[0].get_array().shape for axis in axes] == [(8, 8)] * 2 + [(4, 4)] * 2
    # A row for each layer, also of layers with fewer maps than requested.
    assert len(evaluation.plot_feature_maps(model, image, ["conv1", "conv2"]).axes) == 2 + 2


def test_the_best_sequence_of_every_length_is_drawn():
    """The worked example of Goodfellow et al. 2013, appendix A."""
    digits = np.full((1, 5, 10), 0.1)
    for position, (digit, p) in enumerate([(1, 0.9), (7, 0.9), (5, 0.9), (1, 0.2)]):
        digits[0, position] = (1 - p) / 9
        digits[0, position, digit] = p
    length = np.array([[0.002, 0.002, 0.002, 0.9, 0.09, 0.002, 0.002]])
    figure = evaluation.plot_decoding({"length": np.log(length), "digits": np.log(digits)})
    bars = figure.axes[-1].patches
    drawn = [bar.get_width() for bar in bars]
    assert np.allclose(
        drawn, [-6.2146, -6.3200, -6.4253, -0.4214, -4.3334, -10.4430, -6.2146], atol=1e-3
    )
    assert [text.get_text() for text in figure.axes[-1].get_yticklabels()][3] == "“175”"
    assert [bar.get_facecolor() != bars[0].get_facecolor() for bar in bars].index(True) == 3


def test_a_map_is_drawn_for_each_digit_read():
    model = models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=3)
    images = np.random.default_rng(0).uniform(0, 255, (2, 16, 32, 3))
    axes = evaluation.plot_saliency(model, images, ["12", ""]).axes
    assert [axis.get_title() for axis in axes] == ["read: 12", "1", "2", "read: none", "", ""]
    assert axes[4].images[0].get_array().min() == 255  # nothing was read there


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
