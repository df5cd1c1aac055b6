"""The output of `train.py`: the lists, and the scores of a finished run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from rich.console import Console

import datasets
import models
from artifacts.console import count, table
from datasets import mixing
from datasets.sources import is_folder
from training.configuration import Configuration
from training.recipes import list_recipes


def show_lists() -> None:
    """Print the models, data sets, published weights and recipes as tables."""
    console = Console()
    rows = [
        (
            model["name"],
            f"{model['parameters']:,}",
            count(model["multiply_adds"]),
            " x ".join(map(str, model["input_shape"])),
            model["purpose"],
        )
        for model in map(models.describe, models.list_models())
    ]
    columns = ("name", "parameters", "mult-adds", "images", "purpose")
    console.print(table("Models", columns, rows, right=columns[1:4]))
    rows = [
        (
            data_set.name,
            f"{data_set.images[0]:,} + {data_set.images[1]:,}",
            f"{data_set.description}; {data_set.preparing}",
        )
        for data_set in map(datasets.describe, datasets.list_datasets())
    ]
    columns = ("name", "train + test", "content; first use")
    console.print(table("Data sets", columns, rows, right=columns[1:2]))
    cards = [(name, models.card(name)) for name in models.list_weights(None)]
    rows = [(name, f"{card['reads']} ({card['model']})") for name, card in cards]
    console.print(table("Published weights", ("name", "reads (model)"), rows))
    print("A folder or table of labelled images is a data set, too (docs/data.md).\n")
    console.print(table("Recipes", ("name", "for"), list_recipes().items()))


def show_run(
    configuration: Configuration,
    folder: Path,
    metrics: dict[str, Any],
    data_dir: Path | None = None,
) -> None:
    """Print the validation scores of the saved model and the next command."""
    if "average_precision" in metrics["validation"]:
        cells, notes = _locator_scores(metrics)
        command = ["export.py", str(folder), "--format", "onnx"]
    else:
        cells, notes = _reader_scores(metrics)
        # Compared with the published weights that it was started from.
        start = [configuration.weights] if configuration.weights in models.list_weights() else []
        command = ["evaluate.py", str(folder), *start, "--dataset", configuration.validation]
        sources = [part.source for part in mixing.parse_mix(configuration.validation)]
        if not all(datasets.size(source, "test") for source in sources if is_folder(source)):
            command += ["--split", "validation"]
        if data_dir and not all(map(is_folder, sources)):
            command += ["--data-dir", str(data_dir)]
    title = (
        f"{configuration.model} on the validation split of {configuration.validation} "
        f"(crop: {configuration.crop}), epoch {metrics['epoch']}"
    )
    Console().print(table(title, tuple(cells), [tuple(cells.values())]))
    for note in notes:
        print(note)
    print(f"Next: {shlex.join(['python', *command])}")


def _reader_scores(metrics: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    scores, glimpses = metrics["validation"], metrics["inference"]["max_glimpses"]
    cells = {"sequence accuracy*": f"{scores['sequence_accuracy']:.2%}"}
    notes = ["* images with the length and every digit correct"]
    if glimpses > 1:
        cells["with glimpses**"] = f"{metrics['inference']['sequence_accuracy']:.2%}"
        notes.append(f"** as predict.py reads; glimpses per image: at most {glimpses}")
    cells |= {
        "characters": f"{scores['character_accuracy']:.2%}",
        "lengths": f"{scores['length_accuracy']:.2%}",
        "−log P": f"{scores['loss']:.3f}",
    }
    return cells, notes


def _locator_scores(metrics: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    scores, threshold = metrics["validation"], metrics["inference"]["threshold"]
    columns = {
        "average precision*": "average_precision",
        "precision**": "precision",
        "recall**": "recall",
        "recall, small***": "recall_small",
        "turns": "turn_accuracy",
    }
    cells = {title: f"{scores[name]:.2%}" for title, name in columns.items() if name in scores}
    notes = [
        "* of boxes that overlap a number by an IoU of 0.5 or more",
        f"** at a score of 0.5; F1 is largest at {threshold:.2f}",
        "*** numbers less than 16 pixels high or wide",
    ]
    return cells, notes
