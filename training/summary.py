"""What `train.py` prints: the lists, and the scores of a finished run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from rich.console import Console

import datasets
import models
from artifacts.console import count, table
from training.configuration import Configuration
from training.recipes import list_recipes


def show_lists() -> None:
    """Print the models, data sets, published weights and recipes as tables."""
    console = Console()
    descriptions = [models.describe(name) for name in models.list_models()]
    console.print(
        table(
            "Models",
            ("name", "parameters", "mult-adds", "images", "purpose"),
            (
                (
                    model["name"],
                    f"{model['parameters']:,}",
                    count(model["multiply_adds"]),
                    " x ".join(map(str, model["input_shape"])),
                    model["purpose"],
                )
                for model in descriptions
            ),
            right=("parameters", "mult-adds"),
        )
    )
    data_sets = [datasets.describe(name) for name in datasets.list_datasets()]
    console.print(
        table(
            "Data sets",
            ("name", "train + test", "description", "first use"),
            (
                (
                    data_set.name,
                    f"{data_set.images[0]:,} + {data_set.images[1]:,}",
                    data_set.description,
                    data_set.preparing,
                )
                for data_set in data_sets
            ),
            right=("train + test",),
        )
    )
    cards = [(name, models.card(name)) for name in models.list_weights(None)]
    rows = [(name, card["model"], card["reads"]) for name, card in cards]
    console.print(table("Published weights", ("name", "model", "reads"), rows))
    console.print("A folder or table of labelled images is a data set, too (docs/data.md).\n")
    console.print(table("Recipes", ("name", "for"), list_recipes().items()))


def show_run(configuration: Configuration, folder: Path, metrics: dict[str, Any]) -> None:
    """Print the validation scores of the saved model and the next command."""
    scores, inference = metrics["validation"], metrics["inference"]
    if "average_precision" in scores:
        _show_locator(configuration, folder, metrics)
        return
    cells = {
        "sequence accuracy*": f"{scores['sequence_accuracy']:.2%}",
        "with glimpses**": f"{inference['sequence_accuracy']:.2%}",
        "characters": f"{scores['character_accuracy']:.2%}",
        "lengths": f"{scores['length_accuracy']:.2%}",
        "−log P": f"{scores['loss']:.3f}",
    }
    glimpses = inference["max_glimpses"]
    if glimpses == 1:
        del cells["with glimpses**"]
    console = Console()
    console.print(_scores_table(configuration, metrics, cells))
    console.print("* images with the length and every digit correct")
    if glimpses > 1:
        console.print(f"** as predict.py reads; glimpses per image: at most {glimpses}")
    _show_next(console, "evaluate.py", str(folder), "--dataset", configuration.validation)


def _show_locator(configuration: Configuration, folder: Path, metrics: dict[str, Any]) -> None:
    scores, threshold = metrics["validation"], metrics["inference"]["threshold"]
    cells = {
        "average precision*": "average_precision",
        "precision**": "precision",
        "recall**": "recall",
        "recall, small***": "recall_small",
        "turns": "turn_accuracy",
    }
    cells = {title: f"{scores[name]:.2%}" for title, name in cells.items() if name in scores}
    console = Console()
    console.print(_scores_table(configuration, metrics, cells))
    console.print("* of boxes that overlap a number by an IoU of 0.5 or more")
    console.print(f"** at a score of 0.5; F1 is largest at {threshold:.2f}")
    if "recall, small***" in cells:
        console.print("*** numbers less than 16 pixels high or wide")
    _show_next(console, "export.py", str(folder), "--format", "onnx")


def _scores_table(configuration: Configuration, metrics: dict[str, Any], cells: dict[str, str]):
    return table(
        f"{configuration.model} on the validation split of {configuration.validation} "
        f"(crop: {configuration.crop}), epoch {metrics['epoch']}",
        tuple(cells),
        [tuple(cells.values())],
    )


def _show_next(console: Console, *command: str) -> None:
    text = shlex.join(["python", *command])
    console.print(f"Next: {text}", markup=False, highlight=False, soft_wrap=True)
