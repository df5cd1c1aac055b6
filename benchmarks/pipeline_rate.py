"""How fast the input pipeline is beside the training that it feeds.

    python benchmarks/pipeline_rate.py deep_cnn residual_cnn

For each model, in one run and in turns: images a second that the pipeline gives with nothing
else to do, that training takes from one batch held ready, and that training takes from the
pipeline. The pipeline is fast enough when the first is at least five times the second, for on a
CPU both share the same cores: what the pipeline costs training is then under a fifth. The
processor time of an image is shown too; it hardly depends on what else the machine does.
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
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from rich.console import Console
from rich.table import Table


def main() -> None:
    arguments = read_arguments()
    import datasets
    import models

    strength = getattr(datasets.Augmentation, arguments.augmentation)()
    suited = datasets.defaults(arguments.dataset)
    if arguments.image_size:
        suited["image_size"] = tuple(arguments.image_size)

    def stream():
        return datasets.load_training(
            arguments.dataset,
            epochs=1_000_000,
            seed=0,
            batch_size=arguments.batch_size,
            augmentation=strength,
            limit=arguments.images,
            cache_dir=arguments.cache_dir,
            data_dir=arguments.data_dir,
            **suited,
        )

    height, width = suited["image_size"]
    table = Table(
        "model",
        "parameters",
        "pipeline alone",
        "training alone",
        "training fed",
        "pipeline / training",
        "processor time",
        title=f"Images a second: {arguments.dataset}, {height} x {width} x {suited['channels']}, "
        f"{arguments.augmentation} augmentation, batches of {arguments.batch_size}, "
        f"{os.cpu_count()} cores",
    )
    shared = stream()
    for name in arguments.models:
        shape = (height, width, suited["channels"])
        model = models.create(name, input_shape=shape, max_digits=suited["max_digits"])
        losses = models.losses(suited["max_digits"])  # the box's, of models that say it, is small
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

    Of the pipeline alone, of training alone, of training fed by the pipeline: medians over
    rounds that take turns, so that what else the machine does meets all alike.
    """
    held = stream.take(1).cache().repeat()
    for _ in held.take(1):  # fills the cache
        pass
    train(model, held, 3)  # traces the training function
    ways: list[Callable[[], tuple[float, float]]] = [
        lambda: run(stream, 4 * steps),
        lambda: train(model, held, steps),
        lambda: train(model, stream, steps),
    ]
    measured = [[way() for way in ways] for _ in range(rounds)]
    rates, costs = (
        [statistics.median(one[way][kind] for one in measured) for way in range(len(ways))]
        for kind in (0, 1)
    )
    return rates, costs


def run(stream, steps: int) -> tuple[float, float]:
    """Ask the pipeline for batches without a pause."""
    batches, clock = iter(stream), Clock()
    for _ in range(8):  # what was made ready before anybody asked
        next(batches)
    clock.tick()
    for _ in range(steps):
        next(batches)
    clock.tick()
    return clock.measure(steps)


def train(model, stream, steps: int) -> tuple[float, float]:
    """Train on so many batches with `fit`, after a few that are not counted."""
    import keras

    clock, first = Clock(), 3
    ticks = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: clock.tick())
    model.fit(stream, steps_per_epoch=steps + first, epochs=1, verbose=0, callbacks=[ticks])
    return clock.measure(steps)


class Clock:
    """Time on the wall and of the processor, at each tick."""

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
    parser.add_argument("--images", type=int, default=2000, help="how many to go through")
    parser.add_argument("--steps", type=int, default=20, help="batches trained on in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cache-dir", type=Path)
    parser.add_argument("--data-dir", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
