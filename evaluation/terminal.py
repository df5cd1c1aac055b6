"""The summary that `evaluate.py` prints."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from evaluation.comparison import Comparison
from evaluation.report import sheets


def show(comparison: Comparison, folder: Path | None = None) -> None:
    """Print the main figures of all models, one a row, warnings and failures.

    Args:
        comparison: what `compare` returned.
        folder: of the report, whose files are named, if one was written.
    """
    console, images = Console(), comparison.images
    table = Table(
        title=f"{len(images.labels):,} images of {images.dataset}, {images.split} split, "
        f"crop: {comparison.crop or 'none'}",
        title_justify="left",
        box=box.SIMPLE,
        pad_edge=False,
    )
    table.add_column("model", overflow="fold")
    for column in ("accuracy", "95 % interval", "digits", "lengths", "coverage*"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in (comparison.baseline, *comparison.results):
        figures = result.figures
        low, high = figures["sequence_accuracy_interval"]
        table.add_row(
            result.name,
            f"{figures['sequence_accuracy']:.2%}",
            f"{low:.1%} – {high:.1%}",
            f"{figures['character_accuracy']:.2%}",
            f"{figures['length_accuracy']:.2%}",
            f"{figures['coverage']['0.98']['coverage']:.1%}",
        )
    console.print(table)
    console.print("accuracy: sequence accuracy, every digit and the length correct")
    chosen_on = comparison.results[0].figures["thresholds_chosen_on"]
    same = " (the same images: optimistic)" if chosen_on == images.split else ""
    console.print(
        f"*coverage at 98 % accuracy; the confidence threshold was chosen on {chosen_on}{same}"
    )
    for result in comparison.results:
        if counts := result.figures.get("false_positives"):
            console.print(
                f"{result.name}: a number is read in {counts['rate']['any']:.1%} of "
                f"{counts['images']:,} images without one, with a confidence of 0.9 or more in "
                f"{counts['rate']['0.9']:.1%}"
            )
    for warning in comparison.warnings:
        console.print(f"Warning: {warning}")
    for name, reason in comparison.failed:
        console.print(f"[red]Failed:[/red] {name}: {reason}")
    for pair in comparison.pairs:
        console.print(f"{pair.verdict} ({pair.p_text})")
    if folder is None:
        return
    console.print(f"Report: {folder}/index.html")
    console.print(f"All figures: {folder}/results.json; all readings: {folder}/predictions.csv")
    for path, result in zip(sheets(comparison, folder), comparison.results, strict=True):
        console.print(f"Images with the readings of {result.name}: {path}")
