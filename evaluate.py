#!/usr/bin/env python3
"""Evaluate trained models on the same images, side by side."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

EXAMPLES = """examples:
  evaluate.py runs/my_run --dataset mnist
  evaluate.py runs/small runs/large --dataset my_photos --report report
  evaluate.py --table                               the README's table, from docs/results

The figures are of the test split, which no training and no choice has touched. A crop made from
the true digit boxes ("union", "square") flatters a reader: in life nobody gives it a box."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "models",
        nargs="*",
        metavar="RUN|FILE|NAME",
        help="run folders, .keras files or published weights",
    )
    add("--dataset", metavar="NAME|FOLDER", help="the images to read")
    add("--split", choices=("train", "validation", "test"), default="test", help="default: test")
    add(
        "--crop",
        choices=("full", "union", "square"),
        help="the part of the image that models are given (default: as each was trained)",
    )
    add(
        "--max-glimpses",
        type=int,
        metavar="N",
        help="how often a model that finds the number looks at an image: 1 is once, at all of it "
        "(default: as predict.py does)",
    )
    add(
        "--report",
        type=Path,
        default=Path("report"),
        metavar="FOLDER",
        help="where the figures, all readings and sheets of images go (default: report)",
    )
    add(
        "--data-dir",
        type=Path,
        metavar="FOLDER",
        help="where TFDS data sets lie (default: $TFDS_DATA_DIR or data/tensorflow_datasets)",
    )
    add("--limit", type=int, metavar="N", help="only the first N images")
    add(
        "--worse",
        type=int,
        default=200,
        metavar="N",
        help="make N of the images worse step by step, to see what each model stands; 0 for "
        "none (default: 200)",
    )
    add("--no-timing", action="store_true", help="do not time the models")
    add(
        "--device-threads",
        type=int,
        metavar="N",
        help="threads to compute with (default: one for each core)",
    )
    add(
        "--table",
        action="store_true",
        help="evaluate nothing: write README.md's table of results from docs/results/*.json, "
        "copies of results.json under names of their own",
    )
    options = parser.parse_args(arguments)
    if not options.table and not (options.models and options.dataset):
        parser.error("models and --dataset are needed, or --table alone")
    return options


def write_table() -> int:
    """Write the README's table; returns the exit status."""
    from artifacts.files import RunError
    from evaluation import table

    try:
        table.write_table(Path("README.md"), list(table.KEPT.glob("*.json")))
    except (ValueError, OSError, RunError) as error:
        print(f"evaluate.py: {error}", file=sys.stderr)
        return 2
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("absl").setLevel(logging.WARNING)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # each model compiles anew on purpose
    if options.table:
        return write_table()
    from evaluation import compare, files, summary, timing

    try:
        if options.device_threads is not None:
            timing.limit_threads(options.device_threads)
        comparison = compare.compare(
            options.models,
            options.dataset,
            split=options.split,
            crop=options.crop,
            max_glimpses=options.max_glimpses,
            data_dir=options.data_dir,
            limit=options.limit,
            timing=not options.no_timing,
            worse=options.worse,
        )
        files.write(comparison, options.report, options.data_dir)
    except (ValueError, OSError) as error:
        print(f"evaluate.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nevaluate.py: stopped", file=sys.stderr)
        return 130
    summary.show(comparison, options.report)
    return 1 if comparison.failed else 0


if __name__ == "__main__":
    sys.exit(main())
