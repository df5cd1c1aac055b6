"""Search for better hyperparameters of a model and of its training."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path

from artifacts.files import RunError
from artifacts.startup import command, quiet_tensorflow, run_command, start_log
from datasets.folder_options import add_folder_options, check_mixes, read_folder_options

EXAMPLES = """examples:
  python -m tuning deep_cnn --describe              the hyperparameters and their values
  python -m tuning deep_cnn --dataset mnist_numbers --trials 20 --epochs 5 --steps 100
  python -m tuning deep_cnn --dataset mnist_numbers --set blocks=3..4 --set learning_rate=2e-3
  python -m tuning residual_cnn --dataset rendered_numbers:5,my_photos:2 --validation my_photos \\
      --tuner hyperband --epochs 9 --budget 70M
  python -m tuning --run runs/search                resume the search of a folder
  python -m tuning --run runs/search --report       write its report while it runs

on several machines that share the folder, with keras-tuner's environment variables:
  export KERASTUNER_ORACLE_IP=192.168.0.5 KERASTUNER_ORACLE_PORT=7777
  KERASTUNER_TUNER_ID=chief python -m tuning deep_cnn --dataset mnist_numbers --run FOLDER
  KERASTUNER_TUNER_ID=worker1 python -m tuning --run FOLDER

Rerun the same command to resume a search. Trials are compared on the validation split; test images
are not used.

Exit status: 0 if a trial has a score; 1 if none has; 2 for wrong usage or if the search was stopped
by an error."""

SEARCH_FIELDS = ("tuner", "objective", "trials", "budget")
WITH_FOLDER = ("run", "trials", "describe", "report", "data_dir", "cache_dir")
"""Options of a search that is resumed by its folder alone."""
BASE_ARGUMENTS = ("validation", "recipe", "crop", "precision")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tuning",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    # fmt: off
    add("model", nargs="?", help="name of a model; train.py --list shows them")
    add("--describe", action="store_true", help="show the search space and exit")
    add("--report", action="store_true", help="write the report of the search in --run and exit")
    add("--dataset", metavar="NAME|FOLDER|A:2,B:1", help="training data, as for train.py")
    add("--validation", metavar="NAME|FOLDER",
        help="data whose validation split scores the trials (default: --dataset)")
    add("--tuner", metavar="NAME", help="random, bayesian, hyperband or grid (default: random)")
    add("--trials", type=int, metavar="N",
        help="maximum number of candidates, including refused ones (default: 20; a whole grid)")
    add("--epochs", type=int, metavar="N", help="epochs of a trial (default: recipe's / 4)")
    add("--steps", type=int, metavar="N", help="batches in an epoch (default: recipe's / 4)")
    add("--objective", metavar="NAME",
        help="sequence_accuracy (for a locator average_precision) or loss, on the validation split "
        "(default: the former)")
    add("--budget", type=_amount, metavar="50M",
        help="refuse candidates with more multiply-adds per image")
    add("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE",
        help="fix a hyperparameter (blocks=4), narrow it (blocks=3,4 or blocks=3..5), or change "
        "any other setting of train.py --set; may be repeated")
    add("--space", type=Path, metavar="FILE", help="Python file with a search space")
    add("--recipe", metavar="NAME", help="as for train.py")
    add("--crop", choices=("full", "union", "square"), help="as for train.py")
    add("--precision", metavar="POLICY", help="as for train.py")
    add("--seed", type=int, default=0, metavar="N", help="seed of search and trials (default: 0)")
    add("--run", type=Path, metavar="FOLDER", help="folder of the search (default: under runs/)")
    add("--data-dir", type=Path, metavar="FOLDER", help="as for train.py")
    add("--cache-dir", type=Path, default=Path("cache"), metavar="FOLDER",
        help="folder for prepared images, shared by the trials (default: cache)")
    # fmt: on
    add_folder_options(parser)
    options = parser.parse_args(arguments)
    if options.run and not options.model:
        given = [
            {"settings": "--set"}.get(name, f"--{name.replace('_', '-')}")
            for name, value in vars(options).items()
            if name not in WITH_FOLDER and value != parser.get_default(name)
        ]
        if given:
            parser.error(f"the search in --run has its own settings, leave out {', '.join(given)}")
    read_folder_options(parser, options)
    if options.report and (options.model or not options.run):
        parser.error("--report needs --run FOLDER and no model")
    if not (options.model or options.run):
        parser.error("name a MODEL, or the folder of a search to resume with --run")
    if options.model and not (options.dataset or options.describe):
        parser.error("--dataset is needed; train.py --list shows the data sets")
    return options


def _amount(text: str) -> float:
    """A number above 0 such as 800k, 50M or 1.5G."""
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)([kMG]?)", text.strip())
    if match is None or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(
            f"a number above 0 such as 50M or 800k. Received: {text!r}"
        )
    return float(match[1]) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[match[2]]


def run(options: argparse.Namespace) -> int:
    """Run the command with the given options; returns its exit status."""
    from tuning import report
    from tuning.loop import run_search
    from tuning.search import plan, read_search, search_folder

    if options.model is None:
        search = read_search(options.run)
        if options.trials is not None:
            search = replace(search, trials=options.trials)
    else:
        given = {name: value for name, value in vars(options).items() if value is not None}
        search = plan(
            options.model,
            options.dataset or "rendered_numbers",
            settings=options.settings,
            space_file=options.space,
            epochs=options.epochs,
            steps=options.steps,
            seed=options.seed,
            data_dir=options.data_dir,
            base_arguments={name: given[name] for name in BASE_ARGUMENTS if name in given},
            **{name: given[name] for name in SEARCH_FIELDS if name in given},
        )
    if options.describe:
        report.print_space(search)
        return 0
    folder = options.run or search_folder(search)
    if not options.report:
        base, several = search.base, search.accuracy == "average_precision"
        check_mixes((base.dataset, ["train"]), (base.validation, ["validation"]), several=several)
        run_search(search, folder, data_dir=options.data_dir, cache_dir=options.cache_dir)
    has_best = report.print_summary(search, folder, options.data_dir)
    print(f"Page: {report.write_report(search, folder, options.data_dir)}")
    return 0 if has_best or options.report else 1


@command("python -m tuning", stopped="stopped: rerun the same command to resume")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    start_log()
    # Imported only now, so that --help and wrong options do not wait for TensorFlow.
    quiet_tensorflow()
    import keras_tuner as kt

    try:
        return run(options)
    except kt.errors.FatalError as error:
        raise RunError(str(error)) from error


if __name__ == "__main__":
    run_command(main)
