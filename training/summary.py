"""What `train.py` shows on the terminal: the lists, and the end of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

import datasets
import models
from artifacts.console import count, table
from training.configuration import Configuration
from training.recipes import list_recipes


def show_lists() -> None:
    """Print the models, data sets and recipes as tables."""
    console = Console()
    described = [models.describe(name) for name in models.list_models()]
    console.print(
        table(
            "Models",
            ("name", "parameters", "mult-adds", "images", "good for"),
            (
                (
                    one["name"],
                    f"{one['parameters']:,}",
                    count(one["multiply_adds"]),
                    " x ".join(map(str, one["input_shape"])),
                    one["purpose"],
                )
                for one in described
            ),
            right=("parameters", "mult-adds"),
        )
    )
    found = [datasets.describe(name) for name in datasets.list_datasets()]
    console.print(
        table(
            "Data sets",
            ("name", "train + test", "what", "first use"),
            (
                (
                    one.name,
                    f"{one.images[0]:,} + {one.images[1]:,}",
                    one.description,
                    one.preparing,
                )
                for one in found
            ),
            right=("train + test",),
        )
    )
    if models.list_weights():
        cards = {name: models.card(name) for name in models.list_weights()}
        rows = ((name, card["model"], card["reads"]) for name, card in cards.items())
        console.print(table("Published weights", ("name", "model", "reads"), rows))
    console.print("A folder of images with a labels.csv (file, label) is a data set, too.\n")
    console.print(table("Recipes", ("name", "what for"), list_recipes().items()))


def show_run(configuration: Configuration, folder: Path, metrics: dict[str, Any]) -> None:
    """Print the scores of the best model and what to type next."""
    scores = metrics["validation"]
    console = Console()
    console.print(
        table(
            f"{configuration.model} on the validation part of {configuration.validation} "
            f"(crop: {configuration.crop}), epoch {metrics['best_epoch']}",
            ("whole numbers", "as read*", "characters", "lengths", "−log P"),
            [
                (
                    f"{scores['sequence_accuracy']:.2%}",
                    f"{metrics['reading']['sequence_accuracy']:.2%}",
                    f"{scores['character_accuracy']:.2%}",
                    f"{scores['length_accuracy']:.2%}",
                    f"{scores['loss']:.3f}",
                )
            ],
        )
    )
    max_glimpses = metrics["reading"]["max_glimpses"]
    console.print(
        "* whole numbers as predict.py reads them: "
        + (
            f"up to {max_glimpses} looks, each nearer"
            if max_glimpses > 1
            else "one look at each image"
        )
    )
    console.print(f"Next: python evaluate.py {folder} --dataset {configuration.validation}")
