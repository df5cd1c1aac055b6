#!/usr/bin/env python3
"""Train a named model on a named data set, a folder of photos, or a mix of these."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path

from artifacts.files import read_json
from artifacts.run_folder import RunFolder
from artifacts.startup import command, quiet_tensorflow, run_command, start_log
from datasets import mixing, sources
from datasets.folder_options import add_folder_options, check_mixes, read_folder_options

DEMO = {
    "model": "residual_cnn_small",
    "dataset": "rendered_numbers",
    "recipe": "demo",
    "settings": ["input_shape=[32,64,3]"],  # a quarter of the cost, sufficient for rendered images
}
NOT_WITH_CONFIG = (
    *("model", "dataset", "validation", "recipe", "settings", "crop"),
    *("weights", "teacher", "precision"),
)
"""Options that --config replaces."""

WITH_CONFIG = ("epochs", "batch_size", "learning_rate", "seed")
"""Options that modify --config."""

EXAMPLES = """examples:
  train.py                                          a small model on rendered house numbers
  train.py shallow_cnn --dataset mnist              single handwritten digits
  train.py --dataset my_photos                      labelled photos: fine-tunes published weights
  train.py residual_cnn --dataset my_photos         from scratch
  train.py residual_cnn --dataset rendered_numbers:1,my_photos:1
  train.py --weights street_numbers --dataset rendered_numbers:1,my_photos:1
  train.py locator --dataset rendered_scenes        finds every number in an image
  train.py deep_cnn --dataset mnist_numbers --set dense_units=256,256 --set augmentation=none
  train.py --config runs/search/best.json --seed 1

Rerun the same command to resume a training that was stopped."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    # fmt: off
    add("model", nargs="?",
        help=f"name of a model, see --list (default: that of --weights, or {DEMO['model']})")
    add("--list", action="store_true", help="show models, data sets, weights and recipes")
    add("--config", type=Path, metavar="FILE",
        help="train the configuration in a file: best.json of a search or config.json of a run")
    add("--dataset", metavar="NAME|FOLDER|A:2,B:1",
        help="a data set, a folder or table of labelled photos, or a mix of these with weights "
        f"(default: {DEMO['dataset']})")
    add("--validation", metavar="NAME|FOLDER",
        help="data whose validation split is scored (default: --dataset)")
    add_folder_options(parser)
    add("--recipe", metavar="NAME",
        help="training recipe, see --list (default: that of the model or of the data)")
    add("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE",
        help="an argument of the model, a field of the recipe, or augmentation.FIELD; may be "
        "repeated")
    add("--crop", choices=("full", "union", "square"),
        help="train on full images or on crops around the digits (default: full)")
    add("--epochs", type=int, metavar="N", help="default: that of the recipe")
    add("--batch-size", type=int, metavar="N", help="default: that of the recipe")
    add("--learning-rate", type=float, metavar="RATE", help="default: that of the recipe")
    add("--seed", type=int, metavar="N", help="default: 0, or that of --config")
    add("--weights", metavar="RUN|FILE|NAME",
        help="start from a run, a .keras file or published weights")
    add("--teacher", metavar="RUN|NAME",
        help="learn from the predictions of this reader too, for example of a larger one")
    add("--precision", metavar="POLICY",
        help="float32, mixed_bfloat16 (faster where the processor computes in bfloat16) or "
        "mixed_float16 (default: float32)")
    add("--run", type=Path, metavar="FOLDER",
        help="the run folder (default: one under runs/ for each configuration)")
    add("--data-dir", type=Path, metavar="FOLDER",
        help="the folder of TFDS data sets (default: $TFDS_DATA_DIR or data/tensorflow_datasets)")
    add("--cache-dir", type=Path, metavar="FOLDER", help="folder of decoded images, for later runs")
    add("--distribute", nargs="?", const="", metavar="HOST:PORT",
        help="train on all devices of this machine; with HOST:PORT of process 0, on those of "
        "several processes (docs/distributed.md)")
    add("--processes", type=int, metavar="N", help="number of processes of --distribute HOST:PORT")
    add("--process", type=int, metavar="I",
        help="number of this process, 0 to N-1; process 0 writes the run")
    # fmt: on
    options = parser.parse_args(arguments)
    read_folder_options(parser, options)
    given = [name for name in NOT_WITH_CONFIG if getattr(options, name)]
    given = [{"settings": "--set", "model": "MODEL"}.get(name, f"--{name}") for name in given]
    if options.config and given:
        parser.error(f"--config replaces these options, leave them out: {', '.join(given)}")
    return options


def is_labels_alone(options: argparse.Namespace) -> bool:
    """Whether only a folder of photos is given, so that all settings are chosen automatically."""
    choices = {"config", "distribute", *NOT_WITH_CONFIG} - {"dataset", "settings", "precision"}
    if not options.dataset or any(getattr(options, name) for name in choices):
        return False
    parts = mixing.parse_mix(options.dataset)
    return len(parts) == 1 and sources.is_folder(parts[0].source)


def configuration_of(options: argparse.Namespace):
    """The `training.configuration.Configuration` for the options.

    Raises:
        ValueError: if an option does not fit.
        RunError: if the file of `--config` is not a configuration.
    """
    from training.configuration import configure, read_configuration

    values = {name: getattr(options, name) for name in (*NOT_WITH_CONFIG, *WITH_CONFIG)}
    given = {name: value for name, value in values.items() if value not in (None, [])}
    if options.config:
        configuration = read_configuration(options.config)
        seed = given.pop("seed", configuration.seed)
        return replace(configuration, seed=seed, recipe=replace(configuration.recipe, **given))
    if is_labels_alone(options):
        return _planned_configuration(options, given)
    if not given.keys() & {"model", "dataset", "weights"}:
        given = DEMO | given | {"settings": [*DEMO["settings"], *options.settings]}
    model = None if options.weights else DEMO["model"]
    return configure(**{"model": model, "dataset": DEMO["dataset"], **given})


def _planned_configuration(options: argparse.Namespace, given: dict):
    """The configuration for a folder of photos alone. Without --run, that of an earlier run under
    runs/ if only its weights and mixture were left to choose."""
    from training import from_labels
    from training.configuration import configure, default_folder

    for run in [options.run] if options.run else [*from_labels.started_runs(options.dataset), None]:
        plan = from_labels.plan(options.dataset, options.data_dir, run)
        chosen = {"dataset": plan.dataset, "validation": options.dataset, "weights": plan.weights}
        configuration = configure(**{"model": None, **plan.recipe, **given, **chosen})
        if run in (options.run, default_folder(configuration)):
            break
    logging.getLogger(__name__).info("%s", plan.reason)
    return configuration


def _check(dataset: str, validation: str | None, model: str | None) -> list:
    # Locators are recognized by name, since importing the registry of models takes seconds.
    several = (model or "").startswith("locator")
    return check_mixes(
        (dataset, ["train"]), (validation or dataset, ["validation"]), several=several
    )


@command("train.py", stopped="stopped: rerun the same command to resume")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    start_log()
    # The model of --weights is only known later.
    early = options.dataset and (options.model or not options.weights)
    folders = _check(options.dataset, options.validation, options.model) if early else []
    # Imported only now, so that --help and wrong options do not wait for TensorFlow.
    quiet_tensorflow()
    from training import from_labels, summary
    from training.configuration import default_folder
    from training.distribution import SINGLE_DEVICE, choose_strategy
    from training.fit import train

    if options.list:
        summary.show_lists()
        return 0
    devices = (options.distribute, options.processes, options.process)
    strategy = SINGLE_DEVICE
    if devices != (None, None, None):
        strategy = choose_strategy(devices[0] or None, *devices[1:])
    configuration = configuration_of(options)
    if not early:
        folders = _check(configuration.dataset, configuration.validation, configuration.model)
    folder = options.run or default_folder(configuration)
    metrics = train(
        configuration,
        folder,
        strategy=strategy,
        data_dir=options.data_dir,
        cache_dir=options.cache_dir,
        progress_bar=sys.stdout.isatty() and strategy.is_chief,
        folders=folders,
    )
    comparison = None
    if is_labels_alone(options):
        comparison = from_labels.choose_reader(RunFolder(folder))
        metrics = read_json(folder / "metrics.json")
    if metrics is not None:
        summary.show_run(configuration, folder, metrics, options.data_dir)
    if comparison is not None:
        print(from_labels.describe_choice(comparison, folder))
    return 0


if __name__ == "__main__":
    run_command(main)
