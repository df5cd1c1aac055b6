"""Turn the weights that `training.accelerator` left into runs, as `train.py` makes them.

    python -m training.accelerator.finish runs/any10/readers.npz runs/any10 \\
        --dataset rendered_numbers,rendered_numbers/kinds,street_numbers --validation street_numbers

Each reader becomes a run folder of its own, with the temperature fitted on validation.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import keras
import numpy as np

import models
from models import registry
from training import recipes
from training.configuration import Configuration
from training.environment import environment
from training.finish import read_validation
from training.run_folder import RunError, RunFolder, open_run, write_json


def load_weights(model: keras.Model, arrays: dict[str, np.ndarray], name: str) -> None:
    """Give a model the weights "NAME|PATH" of its variables.

    Raises:
        ValueError: if one is missing or has another shape.
    """
    for variable in model.weights:
        value = arrays.get(f"{name}|{variable.path}")
        if value is None or value.shape != tuple(variable.shape):
            raise ValueError(
                f"{name} needs {variable.path} of shape {tuple(variable.shape)}. "
                f"Received: {None if value is None else value.shape}"
            )
        variable.assign(value)


def finish(file: Path, folder: Path, configuration: Configuration, data_dir=None) -> RunFolder:
    """Write the run of one reader."""
    with np.load(file) as stored:
        arrays = dict(stored)
    model = models.create(configuration.model, **configuration.arguments)
    load_weights(model, arrays, configuration.model)
    with open_run(folder, configuration) as run:
        run.save_keras(run.model, model.save)
        read = read_validation(configuration, run, data_dir)
        metrics = {
            "validation": {},
            "reading": read,
            "parameters": model.count_params(),
            "multiply_adds": models.multiply_adds(model),
            "crop": configuration.crop,
            "environment": environment(),
        }
        write_json(run.metrics, metrics)
    return run


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.accelerator.finish", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("file", type=Path, help="readers.npz")
    add("folder", type=Path, help="where the runs go, a folder for each model")
    add("--dataset", required=True, help="the mix on whose validation the temperature is fitted")
    add("--validation", required=True, help="the data set whose validation accuracy is reported")
    add("--data-dir", type=Path, metavar="FOLDER", help="where TFDS data sets lie")
    options = parser.parse_args(arguments)
    logging.getLogger("absl").setLevel(logging.WARNING)
    with np.load(options.file) as stored:
        names = sorted({name.partition("|")[0] for name in stored})
    for name in names:
        configuration = Configuration(
            model=name,
            arguments=registry.configuration(name),
            dataset=options.dataset,
            validation=options.validation,
            crop="full",
            recipe=recipes.get_recipe("photos"),
        )
        try:
            run = finish(options.file, options.folder / name, configuration, options.data_dir)
        except (ValueError, OSError, RunError) as error:
            print(f"finish: {error}", file=sys.stderr)
            return 2
        print(f"Wrote {run.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
