"""A configuration so small that its run takes seconds."""

from __future__ import annotations

import pytest
import tensorflow as tf

from tests.faults.commands import SETTINGS, set_options
from training.configuration import configure

# Before TensorFlow is initialized: two devices on a machine without GPUs.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], 2 * [tf.config.LogicalDeviceConfiguration()]
)


def command_line(photos, folder, epochs, *extra, settings=SETTINGS):
    """Arguments of `train.py` for the model of `tiny`, or with other settings."""
    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--recipe", "photos"]
    arguments += ["--epochs", str(epochs), "--batch-size", "8", "--run", str(folder), *extra]
    return arguments + set_options(settings)


@pytest.fixture(scope="session")
def tiny(photos):
    """The configuration of a run of three epochs, with dropout, augmentation and averaging."""
    return configure(
        "deep_cnn_tiny", str(photos), recipe="photos", epochs=3, batch_size=8, settings=SETTINGS
    )
