"""Charts of results as matplotlib figures, in one style, for reports and notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from artifacts.plot_style import SIZE, colour, image_grid, new_axes, styled

FEW_READINGS = 10
"""Bins of the reliability diagram with fewer readings are drawn as faint points without a line."""

_GREY, _RIGHT, _WRONG = "#9ca3af", "#15803d", "#b91c1c"
_REFERENCE = {"color": _GREY, "linewidth": 1, "linestyle": "--"}


def _of_each(comparison: Any, key: str) -> dict[str, Any]:
    """A figure of each model of a `Comparison`."""
    return {result.name: result.figures[key] for result in comparison.results}


@styled
def plot_coverage(comparison: Any) -> Figure:
    """Accuracy over coverage of each model of a `Comparison`."""
    curves = _of_each(comparison, "coverage_curve")
    figure, axes = new_axes()
    bottom = max(0, 100 * min(curve[-1]["accuracy"] for curve in curves.values()) - 3)
    for index, (name, curve) in enumerate(curves.items()):
        x, y = ([100 * point[key] for point in curve] for key in ("coverage", "accuracy"))
        # The whole line is drawn at 100 %; below the axes, it would cover what is there.
        style = {"linewidth": 1.8, "clip_on": min(y) < bottom}
        axes.plot(x, y, color=colour(index), label=name, **style)
    axes.axhline(98, **_REFERENCE)
    axes.set(title="Accuracy of the images that are not refused")
    axes.set(xlabel="coverage, %", ylabel="sequence accuracy, %", xlim=(0, 100))
    axes.set_ylim(bottom, 100)
    axes.legend(loc="best")
    return figure


@styled
def plot_reliability(comparison: Any) -> Figure:
    """Accuracy over confidence of each model of a `Comparison`; calibrated confidence lies on the
    dashed line."""
    diagrams = _of_each(comparison, "reliability")
    figure, axes = new_axes()
    axes.plot([0, 100], [0, 100], **_REFERENCE)
    for index, (name, bins) in enumerate(diagrams.items()):
        x, y = (100 * np.array([row[key] for row in bins]) for key in ("confidence", "accuracy"))
        low, high = 100 * np.array([row["interval"] for row in bins]).T
        faint = to_rgba(colour(index), 0.35)
        errors = np.clip([y - low, high - y], 0, None)
        axes.errorbar(x, y, yerr=errors, ecolor=faint, linestyle="", elinewidth=0.8, capsize=2)
        # A line through bins of a few readings would be noise.
        many = np.array([row["images"] >= FEW_READINGS for row in bins])
        points = {"markersize": 4, "clip_on": False}
        axes.plot(x[~many], y[~many], "o", color=faint, **points)
        axes.plot(x[many], y[many], "o-", color=colour(index), label=name, **points)
    axes.set(title="Accuracy at each confidence (dashed: calibrated)")
    axes.set(xlabel="confidence, %", ylabel="sequence accuracy, %", xlim=(0, 100), ylim=(0, 100))
    axes.legend(loc="best")
    return figure


@styled
def plot_latency(comparison: Any) -> Figure:
    """Sequence accuracy with its interval over the latency of one image, of each model of a
    `Comparison` with timing."""
    figure, axes = new_axes()
    for index, result in enumerate(comparison.results):
        values = result.figures
        accuracy, (low, high) = values["sequence_accuracy"], values["sequence_accuracy_interval"]
        errors = [[100 * max(accuracy - low, 0)], [100 * max(high - accuracy, 0)]]
        axes.errorbar(
            [values["latency_ms"]], [100 * accuracy], yerr=errors, marker="o", capsize=3,
            color=colour(index), linestyle="none", label=result.name, clip_on=False,
        )  # fmt: skip
    axes.set(title="Accuracy and latency")
    axes.set(xlabel="latency of one image, ms", ylabel="sequence accuracy, %")
    axes.set_ylim(top=min(100, axes.get_ylim()[1]))
    axes.set_xlim(0, 1.25 * max(_of_each(comparison, "latency_ms").values()))
    axes.legend(loc="best")
    return figure


@styled
def plot_corruption(comparison: Any) -> Figure:
    """Sequence accuracy over severity, with separate axes for each corruption of a `Comparison`."""
    results = comparison.corruption
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
def plot_confusion(result: Any, title: str | None = None) -> Figure:
    """Confusion matrix of the digits of labels and the digits read.

    Only mistakes are coloured, since there are many times more correct digits.

    Args:
        result: a `Result`.
        title: of the figure.
    """
    table = np.array(result.figures["digit_confusion"])
    wrong = table - np.diag(np.diag(table))
    most = max(3, wrong.max())
    figure, axes = new_axes((4.6, 4.2))
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
    axes.set_title(title or "")
    return figure


@styled
def plot_learning_curves(
    histories: Mapping[str, Any], metric: str = "val_sequence_accuracy"
) -> Figure:
    """A metric over epochs of each run.

    Args:
        histories: by name, what Keras's `fit` returns, or the rows of a run's `history.csv`.
        metric: a column; if it starts with `val_`, the metric of the training images is added as a
            thin line, if it is known.
    """
    figure, axes = new_axes()
    of_training, factor = metric.removeprefix("val_"), 100 if "accuracy" in metric else 1
    for index, (name, history) in enumerate(histories.items()):
        columns = {key: np.asarray(values) for key, values in _columns(history).items()}
        epochs, line = columns["epoch"], {"color": colour(index), "markersize": 3}
        axes.plot(epochs, factor * columns[metric], "o-", label=name, **line)
        if metric != of_training and of_training in columns:
            label = f"{name}, training images"
            axes.plot(epochs, factor * columns[of_training], ":", label=label, **line)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_title("Validation images, after each epoch" if metric != of_training else "")
    unit = "%" if "accuracy" in metric else "nats"
    axes.set(xlabel="epoch", ylabel=f"{of_training.replace('_', ' ')}, {unit}")
    axes.legend(loc="best")
    return figure


def _columns(history: Any) -> dict[str, Sequence[float]]:
    """Columns of a Keras history or of rows, with `epoch` counted from 1."""
    if hasattr(history, "history"):
        return {"epoch": [epoch + 1 for epoch in history.epoch]} | history.history
    return {name: [row[name] for row in history] for name in history[0]}


def plot_readings(
    images: Sequence[np.ndarray],
    readings: Sequence[str],
    confidences: Sequence[float],
    labels: Sequence[str] | None = None,
    *,
    boxes: Sequence[Any] | None = None,
    columns: int = 8,
    title: str | None = None,
) -> Figure:
    """Images with their readings and confidences: green if correct, else red with the label.

    Args:
        images: uint8 (height, width, 3), of any size.
        readings: text of each reading; "" for no number.
        confidences: of each, in [0, 1].
        labels: text of each label. Defaults to unknown.
        boxes: predicted boxes in pixels, (4,) each; NaN or None for no box.
        columns: images in a row.
        title: of the figure.
    """
    texts = [f"{read or 'none'}  {c:.0%}" for read, c in zip(readings, confidences, strict=True)]
    inks = ["black"] * len(texts)
    for index, label in enumerate(labels or ()):
        correct = readings[index] == label
        inks[index] = _RIGHT if correct else _WRONG
        texts[index] += "" if correct else f"  is {label or 'none'}"
    return image_grid(images, texts, inks=inks, boxes=boxes, columns=columns, title=title)


def confident_mistakes(result: Any, count: int) -> np.ndarray:
    """Indices of the incorrect readings of a `Result`, by descending confidence."""
    wrong = np.flatnonzero(~result.correct)
    return wrong[np.argsort(-result.confidence[wrong], kind="stable")][:count]


def plot_mistakes(comparison: Any, name: str, count: int = 16, columns: int = 8) -> Figure:
    """The mistakes of one model of a `Comparison` with the highest confidence."""
    (result,) = (result for result in comparison.results if result.name == name)
    chosen = confident_mistakes(result, count)
    return plot_readings(
        list(comparison.images.load(chosen).values()),
        [result.readings[index] for index in chosen],
        result.confidence[chosen],
        [comparison.images.texts[index] for index in chosen],
        columns=columns,
        title=f"{name}: the {len(chosen)} most confident of {(~result.correct).sum()} mistakes "
        f"in {len(result.correct):,} images",
    )


@styled
def plot_scores(
    scores: Mapping[str, Mapping[str, float]], *, title: str = "", xlabel: str = ""
) -> Figure:
    """Scores in [0, 1] as bars side by side, in percent.

    Args:
        scores: scores by model and by name; all models have the same scores.
        title: of the figure.
        xlabel: label of the axis of score names.
    """
    figure, axes = new_axes((7.4, 3.2) if len(scores) > 1 else SIZE)
    width = 0.8 / len(scores)
    for index, (name, values) in enumerate(scores.items()):
        places = np.arange(len(values)) + width * (index - (len(scores) - 1) / 2)
        heights = [100 * value for value in values.values()]
        bars = axes.bar(places, heights, 0.95 * width, color=colour(index), label=name)
        axes.bar_label(bars, fmt="%.1f", fontsize=8, color="#374151")
    axes.set_xticks(range(len(values)), list(values))
    axes.set(title=title, xlabel=xlabel, ylabel="%", ylim=(0, 109), yticks=range(0, 101, 20))
    axes.grid(False, axis="x")
    if len(scores) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


@styled
def plot_differences(comparison: Any) -> Figure:
    """Differences between all pairs of models of a `Comparison`, with intervals.

    The intervals are those of `paired.compare_pairs`; a difference is significant if its interval
    excludes 0.
    """
    pairs = comparison.pairs
    figure, axes = new_axes((7.0, 0.9 + 0.5 * max(1, len(pairs))))
    axes.axvline(0, **_REFERENCE)
    for row, pair in enumerate(pairs):
        low, high = (100 * end for end in pair.interval)
        ink = _GREY if low <= 0 <= high else colour(0)
        axes.plot([low, high], [row, row], color=ink, linewidth=2)
        axes.plot([100 * pair.difference], [row], "o", color=ink)
    names = [f"{pair.first} − {pair.second}" for pair in pairs]
    axes.set_yticks(range(len(pairs)), names)
    axes.set(title="Differences on the same images, with simultaneous 95 % intervals")
    axes.set(xlabel="difference in sequence accuracy, percentage points")
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.grid(False, axis="y")
    return figure
