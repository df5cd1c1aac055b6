"""Rendered images per second, in one process and in all.

    python benchmarks/rendering_rate.py --style default
    python benchmarks/rendering_rate.py                      all styles, about twenty minutes

Every process renders as many images as it does for a data set of 66,000 on two processors. Each
character of each font is rasterized once, so the first 3,000 images take a third longer than later
ones: a short run underestimates the rate.

Much of the time is spent in the Python interpreter: one without profile-guided optimization, as
pyenv builds it by default, is slower than Debian's of the same version.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import platform
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
from rich.console import Console
from rich.table import Table

from datasets.rendered_numbers.rendering import render_many
from datasets.rendered_numbers.styles import STYLES, Style

WARM_UP = 250  # images of each process before the measurement: it has started and made textures


def rate(style: Style, count: int, workers: int) -> float:
    """Return the images per second when each of several processes renders `count` images."""
    cv2.setNumThreads(1)
    warm_up = workers * WARM_UP
    images = render_many(2, warm_up + workers * count, style, workers)
    next(itertools.islice(images, warm_up - 1, None))
    start = time.perf_counter()
    rendered = sum(1 for _ in images)
    return rendered / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--style", choices=STYLES, help="only this style")
    parser.add_argument(
        "--count", type=int, default=33_000, help="images rendered by each process (33,000)"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.count < 1 or options.workers < 1:
        parser.error("--count and --workers must be at least 1")
    styles = {options.style: STYLES[options.style]} if options.style else STYLES
    table = Table(
        "style", "1 process", f"{options.workers} processes", "speed-up",
        title=f"Images rendered per second, Python {platform.python_version()}",
    )  # fmt: skip
    for name, style in styles.items():
        # In a new process: this one would keep the glyphs of one style for the next.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            single = pool.apply(rate, (style, options.count, 1))
        parallel = rate(style, options.count, options.workers)
        table.add_row(name, f"{single:.0f}", f"{parallel:.0f}", f"{parallel / single:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
