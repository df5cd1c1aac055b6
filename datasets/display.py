"""Images of a data set as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from artifacts.plot_style import image_grid
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
    """Show images in rows, each under its label.

        datasets.show(*next(iter(datasets.load("mnist", "train", batch_size=16))))

    Args:
        images: arrays (height, width, channels) or (height, width) of any size, values in
            [0, 255]; or a batch from `load`.
        labels: text of each image; or the dictionary of arrays from `load`, of which `box` is
            drawn as well.
        boxes: boxes of each image in pixels, (4,) or (n, 4): left, top, right, bottom.
        count: only the first so many images.
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
    """The labels that `load` gives as arrays, as text."""
    digits = np.asarray(labels[DIGITS])
    lengths = np.asarray(labels[LENGTH]) if LENGTH in labels else (digits >= 0).sum(axis=1)
    return [decode(int(length), row) for length, row in zip(lengths, digits, strict=True)]
