"""The files of a report: a page, all figures, all readings, and a sheet of images."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from artifacts.environment import environment
from artifacts.files import atomic_path, write_json, write_text
from evaluation import charts, page
from evaluation.comparison import Comparison
from inference.split_images import random_indices

SHEET_IMAGES = 48


def write_report(comparison: Comparison, folder: str | Path) -> None:
    """Write a report, each file atomically.

    - `index.html`: the page, self-contained;
    - `results.json`: every figure;
    - `predictions.csv`: each image with its label and each model's reading and confidence;
    - `readings-N.png`: images chosen at random with the readings of the Nth model; those of an
      earlier report with more models are deleted.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    record = environment()
    write_json(folder / "results.json", results_json(comparison, record))
    write_text(folder / "predictions.csv", _predictions_csv(comparison))
    write_text(folder / "index.html", page.render(comparison, record))
    _write_sheets(comparison, folder)


def results_json(comparison: Comparison, record: dict[str, Any]) -> dict[str, Any]:
    """Every figure of a comparison as JSON values, with `record`, that of `environment`."""
    results = [comparison.baseline, *comparison.results]
    return {
        "dataset": comparison.images.dataset,
        "split": comparison.images.split,
        "crop": comparison.crop,
        "fingerprint": comparison.fingerprint,
        "models": {result.name: result.figures for result in results},
        "pairs": [pair.to_json() for pair in comparison.pairs],
        "corruption": comparison.corruption,
        "corruption_images": comparison.corruption_images,
        "failed": dict(comparison.failed),
        "warnings": comparison.warnings,
        "environment": record,
    }


def sheets(comparison: Comparison, folder: Path) -> list[Path]:
    """Paths of the sheets of images, one for each model."""
    return [folder / f"readings-{n}.png" for n in range(1, len(comparison.results) + 1)]


def _predictions_csv(comparison: Comparison) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    names = [result.name for result in comparison.results]
    header = [cell for name in names for cell in (name, f"{name} confidence")]
    writer.writerow(["image", "label", *header])
    for index, (name, label) in enumerate(comparison.images.labels):
        cells = [
            cell
            for result in comparison.results
            for cell in (result.readings[index], f"{result.confidence[index]:.6f}")
        ]
        writer.writerow([name, label, *cells])
    return text.getvalue()


def _write_sheets(comparison: Comparison, folder: Path) -> None:
    chosen = random_indices(len(comparison.images.labels), SHEET_IMAGES)
    images = list(comparison.images.load(chosen).values())
    texts = [comparison.images.texts[index] for index in chosen]
    for path in set(folder.glob("readings-[0-9]*.png")) - set(sheets(comparison, folder)):
        path.unlink()
    for path, result in zip(sheets(comparison, folder), comparison.results, strict=True):
        readings = [result.readings[index] for index in chosen]
        figure = charts.plot_readings(images, readings, result.confidence[chosen], texts)
        with atomic_path(path) as part:
            figure.savefig(part, format="png", dpi=110)
