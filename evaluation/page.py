"""The page of a report: one HTML file that holds all it shows."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup, escape
from PIL import Image, ImageDraw

from artifacts.console import count
from evaluation import charts, sheet
from evaluation.compare import CONSTANT, Comparison, Result, right
from evaluation.mistakes import KINDS, kind
from evaluation.saliency import Looks, overlay
from evaluation.sample import load_images

MISTAKES, DISAGREEMENTS, OVERLAID = 24, 24, 10
"""How many images of each a page shows, and with how many of them where the model looked."""

_WIDTH, _HEIGHT = 160, 110


def render(comparison: Comparison, made: dict[str, Any], data_dir: str | Path | None = None) -> str:
    """The page as text.

    Args:
        comparison: what it shows.
        made: what `artifacts.environment.environment` gives.
        data_dir: where TFDS data lies.
    """
    results = comparison.results[1:]
    return template(Path(__file__).with_name("page.html.j2")).render(
        comparison=comparison,
        constant=CONSTANT,
        results=results,
        colours=[charts.colour(index) for index in range(len(results))],
        charts=_charts(comparison, results),
        mistakes=_mistakes(comparison, results, data_dir),
        disagreements=_disagreements(comparison, results, data_dir),
        kinds=KINDS,
        made=made,
    )


def template(path: Path) -> jinja2.Template:
    """The template of a page, which may include the files beside this module."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([path.parent, Path(__file__).parent]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "percent": _percent,
        "interval": _interval,
        "count": count,
        "breakable": _breakable,
    }
    return environment.get_template(path.name)


def _charts(comparison: Comparison, results: list[Result]) -> dict[str, Any]:
    if not results:
        return {}
    figures = {result.name: result.figures for result in results}
    drawn: dict[str, Any] = {
        "coverage": charts.coverage({n: f["coverage_curve"] for n, f in figures.items()}),
        "reliability": charts.reliability({n: f["reliability"] for n, f in figures.items()}),
        "confusion": {n: charts.confusion(f["digit_confusion"], n) for n, f in figures.items()},
    }
    if all("latency_ms" in f for f in figures.values()):
        drawn["cost"] = charts.cost(
            {
                n: (f["latency_ms"], f["sequence_accuracy"], f["sequence_accuracy_interval"])
                for n, f in figures.items()
            }
        )
    if comparison.robustness:
        drawn["robustness"] = charts.robustness(comparison.robustness)
    return drawn


def _mistakes(comparison: Comparison, results: list[Result], data_dir) -> dict[str, list[dict]]:
    """For each model its surest mistakes, the first of them with where it looked."""
    truths = [truth for _, truth in comparison.images]
    found = {}
    for result in results:
        log_p = result.readings.log_probability
        chosen = sheet.mistakes(right(result, truths), log_p, MISTAKES)
        images = _load(comparison, chosen, data_dir)
        read, max_glimpses = result.readings.numbers(), Looks(result.reader.model)
        found[result.name] = [
            {
                "image": _framed(image, result.seen.boxes[index]),
                "name": comparison.images[index][0],
                "truth": truths[index] or "none",
                "read": read[index] or "none",
                "confidence": float(np.exp(log_p[index])),
                "kind": kind(truths[index], read[index]),
                "heat": _heat(max_glimpses, image, result.seen.parts[index], read[index])
                if place < OVERLAID
                else [],
            }
            for place, (index, image) in enumerate(images.items())
        ]
    return found


def _heat(max_glimpses: Looks, image: np.ndarray, part: np.ndarray, read: str) -> list[dict]:
    if not read.strip("+"):
        return []
    heats = max_glimpses.heat(image, part, read)
    return [
        {"digit": digit, "image": _embed(overlay(image, part, heat))}
        for digit, heat in zip(read, heats, strict=False)
    ]


def _disagreements(comparison: Comparison, results: list[Result], data_dir) -> list[dict]:
    """Images that some models read right and others wrong, chosen at random."""
    if len(results) < 2:
        return []
    truths = [truth for _, truth in comparison.images]
    good = np.stack([right(result, truths) for result in results])
    apart = np.flatnonzero(good.any(axis=0) & ~good.all(axis=0))
    chosen = apart[sheet.choose(len(apart), DISAGREEMENTS)]
    read = [result.readings.numbers() for result in results]
    return [
        {
            "image": _embed(_small(image)),
            "name": comparison.images[index][0],
            "truth": truths[index] or "none",
            "readings": [
                (numbers[index] or "none", bool(good[place, index]))
                for place, numbers in enumerate(read)
            ],
        }
        for index, image in _load(comparison, chosen, data_dir).items()
    ]


def _load(comparison: Comparison, chosen, data_dir) -> dict[int, np.ndarray]:
    return load_images(comparison.dataset, comparison.split, chosen, data_dir=data_dir)


def _framed(image: np.ndarray, box: np.ndarray) -> str:
    """The image, small, with the box that the model found."""
    shown = _small(image)
    if np.isfinite(box).all():
        scale = shown.width / image.shape[1]
        edges = [float(edge) * scale for edge in box]
        ImageDraw.Draw(shown).rectangle(edges, outline=(255, 140, 0), width=1)
    return _embed(shown)


def _small(image: np.ndarray) -> Image.Image:
    scale = min(_WIDTH / image.shape[1], _HEIGHT / image.shape[0])
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    return Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)


def _embed(image: np.ndarray | Image.Image) -> str:
    """An image as the text of a `src`."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def _percent(share: float | None, digits: int = 2) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def _breakable(name: str) -> Markup:
    """A name that a narrow column breaks behind its / and _, not in the middle of a word."""
    text = str(escape(name))
    for mark in "/_":
        text = text.replace(mark, f"{mark}<wbr>")
    return Markup(text)


def _interval(ends: tuple[float, float]) -> str:
    return f"{100 * ends[0]:.1f} – {100 * ends[1]:.1f} %"
