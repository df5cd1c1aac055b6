"""Charts of results as matplotlib figures, in one style, for reports and notebooks."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

COLOURS = ("#1f6feb", "#d1571d", "#1a8754", "#8a3ffc", "#b0257b", "#6b7280", "#a67c00", "#0b7c8a")
"""One for each model, in their order, the same in every chart."""

SIZE = (5.4, 3.4)
"""Width and height of a chart in inches."""

FEW_READINGS = 10
"""Bins of the reliability diagram with fewer readings are drawn as a faint point alone."""

STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e7eb",
    "axes.edgecolor": "#9ca3af",
    "axes.axisbelow": True,
    "legend.frameon": False,
}

_GREY, _RIGHT, _WRONG = "#9ca3af", "#15803d", "#b91c1c"
_REFERENCE = {"color": _GREY, "linewidth": 1, "linestyle": "--"}

styled = matplotlib.rc_context(STYLE)
"""Decorator or context manager: what is drawn within has the style of the project."""


def colour(index: int) -> str:
    """Colour of the model at an index."""
    return COLOURS[index % len(COLOURS)]


def svg(figure: Figure, name: str) -> str:
    """A figure as SVG text for a page; no two figures of a page may have the same name."""
    text = io.StringIO()
    # Elements of an SVG are named by a hash; without a salt of its own two charts mix theirs.
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": name}):
        figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


@styled
def plot_coverage(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Accuracy over coverage, from `confidence.coverage_curve` of each model."""
    figure, axes = _axes()
    for index, (name, curve) in enumerate(curves.items()):
        x, y = ([100 * point[key] for point in curve] for key in ("coverage", "accuracy"))
        axes.plot(x, y, color=colour(index), label=name, linewidth=1.8, clip_on=False)
    axes.axhline(98, **_REFERENCE)
    lowest = min(curve[-1]["accuracy"] for curve in curves.values())
    axes.set(xlabel="coverage, %", ylabel="sequence accuracy, %", xlim=(0, 100))
    axes.set_ylim(max(0, 100 * lowest - 3), 100)
    axes.legend(loc="best")
    return figure


@styled
def plot_reliability(diagrams: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Accuracy over confidence, from `confidence.reliability` of each model."""
    figure, axes = _axes()
    axes.plot([0, 100], [0, 100], **_REFERENCE)
    for index, (name, bins) in enumerate(diagrams.items()):
        x, y = (100 * np.array([row[key] for row in bins]) for key in ("confidence", "accuracy"))
        low, high = 100 * np.array([row["interval"] for row in bins]).T
        faint = to_rgba(colour(index), 0.35)
        errors = np.clip([y - low, high - y], 0, None)
        axes.errorbar(x, y, yerr=errors, ecolor=faint, linestyle="", elinewidth=0.8, capsize=2)
        # A line through bins of a few readings would zigzag and mean nothing.
        many = np.array([row["images"] >= FEW_READINGS for row in bins])
        points = {"markersize": 4, "clip_on": False}
        axes.plot(x[~many], y[~many], "o", color=faint, **points)
        axes.plot(x[many], y[many], "o-", color=colour(index), label=name, **points)
    axes.set(xlabel="confidence, %", ylabel="sequence accuracy, %", xlim=(0, 100), ylim=(0, 100))
    axes.legend(loc="best")
    return figure


@styled
def plot_latency(figures: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Sequence accuracy with its interval over the latency of one image, of each model."""
    figure, axes = _axes()
    for index, (name, values) in enumerate(figures.items()):
        accuracy, (low, high) = values["sequence_accuracy"], values["sequence_accuracy_interval"]
        errors = [[100 * max(accuracy - low, 0)], [100 * max(high - accuracy, 0)]]
        axes.errorbar(
            [values["latency_ms"]], [100 * accuracy], yerr=errors, marker="o", capsize=3,
            color=colour(index), linestyle="none", label=name, clip_on=False,
        )  # fmt: skip
    axes.set(xlabel="latency of one image, ms", ylabel="sequence accuracy, %")
    axes.set_ylim(top=min(100, axes.get_ylim()[1]))
    axes.set_xlim(0, 1.25 * max(values["latency_ms"] for values in figures.values()))
    axes.legend(loc="best")
    return figure


@styled
def plot_corruption(results: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Sequence accuracy over severity, from `corruption.corruption_accuracy`; one axes each."""
    columns, rows = 4, -(-len(results) // 4)
    figure = Figure(figsize=(11, 2.6 * rows), layout="tight")
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False).flat
    for axes, (corruption, values) in zip(grid, results.items(), strict=False):
        for index, (name, accuracy) in enumerate(values["accuracy"].items()):
            y = [100 * value for value in accuracy]
            line = {"color": colour(index), "markersize": 3, "clip_on": False}
            axes.plot(values["severities"], y, "o-", label=name, **line)
        axes.set_title(corruption, fontsize=10, loc="left")
        axes.set_xlabel(values["unit"], fontsize=8)
        axes.tick_params(labelsize=9)
        axes.set_ylim(0, 100)
    figure.axes[0].set_ylabel("sequence accuracy, %")
    spare = figure.axes[len(results) :]
    for axes in spare:
        axes.set_axis_off()
    if spare:  # names of models are long: they would cover the curves
        handles = figure.axes[0].get_legend_handles_labels()
        spare[0].legend(*handles, loc="center left", fontsize=9)
    else:
        figure.axes[0].legend(fontsize=8)
    return figure


@styled
def plot_confusion(counts: Sequence[Sequence[int]]) -> Figure:
    """Digits of labels against digits read, from `mistakes.mistake_figures`.

    Only mistakes are coloured, since correct digits are many times more.
    """
    table = np.array(counts)
    wrong = table - np.diag(np.diag(table))
    most = max(3, wrong.max())
    figure, axes = _axes((4.6, 4.2))
    axes.grid(False)
    axes.imshow(wrong, cmap="Oranges", vmin=0, vmax=most)
    for row, column in np.argwhere(table):
        dark = wrong[row, column] > 0.75 * most
        ink = "#4b5563" if row == column else "white" if dark else "#111827"
        axes.text(column, row, table[row, column], ha="center", va="center", color=ink, fontsize=8)
    names = [*"0123456789", "–"]
    axes.set_xticks(range(11), names)
    axes.set_yticks(range(11), names)
    axes.set(xlabel="digit read (–: missing)", ylabel="digit of the label (–: extra)")
    axes.tick_params(length=0)
    return figure


@styled
def plot_learning_curves(
    histories: Mapping[str, Sequence[Mapping[str, float]]], metric: str = "val_sequence_accuracy"
) -> Figure:
    """A metric over epochs, from the rows of the `history.csv` of each run."""
    figure, axes = _axes()
    for index, (name, rows) in enumerate(histories.items()):
        epochs, values = [row["epoch"] for row in rows], [row[metric] for row in rows]
        axes.plot(epochs, values, "o-", color=colour(index), markersize=3, label=name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel="epoch", ylabel=metric.removeprefix("val_").replace("_", " "))
    axes.legend(loc="best")
    return figure


@styled
def plot_readings(
    images: Sequence[np.ndarray],
    readings: Sequence[str],
    confidences: Sequence[float],
    labels: Sequence[str] | None = None,
    columns: int = 8,
) -> Figure:
    """Images, each with its reading and confidence: green where correct, red with the label.

    Args:
        images: uint8 (height, width, 3), of any size.
        readings: text of each; "" for no number.
        confidences: of each, in [0, 1].
        labels: of each; None where they are unknown.
        columns: images in a row.
    """
    columns = min(columns, max(len(images), 1))
    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(1.6 * columns, 1.35 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flat
    for axes in grid:
        axes.set_axis_off()
    for index, (axes, image) in enumerate(zip(figure.axes, images, strict=False)):
        text, ink = f"{readings[index] or 'none'}  {confidences[index]:.0%}", "black"
        if labels is not None:
            correct = readings[index] == labels[index]
            text += "" if correct else f"  is {labels[index] or 'none'}"
            ink = _RIGHT if correct else _WRONG
        axes.imshow(image)
        axes.set_title(text, fontsize=9, color=ink, pad=2)
    return figure


def _axes(size: tuple[float, float] = SIZE) -> tuple[Figure, Any]:
    figure = Figure(figsize=size)
    return figure, figure.subplots()
