"""Draw the README's figure: rendered test images with a reader's predictions.

python -m tools.readings_figure docs/readings.png
python -m tools.readings_figure out.png --weights runs/my_run
"""

from __future__ import annotations

import argparse
from pathlib import Path

from artifacts.files import atomic_path
from artifacts.startup import command, quiet_tensorflow, run_command
from datasets.rendered_numbers.rendered_numbers_dataset_builder import SEEDS
from datasets.rendered_numbers.rendering import render
from datasets.rendered_numbers.styles import STYLES

SHOWN = ("default", "wide", "kinds")
"""Styles, one in a row."""

COLUMNS = 6


@command("tools.readings_figure")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.readings_figure", description=__doc__.splitlines()[0]
    )
    parser.add_argument("out", type=Path, help="PNG file to write")
    parser.add_argument(
        "--weights",
        metavar="NAME|RUN|FILE",
        help="published weights, a run or a .keras file (default: the most accurate published)",
    )
    options = parser.parse_args(arguments)
    quiet_tensorflow()
    from evaluation.charts import plot_readings
    from inference.reader import Reader

    reader = Reader(options.weights)
    images = [
        render(SEEDS["test"], index, STYLES[style]) for style in SHOWN for index in range(COLUMNS)
    ]
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
    run_command(main)
