"""Evaluate readers on all numbers of images: figures, a page of mistakes, and all readings."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from rich.console import Console

import datasets
from artifacts.console import table
from artifacts.environment import environment
from artifacts.files import write_csv, write_json, write_text
from artifacts.folders import check_report
from evaluation import FIGURES_FILE
from evaluation.comparison import none_evaluated, noted_failure, split_warnings
from evaluation.html import embed, template, thumbnail
from evaluation.report import delete_others
from evaluation.scene_figures import (
    MISTAKES,
    SIZES,
    Outcome,
    SceneResult,
    match_scene,
    scene_figures,
)
from inference.split_images import random_indices
from number_zoo.published import DEFAULT_LOCATOR
from number_zoo.reader import open_reader

log = logging.getLogger(__name__)

SHOWN = 24
"""Maximum numbers of mistakes of each kind, and of whole images, on the page."""

_COLOURS = {"right": "#16a34a", "misread": "#f59e0b", "missed": "#2563eb", "invented": "#dc2626"}


@dataclass(frozen=True)
class SceneComparison:
    """Several readers on all numbers of the same images.

    Attributes:
        dataset: name, folder or mixture.
        split: its split.
        figures: figures of each reader by name, as returned by `scene_figures`, with `milliseconds`
            per image, without decoding, if they were timed.
        results: of each reader, the outcome of each image.
        failed: (name, reason) of readers that could not be evaluated.
        warnings: warnings about the figures.
    """

    dataset: str
    split: str
    figures: dict[str, dict[str, Any]]
    results: dict[str, list[SceneResult]]
    failed: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def compare_scenes(
    names: Sequence[str],
    dataset: str,
    *,
    split: str = "test",
    locator: str | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    timing: bool = True,
) -> SceneComparison:
    """Evaluate readers on all numbers of a split.

    Args:
        names: run folders, `.keras` files, exported `.onnx` files or published weights of readers.
        dataset: name, folder or mix, as `datasets.examples` takes it.
        split: its split.
        locator: run folder, file or published weights of a locator. Defaults to the published one.
        data_dir: folder of prepared TFDS data.
        limit: maximum number of images of each source, from the first.
        timing: whether the time of an image is a figure.

    Raises:
        ValueError: if no model can be evaluated, or the split has no image.
    """
    failed, readers = [], {}
    for name in names:
        with noted_failure(name, failed):
            readers[name] = open_reader(name, locator=locator)
    if not readers:
        raise none_evaluated(failed)
    examples = list(datasets.examples(dataset, split, data_dir, limit, several=True))
    if not examples:
        raise ValueError(f"{dataset} has no images in its split {split!r}")
    figures, results = {}, {}
    for name, reader in readers.items():
        log.info("Reading all numbers of %s images with %s", f"{len(examples):,}", name)
        matched, seconds = [], 0.0
        with noted_failure(name, failed):
            for example in examples:
                image = example.decode()
                started = time.perf_counter()
                readings = reader.read_all(image)
                seconds += time.perf_counter() - started
                matched.append(match_scene(example, image.shape[:2], readings))
            times = {"milliseconds": 1000 * seconds / len(examples)} if timing else {}
            figures[name] = scene_figures(matched) | times
            results[name] = matched
    if not figures:
        raise none_evaluated(failed)
    models = [*figures, locator or DEFAULT_LOCATOR]
    warnings = split_warnings(models, dataset, split, data_dir)
    return SceneComparison(str(dataset), split, figures, results, failed, warnings)


def write_report(comparison: SceneComparison, folder: str | Path) -> None:
    """Write a report, each file atomically.

    - `index.html`: figures, images with their boxes, and missed, invented and misread numbers;
    - `results.json`: every figure;
    - `readings.csv`: each number and each reading of each reader.

    Files of an earlier report are replaced or deleted.

    Raises:
        RunError: if the folder has files, but no report.
    """
    folder = Path(folder)
    check_report(folder, FIGURES_FILE)
    folder.mkdir(parents=True, exist_ok=True)
    record = environment()
    figures = {
        "dataset": comparison.dataset,
        "split": comparison.split,
        "readers": comparison.figures,
        "failed": dict(comparison.failed),
        "warnings": comparison.warnings,
        "environment": record,
    }
    write_json(folder / FIGURES_FILE, figures)
    write_csv(folder / "readings.csv", _reading_rows(comparison))
    page = template(Path(__file__).with_name("scenes.html.j2")).render(
        comparison=comparison,
        sizes=SIZES,
        environment=record,
        colours=_COLOURS,
        galleries={name: _gallery(results) for name, results in comparison.results.items()},
    )
    write_text(folder / "index.html", page)
    delete_others(folder, {"readings.csv"})


def show(comparison: SceneComparison, folder: Path) -> None:
    """Print the main figures, a row for each reader and size of number."""
    rows = []
    for name, figures in comparison.figures.items():
        for size in SIZES:
            read, boxes = figures["read"][size], figures["found"].get(size, {})
            cells = [_percent(read[score]) for score in ("precision", "recall", "f1")]
            interval = read["f1_interval"]
            cells.append(" – ".join(f"{100 * end:.0f}" for end in interval) if interval else "–")
            cells.append(_percent(boxes.get("average_precision")))
            rows.append([name if size == "all" else f"  {size}", f"{read['numbers']:,}", *cells])
    columns = ("reader", "numbers", "prec.", "recall", "F1", "interval", "AP*")
    title = f"All numbers of {comparison.dataset}, {comparison.split} split"
    Console().print(table(title, columns, rows, right=columns[1:]))
    print(
        "In %, with the 95 % interval of F1. A number counts when every digit and its box (IoU "
        "0.5, if it is known) are right; small numbers are below 5 % of the image's height. "
        "*of boxes alone"
    )
    for name, figures in comparison.figures.items():
        if alarms := figures.get("false_alarms"):
            print(
                f"{name}: a number is read in {alarms['any']:.1%} of {alarms['images']:,} images "
                f"without one, with a confidence of 0.9 or more in {alarms['0.9']:.1%}"
            )
    for warning in comparison.warnings:
        print(f"Warning: {warning}")
    for name, reason in comparison.failed:
        print(f"Failed: {name}: {reason}")
    print(f"Report: {folder}/index.html")


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.1f}"


def _reading_rows(comparison: SceneComparison) -> Iterator[Sequence[str]]:
    edges = ("left", "top", "right", "bottom")
    yield ["reader", "image", "kind", "label", "reading", "confidence", *edges]
    for name, results in comparison.results.items():
        for result in results:
            for kind, label, reading, box in result.outcomes:
                confidence = f"{reading.confidence:.6f}" if reading else ""
                cells = [f"{edge:.1f}" for edge in box] if box is not None else [""] * 4
                digits = reading.number if reading else ""
                yield [name, result.example.id, kind, label, digits, confidence, *cells]


def _gallery(results: Sequence[SceneResult]) -> dict[str, list[dict[str, Any]]]:
    """Cards of the mistakes of each kind, by confidence or size, and of whole images."""
    outcomes = [(outcome, result) for result in results for outcome in result.outcomes]
    gallery = {}
    for kind in MISTAKES:
        chosen = [(outcome, result) for outcome, result in outcomes if outcome.kind == kind]
        chosen.sort(key=lambda pair: -_prominence(pair[0]))
        gallery[kind] = [_card(outcome, result) for outcome, result in chosen[:SHOWN]]
    chosen = [results[index] for index in random_indices(len(results), SHOWN)]
    gallery["overviews"] = [
        {"image": embed(_overview(result)), "name": result.example.id} for result in chosen
    ]
    return gallery


def _prominence(outcome: Outcome) -> float:
    if outcome.reading is not None:
        return outcome.reading.confidence
    return outcome.box[3] - outcome.box[1] if outcome.box else 0.0


def _card(outcome: Outcome, result: SceneResult) -> dict[str, Any]:
    image, reading = result.example.decode(), outcome.reading
    if outcome.box is not None:
        left, top, right, bottom = outcome.box
        margin = 0.6 * max(right - left, bottom - top)
        x, y = max(round(left - margin), 0), max(round(top - margin), 0)
        image = image[y : round(bottom + margin) + 1, x : round(right + margin) + 1]
    return {
        "image": embed(thumbnail(image)),
        "label": outcome.label,
        "reading": reading.number if reading else "",
        "confidence": reading.confidence if reading else None,
        "name": result.example.id,
    }


def _overview(result: SceneResult) -> Image.Image:
    """An image with the boxes of all readings and of missed numbers, in the colours of kinds."""
    image = Image.fromarray(result.example.decode())
    scale = 320 / max(image.size)
    image = image.resize([max(1, round(side * scale)) for side in image.size])
    draw = ImageDraw.Draw(image)
    for kind, _, reading, box in result.outcomes:
        if kind == "ignored" or box is None:
            continue
        edges = [edge * scale for edge in box]
        draw.rectangle(edges, outline=_COLOURS[kind], width=2)
        if reading:
            draw.text((edges[0], max(edges[1] - 12, 0)), reading.number, fill=_COLOURS[kind])
    return image
