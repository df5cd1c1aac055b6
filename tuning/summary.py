"""What a search shows on the terminal: its spaces, and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

import models
from artifacts.console import count, table
from training.configuration import configure
from tuning import spaces
from tuning.objectives import OBJECTIVES, beside
from tuning.records import FAILED, RUNNING, Record, best_first
from tuning.search import TUNERS, Search
from tuning.space import Space, show

SHOWN = 10
"""Trials in the table at the end of a search."""


def show_lists() -> None:
    """Print the spaces of all models, the tuners and the objectives."""
    console = Console()
    found = [(name, _space(name)) for name in models.list_models()]
    rows = [
        (
            name,
            str(len(made.dimensions)),
            f"{made.combinations():.2g}",
            spaces.of_model(name).__doc__,
        )
        for name, made in found
    ]
    console.print(table("Spaces", ("model", "dimensions", "points", "what varies"), rows))
    console.print(f"Tuners: {', '.join(TUNERS)}")
    console.print("Objectives, on the validation split:")
    console.print(table("", ("name", "what"), [(o.name, o.label) for o in OBJECTIVES.values()]))
    console.print("python -m tuning MODEL --describe shows a space.")


def _space(model: str) -> Space:
    dataset = "mnist" if models.configuration(model)["max_digits"] == 1 else "rendered_numbers"
    return Space(spaces.of_model(model), configure(model, dataset))


def show_space(search: Search) -> None:
    """Print the dimensions of a search's space."""
    made = search.make_space()
    title = (
        f"{search.base.model} on {search.base.dataset}: {len(made.dimensions)} dimensions, "
        f"{made.combinations():.3g} points"
    )
    columns = ("dimension", "takes", "default", "only where")
    Console().print(table(title, columns, made.describe()))


def show_search(search: Search, folder: Path, records: Sequence[Record], refused: int) -> None:
    """Print the best trials, what the best changed, and what to type next."""
    console = Console()
    aim, other = search.aim, beside(search.aim)
    scored = best_first(records, aim)
    rows = [
        (
            one.trial,
            aim.show(one.score),
            other.show(other.of({"validation": one.validation})),
            count(one.multiply_adds),
            count(one.parameters),
            f"{one.epochs}",
            f"{one.seconds:.0f} s",
        )
        for one in scored[:SHOWN]
    ]
    columns = ("trial", aim.label, other.label, "mult-adds", "parameters", "epochs", "time")
    title = f"{len(records)} trials of {search.base.model} on {search.base.dataset}, the best first"
    console.print(table(title, columns, rows, right=columns[1:]))
    failed = [one for one in records if one.status == FAILED]
    for one in failed[:SHOWN]:
        console.print(f"trial {one.trial} failed: {one.reason}", highlight=False)
    running = [one.trial for one in records if one.status == RUNNING]
    if running:
        console.print(f"under way: trial {', '.join(running)}", highlight=False)
    if refused:
        console.print(f"{refused} candidates were refused before training: over the limits")
    if not scored:
        return
    leader = scored[0]
    chosen = ", ".join(f"{name} {show(value)}" for name, value in leader.values.items())
    console.print(f"Best: trial {leader.trial}: {chosen}", highlight=False)
    console.print(f"Next: python train.py --config {folder}/best.json --seed 1")
