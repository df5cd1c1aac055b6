"""The options of all trainings on an accelerator."""

from __future__ import annotations

import argparse
import logging
import os
import re
import time
from pathlib import Path

from training.accelerator import pack


def read_options(
    parser: argparse.ArgumentParser, arguments: list[str] | None, batch_size: int, pool: int
) -> argparse.Namespace:
    """Add the options of every training to the parser, which has the option `models`, and parse.

    Also load the pack as `options.pack`, create the folder, start the log, and note the time as
    `options.began`.
    """
    began = time.monotonic()
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
    options.began = began
    return options
