#!/usr/bin/env python3
"""Evaluate trained models on the same images, side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from artifacts.folders import check_report
from artifacts.startup import command, quiet_tensorflow, run_command, start_log
from datasets import is_scenes
from datasets.folder_options import add_folder_options, check_mixes, read_folder_options
from evaluation import FIGURES_FILE, results_table

EXAMPLES = """examples:
  evaluate.py runs/my_run --dataset mnist
  evaluate.py runs/small runs/large --dataset my_photos --report report
  evaluate.py runs/my_run exports/my_run.onnx --dataset my_photos
  evaluate.py NAME --dataset rendered_scenes --report report
  evaluate.py NAME --dataset my_photos --all --locator runs/my_locator
  evaluate.py --table                    rewrite the tables of README.md and docs/results.md

Figures are those of the test split, which neither training nor model selection uses; confidence
thresholds are chosen on the validation split. Accuracy on a crop around the ground-truth boxes
("union", "square") is higher than on whole images: such boxes are unavailable at inference.

Whole images are read once, as they are. predict.py reads those with no or an uncertain number
again: smoothed, in crops of small numbers, which a locator finds, and in other quarter turns.
--crop search evaluates that.

Published weights and .onnx files are read with ONNX Runtime, as predict.py does; for a crop or a
number of glimpses, published weights are read with Keras.

For images with several numbers (rendered_scenes, or a folder with a row for each number), and with
--all, the figures are those of all numbers found and read: precision, recall and F1.

Exit status: 0 if every model was evaluated; 1 if some models failed; 2 for wrong usage or if all
models failed, which does not change an existing report."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    # fmt: off
    add("models", nargs="*", metavar="RUN|FILE|NAME",
        help="run folders, .keras files, exported .onnx files or published weights")
    add("--dataset", metavar="NAME|FOLDER|MIX", help="the images to evaluate on")
    add("--split", choices=("train", "validation", "test"), default="test", help="default: test")
    add("--crop", choices=("full", "search", "union", "square"),
        help="the crop of each image that is read; search: the whole image, as predict.py reads "
        "it (default: as each model was trained)")
    add("--max-glimpses", type=int, metavar="N",
        help="maximum glimpses of a model that locates the number; 1 reads the whole image once "
        "(default: as predict.py does)")
    add("--all", action="store_true",
        help="evaluate all numbers found and read, as predict.py --all does (default: where images "
        "have several)")
    add("--locator", metavar="RUN|FILE|NAME",
        help="the locator that finds all numbers (default: the published one)")
    add("--report", type=Path, default=Path("report"), metavar="FOLDER",
        help="folder of the page, the figures and all readings, without other files (default: "
        "report)")
    add("--data-dir", type=Path, metavar="FOLDER",
        help="folder of TFDS data sets (default: $TFDS_DATA_DIR or data/tensorflow_datasets)")
    add("--limit", type=int, metavar="N", help="only the first N images of each source")
    add("--corruption-samples", type=int, metavar="N",
        help="also evaluate on N images with blur, noise, rotation and other corruptions; 0 for "
        "none (default: 200, or none where all numbers are read)")
    add("--no-timing", action="store_true", help="do not measure latency")
    add("--table", action="store_true",
        help="only rewrite the tables of README.md and docs/results.md from docs/results/*.json, "
        "which are copies of results.json")
    # fmt: on
    add_folder_options(parser)
    options = parser.parse_args(arguments)
    read_folder_options(parser, options)
    if not options.table and not (options.models and options.dataset):
        parser.error("models and --dataset are required, or --table alone")
    if options.table and (options.models or options.dataset):
        parser.error("--table evaluates no models: give it alone")
    if options.crop in ("union", "square") and (options.max_glimpses or 1) > 1:
        parser.error(f"a crop is read in one glimpse. Received: {options.max_glimpses}")
    for name, least in (("max_glimpses", 1), ("limit", 1), ("corruption_samples", 0)):
        value = getattr(options, name)
        if value is not None and value < least:
            parser.error(f"--{name.replace('_', '-')} is {least} or more. Received: {value}")
    return options


@command("evaluate.py")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    start_log()
    if options.table:
        results_table.write_tables(Path())
        return 0
    several = options.all or bool(options.locator) or is_scenes(options.dataset)
    for name in ("crop", "max_glimpses", "corruption_samples"):
        if several and getattr(options, name):
            option = name.replace("_", "-")
            raise ValueError(f"--{option} does not apply where all numbers are read")
    check_report(options.report, FIGURES_FILE)
    folders = check_mixes((options.dataset, [options.split]), several=several)
    for folder in folders:  # of some layouts, every image in the folder is a part
        if options.report.resolve().is_relative_to(folder.source.resolve()):
            raise ValueError(
                f"a report is not written among the photos in {folder.source}. Name another "
                f"folder with --report. Received: {options.report}"
            )
    # Imported only now, so that --help and wrong options do not wait for TensorFlow.
    quiet_tensorflow()
    from evaluation import comparison, report, scenes

    common = {name: getattr(options, name) for name in ("split", "data_dir", "limit")}
    common["timing"] = not options.no_timing
    if several:
        result = scenes.compare_scenes(
            options.models, options.dataset, locator=options.locator, **common
        )
    else:
        samples = options.corruption_samples
        result = comparison.compare(
            options.models,
            options.dataset,
            crop=options.crop,
            max_glimpses=options.max_glimpses,
            corruption_samples=200 if samples is None else samples,
            **common,
        )
    written = scenes if several else report
    written.write_report(result, options.report)
    written.show(result, options.report)
    return 1 if result.failed else 0


if __name__ == "__main__":
    run_command(main)
