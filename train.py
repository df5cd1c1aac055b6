#!/usr/bin/env python3
"""Train a named model on a named data set, a folder of photos, or a mix of these."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

DEFAULTS = {"model": "residual_cnn_small", "dataset": "rendered_numbers", "recipe": "demo"}
DEMO_SETTINGS = ["input_shape=[32,64,3]"]  # a quarter of the work, and enough for drawn numbers
# Options that name what to train, as --config does.
NAMED = (
    "model",
    "dataset",
    "validation",
    "recipe",
    "settings",
    "crop",
    "weights",
    "precision",
)

EXAMPLES = """examples:
  train.py                                          a small reader of drawn house numbers
  train.py shallow_cnn --dataset mnist              single handwritten digits
  train.py residual_cnn --dataset my_photos         photos in a folder with a labels.csv
  train.py residual_cnn --dataset rendered_numbers:1,my_photos:1
  train.py --weights street_numbers --dataset rendered_numbers:1,my_photos:1
  train.py deep_cnn --dataset mnist_numbers --set dense_units=256,256 --set augmentation=none
  train.py --config runs/search/best.json --seed 1

A run that was stopped goes on when the same command is given again."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "model",
        nargs="?",
        help=f"name of a model; see --list (default: that of --weights, or {DEFAULTS['model']})",
    )
    add("--list", action="store_true", help="show models, data sets and recipes, and stop")
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="train what a file says: best.json of a search, or config.json of a run; in place of "
        "the options that name what to train",
    )
    add(
        "--dataset",
        metavar="NAME|FOLDER|A:2,B:1",
        help="what to train on: a data set, a folder "
        f"with a labels.csv, or a mix with weights (default: {DEFAULTS['dataset']})",
    )
    add(
        "--validation",
        metavar="NAME|FOLDER",
        help="choose the best epoch on the validation split of this (default: of --dataset)",
    )
    add(
        "--recipe",
        metavar="NAME",
        help="how to train (default: the one that suits model and "
        "data); NAME-quick is a trial of it",
    )
    add(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="an "
        "argument of the model, a field of the recipe, or augmentation.FIELD; may be repeated",
    )
    add(
        "--crop",
        choices=("full", "union", "square"),
        help="the part of the "
        "image that the model is given: all of it, or the digits' box (default: full)",
    )
    add("--epochs", type=int, metavar="N", help="in place of the recipe's")
    add("--batch-size", type=int, metavar="N", help="in place of the recipe's")
    add("--learning-rate", type=float, metavar="RATE", help="in place of the recipe's")
    add("--seed", type=int, metavar="N", help="default: 0, or that of --config")
    add(
        "--weights",
        metavar="RUN|FILE|NAME",
        help="start from a run, a .keras file or published weights",
    )
    add(
        "--precision",
        metavar="POLICY",
        help="float32, mixed_bfloat16 or mixed_float16 (default: float32)",
    )
    add(
        "--run",
        type=Path,
        metavar="FOLDER",
        help="where the run is kept (default: a folder of "
        "its own under runs/ for each configuration)",
    )
    add(
        "--data-dir",
        type=Path,
        metavar="FOLDER",
        help="where TFDS data sets lie (default: $TFDS_DATA_DIR or data/tensorflow_datasets)",
    )
    add(
        "--cache-dir",
        type=Path,
        metavar="FOLDER",
        help="keep prepared images here, so that the next run starts at once",
    )
    add(
        "--distribute",
        nargs="?",
        const="",
        metavar="HOST:PORT",
        help="train on all devices of this machine; with HOST:PORT of process 0, on those of "
        "several processes (docs/distributed.md)",
    )
    add("--processes", type=int, metavar="N", help="how many take part in --distribute HOST:PORT")
    add(
        "--process",
        type=int,
        metavar="I",
        help="number of this one: 0, which writes the run, to N-1",
    )
    options = parser.parse_args(arguments)
    named = [name for name in NAMED if getattr(options, name)]
    if options.config and named:
        parser.error(
            f"--config says already what is trained. Received beside it: {', '.join(named)}"
        )
    return options


def configuration_of(options: argparse.Namespace):
    """The `training.configuration.Configuration` that the options ask for.

    Raises:
        ValueError: if an option does not fit.
        RunError: if the file of `--config` holds something else.
    """
    from training.configuration import configure, read_configuration

    recipe = {name: getattr(options, name) for name in ("epochs", "batch_size", "learning_rate")}
    if options.config:
        read = read_configuration(options.config)
        changed = {name: value for name, value in recipe.items() if value is not None}
        seed = read.seed if options.seed is None else options.seed
        return replace(read, seed=seed, recipe=replace(read.recipe, **changed))
    plain = options.model is None and options.dataset is None and options.weights is None
    return configure(
        options.model or (None if options.weights else DEFAULTS["model"]),
        options.dataset or DEFAULTS["dataset"],
        validation=options.validation,
        recipe=options.recipe or (DEFAULTS["recipe"] if plain else None),
        crop=options.crop or "full",
        seed=options.seed or 0,
        precision=options.precision or "float32",
        weights=options.weights,
        settings=(DEMO_SETTINGS if plain else []) + options.settings,
        **recipe,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    for chatty in ("absl", "jax"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Only now, so that --help and a mistyped option answer at once.
    from artifacts.files import RunError
    from training import summary
    from training.configuration import default_folder
    from training.distribution import SINGLE_DEVICE, choose
    from training.fit import train

    if options.list:
        summary.show_lists()
        return 0
    try:
        asked = (options.distribute, options.processes, options.process)
        devices = choose(asked[0] or None, *asked[1:]) if asked != (None,) * 3 else SINGLE_DEVICE
        configuration = configuration_of(options)
        folder = options.run or default_folder(configuration)
        metrics = train(
            configuration,
            folder,
            devices=devices,
            data_dir=options.data_dir,
            cache_dir=options.cache_dir,
            progress_bar=sys.stdout.isatty() and devices.leads,
        )
    except (ValueError, OSError, RunError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped: the same command goes on after the last finished epoch", file=sys.stderr)
        return 130
    if metrics is not None:
        summary.show_run(configuration, folder, metrics)
    return 0


if __name__ == "__main__":
    sys.exit(main())
