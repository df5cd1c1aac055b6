"""A configuration so small that its run takes seconds."""

from __future__ import annotations

import pytest
import tensorflow as tf

from training.configuration import configure

# Before TensorFlow is initialized: two devices on a machine without GPUs.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], 2 * [tf.config.LogicalDeviceConfiguration()]
)

SETTINGS = [
    "steps_per_epoch=2",
    "input_shape=[16,32,3]",
    "ema_momentum=0.5",
    "max_digits=2",
    "checkpoint=best",
    "dense_units=[16]",
    "dense_dropout=0.2",
]
"""Settings of `deep_cnn_tiny`, whose dense layers have most of its weights."""


def command_line(photos, folder, epochs, *extra, settings=SETTINGS):
    """Arguments of `train.py` for the model of `tiny`, or with other settings."""
    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--recipe", "photos"]
    arguments += ["--epochs", str(epochs), "--batch-size", "8", "--run", str(folder), *extra]
    return arguments + [text for setting in settings for text in ("--set", setting)]


@pytest.fixture(scope="session")
def tiny(photos):
    """The configuration of a run of four epochs, with dropout, augmentation and averaging."""
    return configure(
        "deep_cnn_tiny", str(photos), recipe="photos", epochs=4, batch_size=8, settings=SETTINGS
    )
