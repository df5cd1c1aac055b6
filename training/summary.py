"""What `train.py` shows on the terminal: the lists, and the end of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

import datasets
import models
from training.configuration import Configuration
from training.recipes import list_recipes


def show_lists() -> None:
    """Print the models, data sets and recipes as tables."""
    console = Console()
    described = [models.describe(name) for name in models.list_models()]
    console.print(
        table(
            "Models",
            ("name", "parameters", "mult-adds", "pictures", "good for"),
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
                    f"{one.pictures[0]:,} + {one.pictures[1]:,}",
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
    console.print("A folder of pictures with a labels.csv (file, label) is a data set, too.\n")
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
                    f"{scores['number_accuracy']:.2%}",
                    f"{metrics['reading']['number_accuracy']:.2%}",
                    f"{scores['character_accuracy']:.2%}",
                    f"{scores['length_accuracy']:.2%}",
                    f"{scores['loss']:.3f}",
                )
            ],
        )
    )
    looks = metrics["reading"]["looks"]
    console.print(
        "* whole numbers as predict.py reads them: "
        + (f"up to {looks} looks, each nearer" if looks > 1 else "one look at each picture")
    )
    console.print(f"Next: python evaluate.py {folder} --dataset {configuration.validation}")


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()
) -> Table:
    """A table for the terminal; the columns named in `right` hold numbers."""
    made = Table(title=title, title_justify="left", box=box.SIMPLE)
    for index, column in enumerate(columns):
        justify = "right" if column in right else "left"
        # A name that is cut off cannot be typed.
        made.add_column(column, justify=justify, no_wrap=index == 0 or column in right)
    for row in rows:
        made.add_row(*row)
    return made


def count(value: float) -> str:
    """A count in few characters: 1.29 M, 640."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:g}"
