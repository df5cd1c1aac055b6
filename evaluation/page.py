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

from evaluation import charts, sheet
from evaluation.compare import CONSTANT, Comparison, Result, right
from evaluation.mistakes import KINDS, kind
from evaluation.sample import load_pictures
from evaluation.where import Looks, overlay
from training.summary import count

MISTAKES, DISAGREEMENTS, OVERLAID = 24, 24, 10
"""How many pictures of each a page shows, and with how many of them where the model looked."""

_WIDTH, _HEIGHT = 160, 110


def render(comparison: Comparison, made: dict[str, Any], data_dir: str | Path | None = None) -> str:
    """The page as text.

    Args:
        comparison: what it shows.
        made: what `training.environment.environment` gives.
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
                n: (f["latency_ms"], f["number_accuracy"], f["number_accuracy_interval"])
                for n, f in figures.items()
            }
        )
    if comparison.robustness:
        drawn["robustness"] = charts.robustness(comparison.robustness)
    return drawn


def _mistakes(comparison: Comparison, results: list[Result], data_dir) -> dict[str, list[dict]]:
    """For each model its surest mistakes, the first of them with where it looked."""
    truths = [truth for _, truth in comparison.pictures]
    found = {}
    for result in results:
        log_p = result.readings.log_probability
        chosen = sheet.mistakes(right(result, truths), log_p, MISTAKES)
        pictures = _load(comparison, chosen, data_dir)
        read, looks = result.readings.numbers(), Looks(result.reader.model)
        found[result.name] = [
            {
                "picture": _framed(picture, result.seen.boxes[index]),
                "name": comparison.pictures[index][0],
                "truth": truths[index] or "none",
                "read": read[index] or "none",
                "confidence": float(np.exp(log_p[index])),
                "kind": kind(truths[index], read[index]),
                "heat": _heat(looks, picture, result.seen.parts[index], read[index])
                if place < OVERLAID
                else [],
            }
            for place, (index, picture) in enumerate(pictures.items())
        ]
    return found


def _heat(looks: Looks, picture: np.ndarray, part: np.ndarray, read: str) -> list[dict]:
    if not read.strip("+"):
        return []
    heats = looks.heat(picture, part, read)
    return [
        {"digit": digit, "picture": _embed(overlay(picture, part, heat))}
        for digit, heat in zip(read, heats, strict=False)
    ]


def _disagreements(comparison: Comparison, results: list[Result], data_dir) -> list[dict]:
    """Pictures that some models read right and others wrong, chosen at random."""
    if len(results) < 2:
        return []
    truths = [truth for _, truth in comparison.pictures]
    good = np.stack([right(result, truths) for result in results])
    apart = np.flatnonzero(good.any(axis=0) & ~good.all(axis=0))
    chosen = apart[sheet.choose(len(apart), DISAGREEMENTS)]
    read = [result.readings.numbers() for result in results]
    return [
        {
            "picture": _embed(_small(picture)),
            "name": comparison.pictures[index][0],
            "truth": truths[index] or "none",
            "readings": [
                (numbers[index] or "none", bool(good[place, index]))
                for place, numbers in enumerate(read)
            ],
        }
        for index, picture in _load(comparison, chosen, data_dir).items()
    ]


def _load(comparison: Comparison, chosen, data_dir) -> dict[int, np.ndarray]:
    return load_pictures(comparison.dataset, comparison.split, chosen, data_dir=data_dir)


def _framed(picture: np.ndarray, box: np.ndarray) -> str:
    """The picture, small, with the box that the model found."""
    shown = _small(picture)
    if np.isfinite(box).all():
        scale = shown.width / picture.shape[1]
        edges = [float(edge) * scale for edge in box]
        ImageDraw.Draw(shown).rectangle(edges, outline=(255, 140, 0), width=1)
    return _embed(shown)


def _small(picture: np.ndarray) -> Image.Image:
    image = Image.fromarray(picture)
    scale = min(_WIDTH / image.width, _HEIGHT / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC)


def _embed(picture: np.ndarray | Image.Image) -> str:
    """A picture as the text of a `src`."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
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
