"""Draw the README's figure: rendered test images with a reader's predictions.

python -m tools.readings_figure docs/readings.png
python -m tools.readings_figure out.png --weights runs/my_run --styles devices meters
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from artifacts.files import atomic_path
from artifacts.startup import quiet_tensorflow
from datasets.rendered_numbers.rendered_numbers_dataset_builder import SEEDS
from datasets.rendered_numbers.rendering import RenderedImage, render
from datasets.rendered_numbers.styles import STYLES
from number_zoo.names import unknown_name

COLUMNS = 6


def render_images(styles: list[str], count: int) -> list[RenderedImage]:
    """The first images of the test split of each style, style by style.

    Args:
        styles: names in `STYLES`.
        count: images of each style.

    Raises:
        ValueError: if a style is unknown.
    """
    for style in styles:
        if style not in STYLES:
            raise ValueError(unknown_name("style", style, STYLES))
    return [
        render(SEEDS["test"], index, STYLES[style]) for style in styles for index in range(count)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.readings_figure", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("out", type=Path, help="PNG file to write")
    add(
        "--weights",
        metavar="NAME|RUN|FILE",
        help="published weights, a run or a .keras file (default: the most accurate published)",
    )
    add(
        "--styles",
        nargs="+",
        default=["default", "wide", "kinds"],
        metavar="STYLE",
        help="styles of rendered_numbers (default: default wide kinds)",
    )
    add(
        "--count",
        type=int,
        default=COLUMNS,
        metavar="N",
        help=f"images of each style (default: {COLUMNS})",
    )
    options = parser.parse_args(arguments)
    try:
        images = render_images(options.styles, options.count)
        quiet_tensorflow()
        from evaluation.charts import plot_readings
        from inference.reader import Reader

        reader = Reader(options.weights)
    except ValueError as error:
        print(f"tools.readings_figure: {error}", file=sys.stderr)
        return 2
    pixels = [image.image for image in images]
    readings = reader.read(pixels)
    figure = plot_readings(
        pixels,
        [reading.number for reading in readings],
        [reading.confidence for reading in readings],
        [image.label for image in images],
        columns=COLUMNS,
    )
    with atomic_path(options.out) as part:
        figure.savefig(part, format="png", dpi=110)
    correct = sum(r.number == image.label for r, image in zip(readings, images, strict=True))
    print(f"{options.out}: {correct} of {len(images)} correct")
    return 0


if __name__ == "__main__":
    sys.exit(main())
