"""Blend the weights that a run started from with those it ended with.

A model that was trained on for new kinds of images has lost some of what it knew of the old
ones. Between its start and its end lie models that read both, often better than either, and at
no cost: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models",
https://arxiv.org/abs/2109.01903.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from pathlib import Path
from typing import Any

import keras

import datasets
import models
from artifacts.environment import environment
from artifacts.files import RunError, read_json, write_json
from artifacts.run_folder import RunFolder, open_run
from training.callbacks import gather_truth, score
from training.configuration import run_configuration
from training.finish import read_validation
from training.transfer import transfer_weights


def interpolate_weights(
    source: Path, folder: Path, share: float, data_dir: str | Path | None = None
) -> dict[str, Any]:
    """Write a run whose weights lie between the start and the end of another run's.

    Args:
        source: a finished run that was started from weights (`train.py --weights`).
        folder: the new run's.
        share: how far from the start towards the end, above 0 and below 1. Choose it on
            validation.
        data_dir: where TFDS data lies.

    Returns:
        What is in the new run's `metrics.json`: those of the other run, with the new scores on
        validation, a temperature of its own and `share`.

    Raises:
        RunError: if `source` is not a finished run, or `folder` is in use.
        ValueError: if the run was not started from weights, or the share is out of range.
    """
    if not 0 < share < 1:
        raise ValueError(f"share is above 0 and below 1. Received: {share!r}")
    run = RunFolder(source)
    configuration = run_configuration(run)
    if not run.finished:
        raise RunError(f"{source} is not finished: it has no metrics.json")
    if configuration.weights is None:
        raise ValueError(f"{source} was not started from weights: there is nothing to blend with")
    blended = dataclasses.replace(configuration, weights=str(source))
    with open_run(folder, blended.to_json()) as made:
        model = _between(run, share)
        made.save_keras(made.model, model.save)
        validation = datasets.load(
            blended.validation, "validation", data_dir=data_dir, **blended.view
        )
        metrics = read_json(run.metrics) | {
            "share": share,
            "validation": score(model, validation, gather_truth(validation)),
            "reading": read_validation(blended, made, data_dir),
            "environment": environment(),
        }
        write_json(made.metrics, metrics)
    return metrics


def _between(run: RunFolder, share: float) -> keras.Model:
    configuration = run_configuration(run)
    # As in training: layers that the start did not have began as the seed made them.
    keras.utils.set_random_seed(configuration.seed)
    start = models.create(configuration.model, **configuration.arguments)
    transfer_weights(start, models.load(configuration.weights))
    model = models.load(str(run.folder))
    pairs = zip(start.get_weights(), model.get_weights(), strict=True)
    model.set_weights([(1 - share) * before + share * after for before, after in pairs])
    return model


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.interpolate_weights", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("source", type=Path, help="a finished run that was started from weights")
    add("folder", type=Path, help="the new run")
    add(
        "--share",
        type=float,
        default=0.75,
        metavar="S",
        help="how far from the start (0) towards the end (1); choose it on validation "
        "(default: 0.75)",
    )
    add("--data-dir", type=Path, metavar="FOLDER", help="where TFDS data sets lie")
    options = parser.parse_args(arguments)
    logging.getLogger("absl").setLevel(logging.WARNING)
    try:
        metrics = interpolate_weights(
            options.source, options.folder, options.share, options.data_dir
        )
    except (ValueError, OSError, RunError) as error:
        print(f"tools.interpolate_weights: {error}", file=sys.stderr)
        return 2
    found, read = metrics["validation"], metrics["reading"]
    print(
        f"{options.folder}: {100 * found['sequence_accuracy']:.2f} % of the validation numbers in "
        f"one look, {100 * read['sequence_accuracy']:.2f} % as read, -log P {found['loss']:.3f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
