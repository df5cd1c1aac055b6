"""The style of all figures, and functions that several kinds use: axes, grids of images, SVG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

COLOURS = ("#1f6feb", "#d1571d", "#1a8754", "#8a3ffc", "#b0257b", "#6b7280", "#a67c00", "#0b7c8a")
"""Colours of the models, in their order, the same in every chart."""

SIZE = (5.4, 3.4)
"""Width and height of a chart in inches."""

STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "grid.color": "#e5e7eb",
    "axes.edgecolor": "#9ca3af",
    "axes.axisbelow": True,
    "legend.frameon": False,
}

GAP = 0.05
"""Gaps between the images of a grid, and the margin around them, in inches."""

BOX = "#ff8c00"
"""Colour of boxes in images."""

styled = matplotlib.rc_context(STYLE)
"""Decorator or context manager: figures that are drawn within it have the style of the project."""


def colour(index: int) -> str:
    """Colour of the model at an index."""
    return COLOURS[index % len(COLOURS)]


def svg(figure: Figure, name: str) -> str:
    """A figure as SVG text for a page; names of figures must be unique within a page."""
    text = io.StringIO()
    # The ids in an SVG are hashes; without different salts, those of two charts would collide.
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": name}):
        figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def new_axes(size: tuple[float, float] = SIZE) -> tuple[Figure, Any]:
    """A new figure without a window, and its axes."""
    figure = Figure(figsize=size, layout="tight")
    return figure, figure.subplots()


@matplotlib.rc_context(STYLE | {"axes.grid": False})
def image_grid(
    images: Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    *,
    inks: Sequence[str] | None = None,
    boxes: Sequence[Any] | None = None,
    columns: int = 8,
    title: str | None = None,
    **imshow: Any,
) -> Figure:
    """Images in rows, each under its title.

    Args:
        images: (height, width), (height, width, 1) or (height, width, 3), of any size; values in
            [0, 255] unless `imshow` says otherwise.
        titles: of each image.
        inks: colours of the titles.
        boxes: of each image, (4,) or (n, 4): left, top, right and bottom in pixels; NaN or None for
            no box.
        columns: images in a row.
        title: of the whole figure.
        **imshow: further arguments of matplotlib's `imshow`.
    """
    images = [np.asarray(image) for image in images]
    columns = min(columns, max(len(images), 1))
    rows = max(1, -(-len(images) // columns))
    width = min(1.6, 10 / columns)
    aspect = float(np.median([image.shape[0] / image.shape[1] for image in images] or [1]))
    above = 0.2 if titles is not None else 0.0  # inches, for the title of each image
    height = width * min(max(aspect, 0.3), 1.3) + above + GAP
    top = 0.25 if title else 0.0
    inches = np.array([width * columns + GAP, height * rows + top + GAP])
    figure = Figure(figsize=inches)
    options = {"cmap": "gray", "vmin": 0, "vmax": 255} | imshow
    for index, image in enumerate(images):
        # Explicit positions: a layout engine measures all axes repeatedly, which takes seconds.
        row, column = divmod(index, columns)
        corner = (GAP + column * width, inches[1] - top - (row + 1) * height)
        size = (width - GAP, height - above - GAP)
        axes = figure.add_axes((*(corner / inches), *(size / inches)))
        axes.set_axis_off()
        image = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
        axes.imshow(image if image.ndim == 2 else image.clip(0, 255).astype(np.uint8), **options)
        if titles is not None:
            ink = "black" if inks is None else inks[index]
            # With `y`, matplotlib does not search for a free position above the axis.
            axes.set_title(titles[index], fontsize=9, color=ink, pad=2, loc="center", y=1)
        if boxes is not None and boxes[index] is not None:
            for box in np.reshape(np.asarray(boxes[index], float), (-1, 4)):
                _draw_box(axes, box)
    if title:
        figure.suptitle(title, fontsize=10, x=GAP / inches[0], y=1 - GAP / inches[1], ha="left")
    return figure


def _draw_box(axes, box: np.ndarray) -> None:
    if np.isfinite(box).all():
        # Pixel i of an image covers i - 0.5 to i + 0.5 of the axes.
        corner, size = box[:2] - 0.5, box[2:] - box[:2]
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=BOX, linewidth=1.2))
