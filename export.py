#!/usr/bin/env python3
"""Export a trained reader or locator to a file that runs without Keras, and check it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from artifacts.startup import command, quiet_tensorflow, run_command, start_log

EXAMPLES = """examples:
  export.py street_numbers --format onnx
  export.py runs/my_run --format litert --quantize int8 --dataset my_photos
  export.py street_numbers --format saved_model --out served/1
  export.py runs/my_locator --format onnx

The file takes uint8 images of any size and returns digits, confidence and box, or the boxes of all
numbers. It is only kept if its results on images agree with those of Keras. docs/export.md shows
how to use it. Needs: pip install -r requirements-export.txt"""


SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}
"""Suffix of the file of each format; a SavedModel is a folder."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("weights", metavar="NAME|RUN|FILE", help="published weights, a run or a .keras file")
    # fmt: off
    add("--format", required=True, choices=("saved_model", "onnx", "litert"),
        help="for TensorFlow, ONNX Runtime or LiteRT")
    add("--quantize", choices=("float16", "int8"),
        help="store weights in 16 or 8 bits (onnx, litert); int8 is faster")
    add("--out", type=Path, metavar="FILE",
        help="the file to write, a folder for saved_model (default: in exports/)")
    add("--max-glimpses", type=int, metavar="N",
        help="maximum glimpses of an image; 1 is fastest, for images that the number "
        "fills (default: as predict.py)")
    add("--dataset", metavar="NAME|FOLDER",
        help="check with its validation images (default: rendered images)")
    add("--images", type=int, metavar="N",
        help="number of images of the check (default: 64, or 12 for a locator; for int8 400 or 48)")
    add("--data-dir", type=Path, metavar="FOLDER",
        help="folder of prepared TFDS data (default: $TFDS_DATA_DIR or data/tensorflow_datasets)")
    # fmt: on
    options = parser.parse_args(arguments)
    for name in ("max_glimpses", "images"):
        value = getattr(options, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} is 1 or more. Received: {value}")
    suffix = SUFFIXES.get(options.format)
    if options.out and suffix and options.out.suffix != suffix:
        parser.error(f"--out of {options.format} ends in {suffix}. Received: {options.out}")
    return options


@command("export.py")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    start_log("exporting")
    # Imported only now, so that --help and wrong options do not wait for TensorFlow.
    quiet_tensorflow()
    from exporting import ExportError, export

    try:
        result = export(
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
    except ExportError as error:
        print(f"export.py: not kept: {error}", file=sys.stderr)
        return 1
    show(result)
    return 0


def show(result) -> None:
    """Print the file, its check and a pointer to the documentation."""
    check, checked_with = result.check, f"{result.check.images} {result.check.source}"
    size, run = f"{result.size / 1e6:.2f} MB", f"Run by {result.format.runtime} on {checked_with}"
    if hasattr(check, "boxes"):
        print(f"{result.path}: {size}, finds all numbers in an image")
        boxes = f"{check.equal} of {check.boxes} boxes as in Keras; scores differ by up to "
        boxes += f"{check.max_difference:.2g}"
        print(f"{run}: {boxes if check.boxes else 'no boxes, as in Keras'}")
    else:
        print(f"{result.path}: {size}, up to {result.reader.max_glimpses} glimpses of an image")
        confident = (
            f"{check.confident_equal} of the {check.confident}" if check.confident else "none"
        )
        print(f"{run}: reads {check.equal} as Keras does, {confident} of 50 % confidence or more; "
              f"confidences differ by up to {check.max_difference:.2g}")  # fmt: skip
        print(f"Sequence accuracy: {check.accuracy:.2%}; Keras: {check.graph_accuracy:.2%}")
    print("How to use it: docs/export.md")


if __name__ == "__main__":
    run_command(main)
