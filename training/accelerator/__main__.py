"""Train two readers, a large one and a small one, on an accelerator within a given time.

    KERAS_BACKEND=jax python -m training.accelerator pack.npz --seconds 560 --out runs/any10

During the training, workers render and compose images on all CPU cores. A pool in the accelerator's
memory holds the most recent images; batches are sampled from it and augmented on the accelerator.
The schedule depends on the elapsed time, so that the training ends in time on machines of any
speed.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import time
from pathlib import Path

from training.accelerator import feed, pack


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    began = time.monotonic()
    options = parse(arguments)
    writers = feed.reader_writers(options.pack, options.seed)
    weights = {kind: feed.weight_of(kind) for kind in writers}
    source = feed.start(writers, weights, options.workers, options.seed)

    from training.accelerator.readers import train  # only after the fork, since JAX starts threads

    try:
        train(options, source, options.pack, began)
    finally:
        source.stop()
    return 0


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m training.accelerator", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--readers",
        dest="models",
        nargs=2,
        default=["conv_transformer", "conv_transformer_small"],
        help="a large model and a small one",
    )
    return set_up(parser, arguments, batch_size=512, pool=160_000)


def set_up(
    parser: argparse.ArgumentParser, arguments: list[str] | None, batch_size: int, pool: int
) -> argparse.Namespace:
    """Add the options of every training to the parser, which has the option `models`, and parse.

    Also load the pack as `options.pack`, create the folder and start the log.
    """
    add, count = parser.add_argument, len(parser.get_default("models"))
    add("pack", type=Path, help="the file that `python -m training.accelerator.pack` wrote")
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder for the weights")
    add(
        "--init", nargs=count, metavar="NAME", help="published weights or run folders to start from"
    )
    add("--seconds", type=float, default=560, help="time limit, start-up included (default: 560)")
    add("--batch-size", type=int, default=batch_size, help=f"default: {batch_size}")
    add("--learning-rate", type=float, default=1.5e-3, help="peak (default: 0.0015)")
    add(
        "--slower",
        nargs=2,
        metavar=("PATTERN", "FACTOR"),
        help="train the weights whose paths begin with the pattern, as text_st for the pretrained "
        "ones of text_transformer, at FACTOR times the learning rate",
    )
    add("--pool", type=int, default=pool, help="rendered images in the accelerator's memory")
    add("--workers", type=int, default=max(1, (os.cpu_count() or 1) - 1))
    add("--seed", type=int, default=0, help="default: 0")
    add(
        "--precision", default="mixed_bfloat16", help="Keras dtype policy (default: mixed_bfloat16)"
    )
    add("--steps", type=int, help="maximum number of steps (default: no limit but --seconds)")
    options = parser.parse_args(arguments)
    if options.slower:
        pattern, factor = options.slower
        try:
            re.compile(pattern)
            options.slower = pattern, float(factor)
        except (re.error, ValueError) as error:
            parser.error(f"--slower needs a regular expression and a number: {error}")
    try:
        options.pack = pack.load(options.pack)
    except ValueError as error:
        parser.error(str(error))
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)8d %(message)s", force=True)
    options.out.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    sys.exit(main())
