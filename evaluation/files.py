"""The files of a report: every figure as JSON and CSV, every reading, sheets of images."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from artifacts.environment import environment
from artifacts.files import replacing, write_json
from evaluation import page, sheet
from evaluation.compare import Comparison, Result, right


def write(comparison: Comparison, folder: Path, data_dir: str | Path | None = None) -> None:
    """Write a report, each file whole or not at all.

    - `index.html`, the page to read, with everything it shows inside;
    - `results.json` and `results.csv`, every figure in it;
    - `predictions.csv`, each image, its number and each model's reading and confidence;
    - `readings-N.png` and `mistakes-N.png`, images chosen at random and the surest mistakes of
      the Nth model that was named.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = environment()
    write_json(folder / "results.json", results(comparison, made))
    flat = [{"model": r.name} | _flatten(r.figures) for r in comparison.results]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    _write_csv(folder / "results.csv", columns, [[row.get(c) for c in columns] for row in flat])
    _write_predictions(comparison, folder / "predictions.csv")
    for number, result in enumerate(comparison.results[1:], 1):
        _write_sheets(comparison, result, folder, number, data_dir)
    text = page.render(comparison, made, data_dir)
    with replacing(folder / "index.html") as part:
        part.write_text(text, encoding="utf-8")


def results(comparison: Comparison, made: dict[str, Any]) -> dict[str, Any]:
    """Every figure of a comparison as JSON takes it."""
    return {
        "dataset": comparison.dataset,
        "split": comparison.split,
        "crop": comparison.crop,
        "fingerprint": comparison.fingerprint,
        "models": {result.name: result.figures for result in comparison.results},
        "pairs": [pair.to_json() for pair in comparison.pairs],
        "robustness": comparison.robustness,
        "robustness_images": comparison.robustness_images,
        "failed": dict(comparison.failed),
        "warnings": comparison.warnings,
        "environment": made,
    }


def _write_predictions(comparison: Comparison, path: Path) -> None:
    found = [(r.readings.numbers(), r.readings.log_probability) for r in comparison.results[1:]]
    names = [result.name for result in comparison.results[1:]]
    header = ["image", "number", *(f"{n}{what}" for n in names for what in ("", " confidence"))]
    rows = [
        [name, number]
        + [cell for read, log_p in found for cell in (read[i], f"{np.exp(log_p[i]):.6f}")]
        for i, (name, number) in enumerate(comparison.images)
    ]
    _write_csv(path, header, rows)


def _write_sheets(comparison, result: Result, folder: Path, number: int, data_dir) -> None:
    good = right(result, [truth for _, truth in comparison.images])
    chosen = {
        "readings": sheet.choose(len(good), 48),
        "mistakes": sheet.mistakes(good, result.readings.log_probability, 48),
    }
    for name, indices in chosen.items():
        sheet.write_sheet(
            folder / f"{name}-{number}.png",
            comparison.dataset,
            comparison.split,
            comparison.images,
            result.readings,
            indices,
            data_dir=data_dir,
        )


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Figures as columns: dictionaries opened, curves and tables left to the JSON."""
    flat = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key} ")
        elif not (isinstance(value, list) and value and isinstance(value[0], list | dict)):
            flat[prefix + key] = value
    return flat


def _write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    with replacing(path) as part:
        part.write_text(text.getvalue(), newline="")
