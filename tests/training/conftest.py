"""A configuration so small that a run of it takes seconds."""

from __future__ import annotations

import pytest
import tensorflow as tf

from training.configuration import configure

# Before TensorFlow does anything: two devices to share a training, on a machine without GPUs.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], 2 * [tf.config.LogicalDeviceConfiguration()]
)

TINY = {
    "recipe": "photos",
    "epochs": 4,
    "batch_size": 8,
    "settings": [
        "steps_per_epoch=2",
        "input_shape=[16,32,3]",
        "ema_momentum=0.5",
        "max_digits=2",
        "checkpoint=best",
    ],
}


DENSE = [*TINY["settings"], "dense_units=[16]", "dense_dropout=0.2"]
"""Settings for `deep_cnn_tiny`, whose dense layers have most of its weights."""


@pytest.fixture(scope="session")
def tiny(photos):
    """The configuration of a run of four epochs, with dropout and all augmentation."""
    return configure("deep_cnn_tiny", str(photos), **TINY | {"settings": DENSE})
