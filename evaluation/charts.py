"""Charts of a report, as SVG text that stands in a page."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba

COLOURS = ("#1f6feb", "#d1571d", "#1a8754", "#8a3ffc", "#b0257b", "#6b7280", "#a67c00", "#0b7c8a")
"""One for each model, in their order, the same in every chart."""

FEW = 10
"""Readings below which a bin of the reliability diagram is shown as a faint point alone."""

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


def colour(index: int) -> str:
    """Colour of the model at an index."""
    return COLOURS[index % len(COLOURS)]


def svg(figure, name: str) -> str:
    """A figure as SVG text, and the figure closed; no two of a page have the same name."""
    text = io.StringIO()
    # Parts of an SVG are named by a hash: of the chart's own name, or two charts would mix theirs.
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]


def coverage(curves: dict[str, list[dict]]) -> str:
    """Accuracy of what is answered, over the share that is answered."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.4, 3.4))
        for index, (name, curve) in enumerate(curves.items()):
            kept = [100 * one["kept"] for one in curve]
            accuracy = [100 * one["accuracy"] for one in curve]
            axes.plot(kept, accuracy, color=colour(index), label=name, linewidth=1.8)
        axes.axhline(98, color="#9ca3af", linewidth=1, linestyle="--")
        low = min(one["accuracy"] for curve in curves.values() for one in curve[-1:])
        axes.set(xlabel="% of images answered", ylabel="% of answers right", xlim=(0, 101))
        axes.set_ylim(max(0, 100 * low - 3), 100.5)
        axes.legend(loc="best")
        return svg(figure, "coverage")


def reliability(diagrams: dict[str, list[dict]]) -> str:
    """How often readings of a confidence are right; on the diagonal it means what it says."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.4, 3.4))
        axes.plot([0, 100], [0, 100], color="#9ca3af", linewidth=1, linestyle="--")
        for index, (name, bins) in enumerate(diagrams.items()):
            x = np.array([100 * one["confidence"] for one in bins])
            y = np.array([100 * one["accuracy"] for one in bins])
            ends = 100 * np.array([one["interval"] for one in bins])
            errors = np.clip([y - ends[:, 0], ends[:, 1] - y], 0, None)
            faint = to_rgba(colour(index), 0.35)
            axes.errorbar(x, y, yerr=errors, ecolor=faint, linestyle="", elinewidth=0.8, capsize=2)
            # A line through bins of a few readings would zigzag, and say nothing.
            enough = np.array([one["images"] >= FEW for one in bins])
            axes.plot(x[~enough], y[~enough], "o", color=faint, markersize=4)
            axes.plot(
                x[enough], y[enough], "o-", color=colour(index), label=name, markersize=4,
                linewidth=1.2,
            )  # fmt: skip
        axes.set(xlabel="confidence, %", ylabel="% right", xlim=(0, 101), ylim=(0, 102))
        axes.legend(loc="best")
        return svg(figure, "reliability")


def cost(points: dict[str, tuple[float, float, tuple[float, float]]]) -> str:
    """Accuracy, with its interval, over the time for one image."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.4, 3.4))
        for index, (name, (latency, accuracy, (low, high))) in enumerate(points.items()):
            axes.errorbar(
                [latency], [100 * accuracy],
                yerr=[[100 * max(accuracy - low, 0)], [100 * max(high - accuracy, 0)]],
                marker="o", color=colour(index), capsize=3, linestyle="none", label=name,
            )  # fmt: skip
        axes.set(xlabel="milliseconds for one image", ylabel="% of numbers right")
        axes.set_xlim(0, 1.25 * max(latency for latency, *_ in points.values()))
        axes.legend(loc="best")
        return svg(figure, "cost")


def robustness(found: dict[str, dict]) -> str:
    """One small chart for each damage: accuracy over its level."""
    columns = 4
    rows = -(-len(found) // columns)
    with plt.rc_context(STYLE | {"font.size": 9}):
        figure, grid = plt.subplots(
            rows, columns, figsize=(11, 2.6 * rows), sharey=True, squeeze=False, layout="tight"
        )
        spare = grid.flat[len(found) :]
        for axes in spare:
            axes.set_axis_off()
        for axes, (name, one) in zip(grid.flat, found.items(), strict=False):
            for index, (model, accuracy) in enumerate(one["accuracy"].items()):
                axes.plot(
                    one["levels"], [100 * a for a in accuracy], color=colour(index), marker="o",
                    markersize=3, label=model,
                )  # fmt: skip
            axes.set_title(name, fontsize=10, loc="left")
            axes.set_xlabel(one["unit"], fontsize=8)
            axes.set_ylim(0, 102)
        grid.flat[0].set_ylabel("% right")
        if len(spare):  # names of models are long: they would cover the curves
            spare[0].legend(*grid.flat[0].get_legend_handles_labels(), loc="center left")
        else:
            grid.flat[0].legend(fontsize=8)
        return svg(figure, "robustness")


def confusion(counts: Sequence[Sequence[int]], name: str) -> str:
    """Digits there against digits read; what is right is left out of the colours."""
    table = np.array(counts)
    wrong = table - np.diag(np.diag(table))
    labels = [str(digit) for digit in range(10)]
    with plt.rc_context(STYLE | {"axes.grid": False, "font.size": 9}):
        figure, axes = plt.subplots(figsize=(4.6, 4.2))
        axes.imshow(wrong, cmap="Oranges", vmin=0, vmax=max(3, wrong.max()))
        for row, column in np.argwhere(table):
            diagonal = row == column
            dark = not diagonal and wrong[row, column] > 0.6 * max(3, wrong.max())
            shade = "#9ca3af" if diagonal else "white" if dark else "#111827"
            axes.text(column, row, table[row, column], ha="center", va="center",
                      color=shade, fontsize=7)  # fmt: skip
        axes.set_xticks(range(11), [*labels, "–"])
        axes.set_yticks(range(11), [*labels, "–"])
        axes.set(xlabel="digit read (– not read)", ylabel="digit there (– none)")
        axes.tick_params(length=0)
        return svg(figure, f"confusion {name}")
