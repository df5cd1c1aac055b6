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
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich.console import Console
from rich.table import Table

from artifacts.startup import quiet_tensorflow


def main() -> None:
    arguments = read_arguments()
    quiet_tensorflow()
    import datasets
    import models

    augmentation = getattr(datasets.Augmentation, arguments.augmentation)()
    defaults = datasets.defaults(arguments.dataset)
    if arguments.image_size:
        defaults["image_size"] = tuple(arguments.image_size)

    def stream():
        return datasets.load_training(
            arguments.dataset,
            epochs=1_000_000,
            seed=0,
            batch_size=arguments.batch_size,
            augmentation=augmentation,
            limit=arguments.images,
            cache_dir=arguments.cache_dir,
            data_dir=arguments.data_dir,
            **defaults,
        )

    height, width = defaults["image_size"]
    table = Table(
        "model",
        "parameters",
        "pipeline alone",
        "training alone",
        "training fed",
        "pipeline / training",
        "processor time",
        title=f"Images a second: {arguments.dataset}, {height} x {width} x {defaults['channels']}, "
        f"{arguments.augmentation} augmentation, batches of {arguments.batch_size}, "
        f"{os.cpu_count()} cores",
    )
    shared = stream()
    for name in arguments.models:
        shape = (height, width, defaults["channels"])
        model = models.create(name, input_shape=shape, max_digits=defaults["max_digits"])
        losses = models.losses(defaults["max_digits"])  # that of the box is small
        model.compile("adamw", losses, jit_compile=False)
        rates, costs = compare(model, shared, arguments.rounds, arguments.steps)
        table.add_row(
            name,
            f"{model.count_params():,}",
            *(f"{rate * arguments.batch_size:,.0f}" for rate in rates),
            f"{rates[0] / rates[1]:.1f}",
            " + ".join(f"{1000 * cost / arguments.batch_size:.2f}" for cost in costs[:2]) + " ms",
        )
    Console(width=120).print(table)


def compare(model, stream, rounds: int, steps: int) -> tuple[list[float], list[float]]:
    """Batches a second, and seconds of processor time for a batch.

    Of the pipeline alone, of training alone, and of training fed by the pipeline: medians over
    rounds that take turns, so that other load affects all three alike.
    """
    held = stream.take(1).cache().repeat()
    for _ in held.take(1):  # fills the cache
        pass
    train(model, held, 3)  # traces the training function
    measurements: list[Callable[[], tuple[float, float]]] = [
        lambda: run(stream, 4 * steps),
        lambda: train(model, held, steps),
        lambda: train(model, stream, steps),
    ]
    measured = [[measure() for measure in measurements] for _ in range(rounds)]
    rates, costs = (
        [statistics.median(results[index][kind] for results in measured) for index in range(3)]
        for kind in (0, 1)
    )
    return rates, costs


def run(stream, steps: int) -> tuple[float, float]:
    """Take batches from the pipeline without a pause."""
    batches, clock = iter(stream), Clock()
    for _ in range(8):  # those prefetched before the clock starts
        next(batches)
    clock.tick()
    for _ in range(steps):
        next(batches)
    clock.tick()
    return clock.measure(steps)


def train(model, stream, steps: int) -> tuple[float, float]:
    """Train for `steps` batches with `fit`, after a few that are not measured."""
    import keras

    clock, first = Clock(), 3
    ticks = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: clock.tick())
    model.fit(stream, steps_per_epoch=steps + first, epochs=1, verbose=0, callbacks=[ticks])
    return clock.measure(steps)


class Clock:
    """Wall time and processor time at each tick."""

    def __init__(self) -> None:
        self._ticks: list[tuple[float, float]] = []

    def tick(self) -> None:
        self._ticks.append((time.perf_counter(), time.process_time()))

    def measure(self, steps: int) -> tuple[float, float]:
        """Steps a second and processor seconds a step, over the last `steps` steps."""
        (began, used), (ended, used_then) = (
            self._ticks[-min(len(self._ticks), steps + 1)],
            self._ticks[-1],
        )
        return steps / (ended - began), (used_then - used) / steps


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", default=["deep_cnn", "residual_cnn"])
    parser.add_argument("--dataset", default="rendered_numbers", help="name, folder or mix")
    parser.add_argument("--augmentation", default="photo", help="none, light, photo or strong")
    parser.add_argument("--image-size", nargs=2, type=int, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--images", type=int, default=2000, help="images of the data set to use")
    parser.add_argument("--steps", type=int, default=20, help="batches trained on in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cache-dir", type=Path)
    parser.add_argument("--data-dir", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
