"""How fast house numbers are drawn: images a second, in one process and in all.

    python benchmarks/drawing_rate.py --style default
    python benchmarks/drawing_rate.py                      all styles, ten minutes

Both rates, and what drawing in parallel gains, are measured in one run. Every process draws as many
images as it does for a data set of 66,000 on two cores. Each character of each face is made once,
so the first 3,000 take a third longer than later ones: a short run tells less than the real rate.

Much of the time is Python's own. How the interpreter was built shows: one without profile-guided
optimisation, as pyenv builds it unless told otherwise, is slower than Debian's of the same version.
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

from datasets.rendered_numbers.drawing import draw
from datasets.rendered_numbers.parallel import draw_many
from datasets.rendered_numbers.style import STYLES, Style

WARM = 250  # of each process: by then it has started, and made its textures


def rate_alone(style: Style, count: int) -> tuple[float, float]:
    """Images a second of one process: by the clock, and by its own processor time."""
    cv2.setNumThreads(1)
    for index in range(WARM):
        draw(0, index, style)
    clock, own = time.perf_counter(), time.process_time()
    for index in range(count):
        draw(1, index, style)
    return count / (time.perf_counter() - clock), count / (time.process_time() - own)


def rate_together(style: Style, count: int, workers: int) -> float:
    """Images a second of several processes together, by the clock."""
    ready = workers * WARM
    images = draw_many(2, ready + count, style, workers)
    next(itertools.islice(images, ready - 1, None))
    start = time.perf_counter()
    drawn = sum(1 for _ in images)
    return drawn / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--style", choices=STYLES, help="only this one")
    parser.add_argument(
        "--count", type=int, default=33_000, help="images drawn by each process (33,000)"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.count < 1 or options.workers < 1:
        parser.error("--count and --workers are at least 1")
    styles = {options.style: STYLES[options.style]} if options.style else STYLES
    table = Table("style", "1 process", "1 process, by its own time",
                  f"{options.workers} processes", "gain",
                  title=f"Images drawn a second, Python {platform.python_version()}")  # fmt: skip
    for name, style in styles.items():
        # In a process of its own: this one would keep the glyphs of one style for the next.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            clock, own = pool.apply(rate_alone, (style, options.count))
        together = rate_together(style, options.count * options.workers, options.workers)
        table.add_row(name, f"{clock:.0f}", f"{own:.0f}", f"{together:.0f}",
                      f"{together / clock:.2f}")  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
