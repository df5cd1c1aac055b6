"""A report: page, figures, readings, sheets of images, and a summary for the terminal."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from artifacts.console import table
from artifacts.environment import environment
from artifacts.files import atomic_path, write_csv, write_json, write_text
from artifacts.folders import check_report
from evaluation import FIGURES_FILE, charts, page
from evaluation.comparison import Comparison
from inference.split_images import random_indices

SHEET_IMAGES = 48

_OTHER_FILES = re.compile(r"predictions\.csv|readings\.csv|readings-\d+\.png")


def write_report(comparison: Comparison, folder: str | Path) -> None:
    """Write a report, each file atomically.

    - `index.html`: the page, self-contained;
    - `results.json`: every figure;
    - `predictions.csv`: each image with its label and each model's reading and confidence;
    - `readings-N.png`: images chosen at random with the readings of the Nth model.

    Files of an earlier report are replaced or deleted.

    Raises:
        RunError: if the folder has files, but no report.
    """
    folder = Path(folder)
    check_report(folder, FIGURES_FILE)
    folder.mkdir(parents=True, exist_ok=True)
    record = environment()
    results = {
        "dataset": comparison.images.dataset,
        "split": comparison.images.split,
        "crop": comparison.crop,
        "fingerprint": comparison.fingerprint,
        "models": {r.name: r.figures for r in (comparison.baseline, *comparison.results)},
        "pairs": [pair.to_json() for pair in comparison.pairs],
        "corruption": comparison.corruption,
        "corruption_images": comparison.corruption_images,
        "failed": dict(comparison.failed),
        "warnings": comparison.warnings,
        "environment": record,
    }
    write_json(folder / FIGURES_FILE, results)
    write_csv(folder / "predictions.csv", _prediction_rows(comparison))
    write_text(folder / "index.html", page.render(comparison, record))
    _write_sheets(comparison, folder)
    delete_others(folder, {"predictions.csv", *(path.name for path in _sheets(comparison, folder))})


def delete_others(folder: Path, names: Container[str]) -> None:
    """Delete the files of an earlier report, of readers or of all numbers, that are not `names`."""
    for path in folder.iterdir():
        if _OTHER_FILES.fullmatch(path.name) and path.name not in names:
            path.unlink()


def show(comparison: Comparison, folder: Path | None = None) -> None:
    """Print the main figures of all models, one per row, warnings and failures.

    Args:
        comparison: what `compare` returned.
        folder: folder of the report, whose files are listed. Defaults to no report.
    """
    images = comparison.images
    rows, selective_rows = [], []
    for result in (comparison.baseline, *comparison.results):
        figures = result.figures
        low, high = figures["sequence_accuracy_interval"]
        cells = (
            f"{figures['sequence_accuracy']:.2%}",
            f"{low:.1%} – {high:.1%}",
            f"{figures['character_accuracy']:.2%}",
            f"{figures['length_accuracy']:.2%}",
        )
        rows.append((result.name, *cells))
        selective = figures["coverage"]["0.98"]
        if result is not comparison.baseline:
            threshold, accuracy = selective["threshold"], selective["accuracy"]
            cells = (
                "none" if threshold is None else f"{threshold:.4f}",
                f"{selective['coverage']:.1%}",
                "–" if accuracy is None else f"{accuracy:.1%}",
            )
            selective_rows.append((result.name, *cells))
    columns = ("model", "accuracy*", "95 % interval", "digits", "lengths")
    title = f"{len(images.labels):,} images of {images.dataset}, {images.split} split, "
    title += f"crop: {comparison.crop or 'none'}"
    console = Console()
    console.print(table(title, columns, rows, right=columns[1:]))
    print("*sequence accuracy: every digit and the length correct\n")
    chosen_on = comparison.results[0].figures["thresholds_chosen_on"]
    same = " (the same images: optimistic)" if chosen_on == images.split else ""
    title = f"Confidence threshold of 98 % accuracy, chosen on {chosen_on}{same}"
    columns = ("model", "threshold", "coverage*", "accuracy")
    console.print(table(title, columns, selective_rows, right=columns[1:]))
    print("*fraction of images above the threshold, followed by their accuracy")
    for result in comparison.results:
        if counts := result.figures.get("false_positives"):
            print(
                f"{result.name}: a number is read in {counts['rate']['any']:.1%} of "
                f"{counts['images']:,} images without one, with a confidence of 0.9 or more in "
                f"{counts['rate']['0.9']:.1%}"
            )
    for warning in comparison.warnings:
        print(f"Warning: {warning}")
    for name, reason in comparison.failed:
        print(f"Failed: {name}: {reason}")
    for pair in comparison.pairs:
        print(f"{pair.verdict} ({pair.p_text})")
    if folder is None:
        return
    print(f"Report: {folder}/index.html")
    print(f"All figures: {folder}/results.json; all readings: {folder}/predictions.csv")
    for path, result in zip(_sheets(comparison, folder), comparison.results, strict=True):
        print(f"Images with the readings of {result.name}: {path}")


def _sheets(comparison: Comparison, folder: Path) -> list[Path]:
    """Paths of the sheets of images, one for each model."""
    return [folder / f"readings-{n}.png" for n in range(1, len(comparison.results) + 1)]


def _prediction_rows(comparison: Comparison) -> Iterator[Sequence[str]]:
    names = [result.name for result in comparison.results]
    yield ["image", "label", *(cell for name in names for cell in (name, f"{name} confidence"))]
    for index, (name, label) in enumerate(comparison.images.labels):
        cells = [
            cell
            for result in comparison.results
            for cell in (result.readings[index], f"{result.confidence[index]:.6f}")
        ]
        yield [name, label, *cells]


def _write_sheets(comparison: Comparison, folder: Path) -> None:
    chosen = random_indices(len(comparison.images.labels), SHEET_IMAGES)
    images = list(comparison.images.load(chosen, reduce=True).values())
    texts = [comparison.images.texts[index] for index in chosen]
    for path, result in zip(_sheets(comparison, folder), comparison.results, strict=True):
        readings = [result.readings[index] for index in chosen]
        figure = charts.plot_readings(images, readings, result.confidence[chosen], texts)
        with atomic_path(path) as part:
            figure.savefig(part, format="png", dpi=110)
