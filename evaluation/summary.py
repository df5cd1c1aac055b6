"""What `evaluate.py` shows on the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from evaluation.compare import Comparison


def show(comparison: Comparison, folder: Path) -> None:
    """Print the figures of all models, one a row, and what to mind."""
    console = Console()
    table = Table(
        title=f"{len(comparison.images):,} images of {comparison.dataset}, "
        f"{comparison.split} split, crop: {comparison.crop or 'none'}",
        title_justify="left",
    )
    table.add_column("model", overflow="fold")
    for column in ("numbers", "95 % interval", "digits", "lengths", "kept*"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in comparison.results:
        found = result.figures
        low, high = found["sequence_accuracy_interval"]
        table.add_row(
            result.name,
            f"{found['sequence_accuracy']:.2%}",
            f"{low:.1%} – {high:.1%}",
            f"{found['character_accuracy']:.2%}",
            f"{found['length_accuracy']:.2%}",
            f"{found['coverage']['0.98']:.1%}",
        )
    console.print(table)
    console.print("numbers: wholly right. *kept: share answered when 98 % of answers must be right")
    for result in comparison.results[1:]:
        if fooled := result.figures.get("false_readings"):
            console.print(
                f"{result.name}: of {fooled['images']:,} images without a number, one was read "
                f"in {fooled['any']:.1%}, with a confidence of 0.9 or more in {fooled['0.9']:.1%}"
            )
    for warning in comparison.warnings:
        console.print(f"Mind: {warning}")
    for name, reason in comparison.failed:
        console.print(f"[red]Failed:[/red] {name}: {reason}")
    for pair in comparison.pairs:
        console.print(f"{pair.verdict} ({pair.chance})")
    console.print(f"To look at: {folder}/index.html")
    console.print(f"All figures: {folder}/results.json; all readings: {folder}/predictions.csv")
