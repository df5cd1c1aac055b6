"""Throughput of the input pipeline compared with the training that it feeds.

    python benchmarks/pipeline_rate.py deep_cnn residual_cnn

It measures, for each model and alternating, the images per second of the pipeline alone, of
training on one batch in memory, and of training fed by the pipeline. On a CPU, pipeline and
training share the cores, so the pipeline should be five times as fast as training: it then takes
less than a fifth of the time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich.console import Console

from artifacts.console import table
from artifacts.startup import quiet_tensorflow

ROUNDS, STEPS, PREFETCHED = 5, 20, 8
"""Rounds, batches trained on per round, and prefetched batches that are discarded."""


def rate(step: Callable[[], object], steps: int) -> float:
    """Steps a second."""
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return steps / (time.perf_counter() - began)


def compare(model, batches: Iterator) -> list[float]:
    """Batches a second of the pipeline alone, of training alone, and of training fed by it.

    Medians over rounds that take turns, so that other load affects all three alike.
    """
    images, labels = next(batches)
    model.train_on_batch(images, labels)  # traces the training function
    rounds = []
    for _ in range(ROUNDS):
        for _ in range(PREFETCHED):
            next(batches)
        rounds.append(
            (
                rate(lambda: next(batches), 4 * STEPS),
                rate(lambda: model.train_on_batch(images, labels), STEPS),
                rate(lambda: model.train_on_batch(*next(batches)), STEPS),
            )
        )
    return [statistics.median(rates) for rates in zip(*rounds, strict=True)]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("models", nargs="*", default=["deep_cnn", "residual_cnn"])
    add("--dataset", default="rendered_numbers", help="name, folder or mix")
    add("--augmentation", default="photo", help="none, light, photo or strong")
    add("--batch-size", type=int, default=64)
    add("--images", type=int, default=2000, help="images of the data set to use")
    options = parser.parse_args()
    quiet_tensorflow()
    import datasets
    import models

    defaults = datasets.defaults(options.dataset)
    batches = iter(
        datasets.load_training(
            options.dataset,
            epochs=1_000_000,
            seed=0,
            batch_size=options.batch_size,
            augmentation=getattr(datasets.Augmentation, options.augmentation)(),
            limit=options.images,
            **defaults,
        )
    )
    shape, max_digits = (*defaults["image_size"], defaults["channels"]), defaults["max_digits"]
    rows = []
    for name in options.models:
        model = models.create(name, input_shape=shape, max_digits=max_digits)
        losses = models.losses(max_digits)  # that of the box is small
        model.compile("adamw", losses, jit_compile=False)
        rates = compare(model, batches)
        cells = [f"{value * options.batch_size:,.0f}" for value in rates]
        ratio = f"{rates[0] / rates[1]:.1f}"
        rows.append((name, f"{model.count_params():,}", *cells, ratio))
    title = (
        f"Images a second: {options.dataset}, {' x '.join(map(str, shape))}, "
        f"{options.augmentation} augmentation, batches of {options.batch_size}, "
        f"{os.cpu_count()} cores"
    )
    columns = ("model", "parameters", "pipeline alone", "training alone", "training fed",
               "pipeline / training")  # fmt: skip
    Console(width=120).print(table(title, columns, rows))


if __name__ == "__main__":
    main()
