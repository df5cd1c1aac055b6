"""Fused batch normalization computes what that of Keras does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from training.batch_normalization import fuse_batch_normalization


@pytest.fixture(params=["float32", "mixed_bfloat16"])
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


def _step(model, x):
    """Train for one step of gradient descent; returns the output before it."""
    with tf.GradientTape() as tape:
        y = model(x, training=True)
        loss = tf.reduce_mean(tf.cast(y, tf.float32) ** 3)
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        variable.assign_sub(gradient)
    return y


def test_it_trains_as_keras_does(policy):
    x = np.random.default_rng(0).normal(2, 3, (4, 5, 6, 8)).astype("float32")
    options = {"momentum": 0.7, "epsilon": 0.1}
    plain, fused = (
        keras.Sequential([keras.Input((5, 6, 8)), keras.layers.BatchNormalization(**options)])
        for _ in range(2)
    )
    assert fuse_batch_normalization(fused) == 1
    for _ in range(3):
        y, expected = _step(fused, x), _step(plain, x)
        assert y.dtype == expected.dtype
        tolerance = 1e-5 if policy == "float32" else 0.02
        np.testing.assert_allclose(
            tf.cast(y, "float32"), tf.cast(expected, "float32"), atol=tolerance
        )
    for variable, expected in zip(fused.variables, plain.variables, strict=True):
        np.testing.assert_allclose(variable, expected, atol=tolerance, err_msg=variable.path)
    assert np.abs(fused.layers[0].moving_variance - 1).max() > 1, "it has changed"


def test_frozen_and_inferring_layers_use_the_moving_averages():
    layer = keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((2, 2, 3)), layer])
    fuse_batch_normalization(model)
    x = np.full((2, 2, 2, 3), 7.0, "float32")
    for trainable, training in ((True, False), (False, True)):
        layer.trainable = trainable
        np.testing.assert_allclose(model(x, training=training), x / np.sqrt(1.001), rtol=1e-5)
    assert not layer.moving_mean.numpy().any()


def test_a_model_is_saved_as_one_of_keras(tmp_path):
    model = models.create("residual_cnn_tiny")
    assert fuse_batch_normalization(model) > 3
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    assert not any("call" in vars(layer) for layer in loaded.layers)


def test_other_axes_options_and_vectors_are_left_alone():
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.BatchNormalization(axis=1)(inputs)
    for options in ({"scale": False}, {"center": False}, {"synchronized": True}, {"renorm": True}):
        x = keras.layers.BatchNormalization(**options)(x)
    x = keras.layers.BatchNormalization()(keras.layers.Flatten()(x))
    assert fuse_batch_normalization(keras.Model(inputs, x)) == 0
