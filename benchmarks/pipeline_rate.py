"""Throughput of the input pipeline compared with the training that it feeds.

    python benchmarks/pipeline_rate.py deep_cnn residual_cnn

Measures, for each model and in turns: images a second of the pipeline alone, of training on one
batch held in memory, and of training fed by the pipeline. On a CPU both share the cores, so the
pipeline should reach five times the rate of training: it then costs less than a fifth. The
processor time of an image is shown too; it hardly depends on the machine's other load.
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
"""Rounds, batches trained on in a round, and batches that may be ready before the clock starts."""


def measure(step: Callable[[], object], steps: int) -> tuple[float, float]:
    """Steps a second, and seconds of processor time for a step."""
    began, used = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    return steps / (time.perf_counter() - began), (time.process_time() - used) / steps


def compare(model, batches: Iterator) -> tuple[list[float], list[float]]:
    """Batches a second, and seconds of processor time for a batch.

    Of the pipeline alone, of training alone, and of training fed by the pipeline: medians over
    rounds that take turns, so that other load affects all three alike.
    """
    images, labels = next(batches)
    model.train_on_batch(images, labels)  # traces the training function
    rates, costs = ([], [], []), ([], [], [])
    for _ in range(ROUNDS):
        for _ in range(PREFETCHED):
            next(batches)
        measured = (
            measure(lambda: next(batches), 4 * STEPS),
            measure(lambda: model.train_on_batch(images, labels), STEPS),
            measure(lambda: model.train_on_batch(*next(batches)), STEPS),
        )
        for index, (rate, cost) in enumerate(measured):
            rates[index].append(rate)
            costs[index].append(cost)
    return [*map(statistics.median, rates)], [*map(statistics.median, costs)]


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
        rates, costs = compare(model, batches)
        milliseconds = [f"{1000 * cost / options.batch_size:.2f}" for cost in costs[:2]]
        rows.append(
            (name, f"{model.count_params():,}",
             *(f"{rate * options.batch_size:,.0f}" for rate in rates),
             f"{rates[0] / rates[1]:.1f}", " + ".join(milliseconds) + " ms")
        )  # fmt: skip
    title = (
        f"Images a second: {options.dataset}, {' x '.join(map(str, shape))}, "
        f"{options.augmentation} augmentation, batches of {options.batch_size}, "
        f"{os.cpu_count()} cores"
    )
    columns = ("model", "parameters", "pipeline alone", "training alone", "training fed",
               "pipeline / training", "processor time")  # fmt: skip
    Console(width=120).print(table(title, columns, rows))


if __name__ == "__main__":
    main()
