"""Images a second of a training step, by precision and by the kernel of batch normalization.

    python benchmarks/training_rate.py
    python benchmarks/training_rate.py residual_cnn --batch-size 128
    KERAS_BACKEND=torch python benchmarks/training_rate.py      needs torch

Every variant trains on one batch of random images in memory, several times in turns, so that other
load affects all alike; the table has medians and the ratio to the first row.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich.console import Console

from artifacts.console import table
from artifacts.startup import quiet_tensorflow

ROUNDS, STEPS = 5, 8
"""Turns of every variant, and steps in each of them."""

VARIANTS = {
    "float32, batch normalization of Keras": ("float32", False),
    "float32": ("float32", True),
    "mixed_bfloat16, batch normalization of Keras": ("mixed_bfloat16", False),
    "mixed_bfloat16": ("mixed_bfloat16", True),
}
"""Precision, and whether batch normalization uses the fused kernel, as in `train.py`."""


def make_step(name: str, batch_size: int, precision: str, fused: bool) -> Callable[[], object]:
    """A function that trains a new model of that name for one step."""
    import keras
    import numpy as np

    import models
    from training.batch_normalization import fuse_batch_normalization

    keras.config.set_dtype_policy(precision)
    model = models.create(name)
    if fused:
        fuse_batch_normalization(model)
    model.compile(keras.optimizers.AdamW(1e-4), "mse")
    images = np.random.default_rng(0).uniform(0, 255, (batch_size, *model.input_shape[1:]))
    images = images.astype("float32")
    zeros = keras.tree.map_structure(
        lambda output: np.zeros((batch_size, *output.shape[1:]), "float32"), model.output
    )
    return lambda: model.train_on_batch(images, zeros)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", default="conv_transformer")
    parser.add_argument("--batch-size", type=int, default=64)
    options = parser.parse_args()
    quiet_tensorflow()
    steps = {
        variant: make_step(options.model, options.batch_size, *settings)
        for variant, settings in VARIANTS.items()
    }
    seconds = {variant: [] for variant in steps}
    for step in steps.values():
        step()  # traces the training function
    for _ in range(ROUNDS):
        for variant, step in steps.items():
            began = time.perf_counter()
            for _ in range(STEPS):
                step()
            seconds[variant].append(time.perf_counter() - began)
    medians = {variant: statistics.median(times) for variant, times in seconds.items()}
    first = next(iter(medians.values()))
    rows = [
        (variant, f"{STEPS * options.batch_size / median:.1f}", f"{first / median:.2f}")
        for variant, median in medians.items()
    ]
    title = f"Training {options.model}, batches of {options.batch_size} images"
    columns = ("variant", "images/s", "ratio")
    Console(width=100).print(table(title, columns, rows, right=columns[1:]))


if __name__ == "__main__":
    main()
