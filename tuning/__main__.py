"""Search for a better model, or a better way to train it."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

EXAMPLES = """examples:
  python -m tuning deep_cnn --describe              what there is to vary
  python -m tuning deep_cnn --dataset mnist_numbers --trials 20 --epochs 5 --steps 100
  python -m tuning deep_cnn --dataset mnist_numbers --set blocks=3..4 --set learning_rate=2e-3
  python -m tuning residual_cnn --dataset rendered_numbers:5,my_photos:2 --validation my_photos \\
      --tuner hyperband --epochs 9 --budget 70M
  python -m tuning --run runs/search                go on with the search in a folder
  python -m tuning --run runs/search --report       its page as it is now, while it runs

on several machines that share the folder:
  python -m tuning deep_cnn --dataset mnist_numbers --run FOLDER --chief 192.168.0.5:7777
  python -m tuning --run FOLDER --worker 192.168.0.5:7777     on each of the others

A search that was stopped goes on when the same command is given again. Trials are chosen by the
validation split; test images are not touched."""

OWN = ("tuner", "objective", "trials", "patience", "median_stop")
NAMED = ("validation", "recipe", "crop", "precision")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tuning",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", nargs="?", help="name of a model; see --list")
    add("--list", action="store_true", help="show the models' spaces, and stop")
    add("--describe", action="store_true", help="show the space that would be searched, and stop")
    add("--report", action="store_true", help="write the page of the search in --run, and stop")
    add("--dataset", metavar="NAME|FOLDER|A:2,B:1", help="what to train on, as for train.py")
    add(
        "--validation",
        metavar="NAME|FOLDER",
        help="judge trials on the validation split of this (default: of --dataset)",
    )
    add("--tuner", metavar="NAME", help="random, bayesian, hyperband or grid (default: random)")
    add("--trials", type=int, metavar="N", help="how many at most (default: 20; all of a grid)")
    add(
        "--epochs",
        type=int,
        metavar="N",
        help="of a trial (default: those of the recipe's quick variant)",
    )
    add("--steps", type=int, metavar="N", help="batches in an epoch of a trial (default: likewise)")
    add(
        "--objective",
        metavar="NAME",
        help="sequence_accuracy, as_read, character, length or loss, on validation (default: "
        "sequence_accuracy)",
    )
    add(
        "--budget",
        action="append",
        default=[],
        dest="limits",
        metavar="50M",
        help="refuse candidates of more multiply-adds; or parameters=2M, or milliseconds=5 for a "
        "image on this machine; may be repeated",
    )
    add(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="fix a dimension of the space (blocks=4), narrow it (blocks=3,4 or blocks=3..5), or "
        "set anything else that train.py --set takes; may be repeated",
    )
    add("--space", type=Path, metavar="FILE", help="a Python file with a space of your own")
    add("--patience", type=int, metavar="N", help="stop a trial after N epochs without progress")
    add(
        "--median-stop",
        action="store_true",
        help="stop a trial that has fallen below the median of those before it",
    )
    add("--recipe", metavar="NAME", help="as for train.py")
    add("--crop", choices=("full", "union", "square"), help="as for train.py")
    add("--precision", metavar="POLICY", help="as for train.py")
    add("--seed", type=int, default=0, metavar="N", help="of draws and trials (default: 0)")
    add(
        "--run",
        type=Path,
        metavar="FOLDER",
        help="where the search is kept (default: a folder of its own under runs/ for each search)",
    )
    add("--chief", metavar="HOST:PORT", help="hand the trials to workers, from this address")
    add("--worker", metavar="HOST:PORT", help="do trials for the chief at this address")
    add("--data-dir", type=Path, metavar="FOLDER", help="as for train.py")
    add(
        "--cache-dir",
        type=Path,
        default=Path("cache"),
        metavar="FOLDER",
        help="where prepared images are kept from trial to trial (default: cache)",
    )
    options = parser.parse_args(arguments)
    if options.worker and (options.model or options.chief or not options.run):
        parser.error("a worker is told --worker HOST:PORT and --run FOLDER, and no model")
    if options.report and (options.model or not options.run):
        parser.error("--report is told --run FOLDER, and no model")
    if not (options.list or options.worker or options.model or options.run):
        parser.error("a MODEL is needed, or --run with the folder of a search to go on with")
    return options


def search_of(options: argparse.Namespace):
    """The `tuning.search.Search` that the options ask for, or that is in their folder."""
    from tuning.search import plan, read_search

    if options.model is None:
        return read_search(options.run)
    own = {name: getattr(options, name) for name in OWN}
    named = {name: getattr(options, name) for name in NAMED}
    return plan(
        options.model,
        options.dataset or ("rendered_numbers" if options.describe else _needed()),
        settings=options.settings,
        limits=options.limits,
        space_file=options.space,
        epochs=options.epochs,
        steps=options.steps,
        seed=options.seed,
        data_dir=options.data_dir,
        named={name: value for name, value in named.items() if value is not None},
        **{name: value for name, value in own.items() if value is not None},
    )


def _needed():
    raise ValueError("--dataset is needed: train.py --list shows what there is")


def run(options: argparse.Namespace) -> None:
    """Do what the options ask for."""
    from tuning import loop, summary
    from tuning.records import read_records, read_refused
    from tuning.report import write_report
    from tuning.search import search_folder

    where = {"data_dir": options.data_dir, "cache_dir": options.cache_dir}
    if options.list:
        summary.show_lists()
    elif options.worker:
        loop.run_worker(options.run, options.worker, **where)
    else:
        search = search_of(options)
        if options.describe:
            summary.show_space(search)
            return
        folder = options.run or search_folder(search)
        if options.report:
            records = read_records(folder)
        else:
            records = loop.run_search(search, folder, chief=options.chief, **where)
        summary.show_search(search, folder, records, len(read_refused(folder)))
        print(f"Page: {write_report(search, folder, options.data_dir)}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("absl").setLevel(logging.WARNING)
    # It warns of models built one after the other, which is what a search does.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # Only now, so that --help and a mistyped option answer at once.
    from artifacts.files import RunError
    from tuning.loop import SearchFailed

    try:
        run(options)
    except (ValueError, OSError, RunError, SearchFailed) as error:
        print(f"python -m tuning: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped: the same command goes on where it was", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
