"""The page of a report: one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageDraw

from artifacts.plot_style import colour, svg
from datasets import mixing, sources
from evaluation import CONSTANT, charts
from evaluation.comparison import Comparison
from evaluation.html import embed, template, thumbnail
from evaluation.mistakes import KINDS, LONGER, mistake_kind
from evaluation.model_figures import Saliency, overlay
from evaluation.model_result import Result
from inference.split_images import random_indices

MISTAKES, DISAGREEMENTS, SALIENCY = 24, 24, 10
"""Maximum number of images of each kind on the page, and of mistakes with saliency maps."""


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
