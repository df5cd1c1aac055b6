"""A configuration so small that a run of it takes seconds."""

from __future__ import annotations

import pytest

from training.configuration import configure

TINY = {
    "recipe": "photos",
    "epochs": 3,
    "batch_size": 8,
    "settings": [
        "steps_per_epoch=2",
        "input_shape=[16,32,3]",
        "averaging=0.5",
        "max_digits=2",
        "keep=best",
    ],
}


@pytest.fixture
def tiny(photos):
    """The configuration of a run of three epochs, with dropout and all augmentation."""
    return configure(
        "residual_cnn_tiny", str(photos), **TINY | {"settings": [*TINY["settings"], "dropout=0.2"]}
    )
