"""Train two readers, a large one and a small one, on an accelerator within a given time.

    KERAS_BACKEND=jax python -m training.accelerator pack.npz --seconds 560 --out runs/any10

Workers draw and compose images on all CPU cores for as long as the training lasts; they go round
in a pool in the accelerator's memory, from which every batch is drawn and augmented there. The
schedule follows the clock, so that the training ends in time whatever the machine's speed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from pathlib import Path

from training.accelerator import feed

READERS = ("conv_transformer", "conv_transformer_small")

WEIGHTS = {
    "numbers/*": 0.11,
    "amounts/*": 0.05,
    "digits/*": 0.018,
    "drawn/default": 0.24,
    "drawn/wide": 0.08,
    "drawn/devices": 0.05,
    "drawn/kinds": 0.20,
    "drawn/meters": 0.06,
    "drawn/handwriting": 0.03,
    "drawn/scenes": 0.12,
    "strips/*": 0.035,
    "written/mnist": 0.015,
    "written/*": 0.05,
}
"""Weight of each source in a batch, of the first pattern that fits; scaled to a sum of 1."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    began = time.monotonic()
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)8d %(message)s", force=True)
    options.out.mkdir(parents=True, exist_ok=True)
    drawn = {kind: feed.weight_of(kind, options.weights) for kind in feed.kinds(options.pack)}
    writers = feed.reader_writers(options.pack, options.seed)
    source = feed.start(writers, drawn, options.workers, options.seed, options.slots)
    try:
        from training.accelerator.loop import train  # JAX starts threads: only after the fork

        train(options, source, drawn, began)
    finally:
        source.stop()
    return 0


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m training.accelerator", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add(
        "--init",
        nargs=2,
        metavar="NAME",
        help="published weights or run folders to start from, of each reader",
    )
    add("--readers", nargs=2, default=list(READERS), help="a large model and a small one")
    add(
        "--weights",
        type=json.loads,
        default=WEIGHTS,
        help="weight of each source in a batch, as JSON",
    )
    add_options(parser, batch_size=512, pool=160_000)
    return parser.parse_args(arguments)


def add_options(parser: argparse.ArgumentParser, batch_size: int, pool: int) -> None:
    """Add the options that readers and locators have in common."""
    add = parser.add_argument
    add("pack", type=Path, help="what `python -m training.accelerator.pack` wrote")
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder for the weights")
    add("--seconds", type=float, default=560, help="time limit, start-up included (default: 560)")
    add("--batch-size", type=int, default=batch_size, help=f"default: {batch_size}")
    add("--learning-rate", type=float, default=1.5e-3, help="peak (default: 0.0015)")
    add("--pool", type=int, default=pool, help="drawn images kept on the accelerator")
    add("--workers", type=int, default=max(1, (os.cpu_count() or 1) - 1))
    add("--slots", type=int, default=64, help="chunks in the queue (default: 64)")
    add("--seed", type=int, default=0, help="default: 0")
    add(
        "--precision", default="mixed_bfloat16", help="Keras dtype policy (default: mixed_bfloat16)"
    )
    add("--steps", type=int, help="most steps (default: as many as fit in --seconds)")


if __name__ == "__main__":
    sys.exit(main())
