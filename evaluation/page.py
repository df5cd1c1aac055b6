"""The page of a report: one self-contained HTML file."""

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
from artifacts.plot_style import colour, svg
from datasets import mixing, sources
from evaluation import CONSTANT, charts
from evaluation.comparison import Comparison, Result
from evaluation.mistakes import KINDS, LONGER, mistake_kind
from evaluation.model_figures import Saliency, overlay
from inference.split_images import random_indices

MISTAKES, DISAGREEMENTS, SALIENCY = 24, 24, 10
"""Maximum number of images of each kind on the page, and of mistakes with saliency maps."""

_WIDTH, _HEIGHT = 160, 110


def render(comparison: Comparison, environment: dict[str, Any]) -> str:
    """The page as text; `environment` is the record of `artifacts.environment.environment`."""
    results = comparison.results
    return template(Path(__file__).with_name("page.html.j2")).render(
        comparison=comparison,
        images=comparison.images,
        dataset=_short_name(comparison.images.dataset),
        constant=CONSTANT,
        results=results,
        lengths=list(comparison.baseline.figures["by_length"]),
        colours=[colour(index) for index in range(len(results))],
        charts=_charts(comparison),
        mistakes={result.name: _mistakes(comparison, result) for result in results},
        boxes=any(np.isfinite(result.predictions.boxes).any() for result in results),
        disagreements=_disagreements(comparison) if len(results) > 1 else [],
        kinds=[k for k in KINDS if any(k in r.figures["mistakes"] for r in results)],
        environment=environment,
    )


def template(path: Path) -> jinja2.Template:
    """The template of a page; it may include or extend those in the folder of this module."""
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
        "commit": _commit,
    }
    return environment.get_template(path.name)


def _charts(comparison: Comparison) -> dict[str, Any]:
    drawn = {
        "coverage": charts.plot_coverage(comparison),
        "reliability": charts.plot_reliability(comparison),
    }
    if all("latency_ms" in result.figures for result in comparison.results):
        drawn["latency"] = charts.plot_latency(comparison)
    if comparison.corruption:
        drawn["corruption"] = charts.plot_corruption(comparison)
    confusion = {
        result.name: svg(charts.plot_confusion(result), f"confusion {result.name}")
        for result in comparison.results
    }
    return {name: svg(figure, name) for name, figure in drawn.items()} | {"confusion": confusion}


def _mistakes(comparison: Comparison, result: Result) -> list[dict]:
    """A model's mistakes of highest confidence; the first ones have saliency maps."""
    wrong = charts.confident_mistakes(result, MISTAKES)
    saliency = None if result.model is None else Saliency(result.model)
    cards = []
    for index, image in comparison.images.load(wrong).items():
        (name, label), reading = comparison.images.labels[index], result.readings[index]
        maps = []
        if saliency and len(cards) < SALIENCY and reading not in ("", LONGER):
            crop = result.predictions.crops[index]
            maps = [
                (digit, embed(overlay(image, crop, values)))
                for digit, values in zip(reading, saliency.maps(image, crop, reading), strict=True)
            ]
        cards.append(
            {
                "image": _with_box(image, result.predictions.boxes[index]),
                "name": name,
                "label": label or "none",
                "reading": reading or "none",
                "confidence": float(result.confidence[index]),
                "kind": mistake_kind(label, reading),
                "saliency": maps,
            }
        )
    return cards


def _disagreements(comparison: Comparison) -> list[dict]:
    """A random choice of the images that some models read correctly and others do not."""
    correct = np.stack([result.correct for result in comparison.results])
    differing = np.flatnonzero(correct.any(axis=0) & ~correct.all(axis=0))
    chosen = differing[random_indices(len(differing), DISAGREEMENTS)]
    return [
        {
            "image": embed(thumbnail(image)),
            "name": comparison.images.labels[index][0],
            "label": comparison.images.texts[index] or "none",
            "readings": [
                (result.readings[index] or "none", bool(result.correct[index]))
                for result in comparison.results
            ],
        }
        for index, image in comparison.images.load(chosen, reduce=True).items()
    ]


def _with_box(image: np.ndarray, box: np.ndarray) -> str:
    """A thumbnail with the predicted box."""
    shown = thumbnail(image)
    if np.isfinite(box).all():
        edges = (box * shown.width / image.shape[1]).tolist()
        ImageDraw.Draw(shown).rectangle(edges, outline=(255, 140, 0), width=1)
    return embed(shown)


def thumbnail(image: np.ndarray) -> Image.Image:
    """A uint8 image (height, width, 3) resized to fit a card of the page."""
    scale = min(_WIDTH / image.shape[1], _HEIGHT / image.shape[0])
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    return Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)


def embed(image: np.ndarray | Image.Image) -> str:
    """An image as a data URL."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def _percent(fraction: float | None, digits: int = 2) -> str:
    return "–" if fraction is None else f"{100 * fraction:.{digits}f} %"


def _interval(ends: tuple[float, float] | None) -> str:
    return "–" if ends is None else f"{100 * ends[0]:.1f} – {100 * ends[1]:.1f} %"


def _commit(commit: str | None) -> str:
    """A commit from `artifacts.environment.commit` as text."""
    if commit is None:
        return "not a checkout"
    return commit.replace("+", " with local changes")


def _short_name(dataset: str) -> str:
    """A data set or mix with folders named without their parents."""
    parts = mixing.parse_mix(dataset)
    names = [
        Path(part.source).resolve().name if sources.is_folder(part.source) else part.source
        for part in parts
    ]
    if len(parts) == 1:
        return names[0]
    return ", ".join(f"{name}:{part.weight:g}" for name, part in zip(names, parts, strict=True))


def _breakable(name: str) -> Markup:
    """A name with line breaks allowed after / and _."""
    text = str(escape(name))
    for mark in "/_":
        text = text.replace(mark, f"{mark}<wbr>")
    return Markup(text)
