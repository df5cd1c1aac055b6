"""Figures of a data set: its images, and statistics of its labels and boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from artifacts.plot_style import colour, image_grid, styled
from datasets.crops import union_box
from labels import BOX, DIGITS, LENGTH, decode


def show(
    images: Sequence[np.ndarray],
    labels: Sequence[str] | Mapping[str, Any] | None = None,
    *,
    boxes: Sequence[Any] | None = None,
    count: int | None = None,
    columns: int = 8,
    title: str | None = None,
) -> Figure:
    """Show images in rows, each with its label above it.

        datasets.show(*next(iter(datasets.load("mnist", "train", batch_size=16))))

    Args:
        images: arrays (height, width, channels) or (height, width) of any size, values in
            [0, 255]; or a batch from `load`.
        labels: text of each image; or the dictionary of arrays from `load`, whose `box` is also
            drawn.
        boxes: boxes of each image in pixels, (4,) or (n, 4): left, top, right, bottom.
        count: maximum number of images. Defaults to all.
        columns: images in a row.
        title: of the figure.
    """
    images = [np.asarray(image) for image in images][:count]
    if isinstance(labels, Mapping):
        arrays = {name: np.asarray(values)[:count] for name, values in labels.items()}
        if BOX in arrays and boxes is None:
            sizes = np.array([image.shape[1::-1] * 2 for image in images])
            boxes = arrays[BOX] * sizes
        labels = label_texts(arrays)
    titles = None if labels is None else [text or "none" for text in labels[:count]]
    return image_grid(images, titles, boxes=boxes, columns=columns, title=title)


def label_texts(labels: Mapping[str, Any]) -> list[str]:
    """Convert the label arrays of `load` to text."""
    digits = np.asarray(labels[DIGITS])
    lengths = np.asarray(labels[LENGTH]) if LENGTH in labels else (digits >= 0).sum(axis=1)
    return [decode(int(length), row) for length, row in zip(lengths, digits, strict=True)]


def covered_area(boxes: Sequence[np.ndarray], sizes: Sequence[tuple[int, int]]) -> np.ndarray:
    """The fraction of its image's area that each number covers.

    Args:
        boxes: (digits, 4) of each image, at least one box: left, top, right, bottom in pixels.
        sizes: (width, height) of each image in pixels.

    Returns:
        float array (images,): area of the union box over the image's area.
    """
    unions = np.array([union_box(digits) for digits in boxes])
    return (unions[:, 2:] - unions[:, :2]).prod(axis=1) / np.prod(sizes, axis=1)


@styled
def plot_statistics(
    labels: Sequence[str], boxes: Sequence[np.ndarray], sizes: Sequence[tuple[int, int]]
) -> Figure:
    """Plot lengths of labels, sizes of images, and the area that numbers cover.

    Args:
        labels: of each image, as text; "" for no number.
        boxes: as for `covered_area`, or (0, 4) where there is no number or its boxes are unknown.
        sizes: as for `covered_area`.
    """
    figure = Figure(figsize=(10, 3.0), layout="constrained")
    lengths, size_axes, areas = figure.subplots(1, 3)
    counts = Counter(map(len, labels))
    shown = range(min(1, *counts), max(counts) + 1)
    bars = lengths.bar(shown, [100 * counts[n] / len(labels) for n in shown], color=colour(0))
    lengths.bar_label(bars, [f"{counts[length]:,}" for length in shown], fontsize=8)
    lengths.set(xlabel="digits", ylabel="images, %", title="length of the number")
    lengths.set_xticks(shown)
    lengths.grid(False, axis="x")

    widths, heights = np.transpose(sizes)
    size_axes.scatter(widths, heights, s=6, color=colour(0), alpha=0.4, linewidths=0)
    size_axes.plot(*np.median(sizes, axis=0), "+", color=colour(1), markersize=12, label="median")
    size_axes.set(xlabel="width, pixels", ylabel="height, pixels", title="size of the image")
    size_axes.set(xscale="log", yscale="log")
    for axis in (size_axes.xaxis, size_axes.yaxis):
        axis.set_major_locator(LogLocator(base=2))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    size_axes.legend(loc="upper left")

    numbered = [index for index, digits in enumerate(boxes) if len(digits)]
    if numbered:
        known = [[values[index] for index in numbered] for values in (boxes, sizes)]
        fractions = 100 * covered_area(*known)
        areas.hist(fractions, bins=np.arange(0, 101, 4), color=colour(0))
        areas.axvline(fractions.mean(), color=colour(1), label=f"mean {fractions.mean():.0f} %")
        areas.legend(loc="upper right")
    areas.set(xlabel="part of the image, %", ylabel="images", title="area of the number")
    areas.set_xlim(0, 100)
    return figure
