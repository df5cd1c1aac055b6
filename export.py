#!/usr/bin/env python3
"""Export a trained reader to a file that runs without Keras, and check what it reads."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

EXAMPLES = """examples:
  export.py street_numbers --format onnx
  export.py runs/my_run --format litert --quantize int8 --dataset my_photos
  export.py street_numbers --format saved_model --out served/1

A file takes uint8 images of any size and gives digits, the probability that they are right, and
where the number is. It is run on images and compared before it is kept.
docs/export.md shows how to use it. Needs: pip install -r requirements-export.txt"""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("weights", metavar="NAME|RUN|FILE", help="published weights, a run or a .keras file")
    add(
        "--format",
        required=True,
        choices=("saved_model", "onnx", "litert"),
        help="for TensorFlow, ONNX Runtime or LiteRT",
    )
    add(
        "--quantize",
        choices=("float16", "int8"),
        help="weights of half the size, or in eight bits",
    )
    add(
        "--out",
        type=Path,
        metavar="FILE",
        help="the file to write, a folder for saved_model (default: in exports/, by the name)",
    )
    add(
        "--max-glimpses",
        type=int,
        metavar="N",
        help="how often to look at an image, each time nearer: 1 is fastest and reads only "
        "numbers that fill it (default: as often as predict.py at most)",
    )
    add(
        "--dataset",
        metavar="NAME|FOLDER",
        help="check with its test images; the ranges of int8 are set by its training images "
        "(default: drawn images)",
    )
    add("--images", type=int, metavar="N", help="how many to check with (64; 400 for int8)")
    add(
        "--data-dir",
        type=Path,
        metavar="FOLDER",
        help="where TFDS data sets lie (default: $TFDS_DATA_DIR or data/tensorflow_datasets)",
    )
    options = parser.parse_args(arguments)
    for name in ("max_glimpses", "images"):
        value = getattr(options, name)
        if value is not None and value < 1:
            parser.error(f"--{name} is 1 or more. Received: {value}")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("exporting").setLevel(logging.INFO)
    for chatty in ("absl", "tensorflow", "tf2onnx"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    # Only now, so that --help and a mistyped option answer at once.
    from exporting import ExportError, export
    from exporting.summary import show

    try:
        made = export(
            options.weights,
            options.format,
            options.out,
            quantize=options.quantize,
            max_glimpses=options.max_glimpses,
            dataset=options.dataset,
            images=options.images,
            data_dir=options.data_dir,
        )
    except ModuleNotFoundError as error:
        print(f"export.py: {error}: pip install -r requirements-export.txt", file=sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        print(f"export.py: {error}", file=sys.stderr)
        return 2
    except ExportError as error:
        print(f"export.py: not kept: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nexport.py: stopped", file=sys.stderr)
        return 130
    show(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
