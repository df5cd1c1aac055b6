"""What a search can aim at: the zoo's own scores on the validation split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from artifacts.names import unknown_name


@dataclass(frozen=True)
class Objective:
    """A score of a run, and which way is better.

    Attributes:
        name: what the command line calls it.
        label: what people call it.
        part, metric: where `metrics.json` has it.
        column: where `history.csv` has it, or what stands for it there.
        larger: whether larger is better.
    """

    name: str
    label: str
    part: str
    metric: str
    column: str
    larger: bool = True

    def of(self, metrics: Mapping[str, Any]) -> float:
        """The score in a run's `metrics.json`."""
        return float(metrics[self.part][self.metric])

    def gain(self, score: float) -> float:
        """The score so that larger is better."""
        return score if self.larger else -score

    def show(self, score: float) -> str:
        """The score as people read it."""
        return f"{100 * score:.2f} %" if self.larger else f"{score:.4f}"


OBJECTIVES = {
    made.name: made
    for made in (
        Objective(
            "sequence_accuracy",
            "numbers right",
            "validation",
            "sequence_accuracy",
            "val_sequence_accuracy",
        ),
        Objective(
            "as_read",
            "numbers right as read",
            "reading",
            "sequence_accuracy",
            "val_sequence_accuracy",
        ),
        Objective(
            "character",
            "characters right",
            "validation",
            "character_accuracy",
            "val_character_accuracy",
        ),
        Objective(
            "length", "lengths right", "validation", "length_accuracy", "val_length_accuracy"
        ),
        Objective("loss", "−log P", "validation", "loss", "val_loss", larger=False),
    )
}


def beside(aim: Objective) -> Objective:
    """The score to show beside the one that is aimed at: the loss, or numbers for the loss."""
    return OBJECTIVES["loss" if aim.larger else "sequence_accuracy"]


def get_objective(name: str) -> Objective:
    """Return the objective `name`.

    Raises:
        ValueError: if there is none of that name; the message lists the known, nearest first.
    """
    if name not in OBJECTIVES:
        raise ValueError(unknown_name("objective", name, OBJECTIVES))
    return OBJECTIVES[name]
