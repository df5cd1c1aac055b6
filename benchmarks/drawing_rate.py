"""How fast house numbers are drawn: pictures a second, in one process and in all.

    python benchmarks/drawing_rate.py

Both rates, and what drawing in parallel gains, are measured in one run. Every process has drawn
`WARM` pictures before the clock starts: by then it has most glyphs and textures at hand, as it has
for nearly all of the 66,000 pictures of a data set.
"""

from __future__ import annotations

import argparse
import itertools
import os
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

WARM = 1000


def rate_alone(style: Style, count: int) -> tuple[float, float]:
    """Pictures a second of one process: by the clock, and by its own processor time."""
    for index in range(WARM):
        draw(0, index, style)
    clock, own = time.perf_counter(), time.process_time()
    for index in range(count):
        draw(1, index, style)
    return count / (time.perf_counter() - clock), count / (time.process_time() - own)


def rate_together(style: Style, count: int, workers: int) -> float:
    """Pictures a second of several processes together, by the clock."""
    ready = workers * WARM
    pictures = draw_many(2, ready + count, style, workers)
    next(itertools.islice(pictures, ready - 1, None))
    start = time.perf_counter()
    drawn = sum(1 for _ in pictures)
    return drawn / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=3000, help="pictures for each rate (3000)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.count < 1 or options.workers < 1:
        parser.error("--count and --workers are at least 1")
    cv2.setNumThreads(1)
    table = Table("style", "1 process", "1 process, by its own time",
                  f"{options.workers} processes", "gain",
                  title="Pictures drawn a second")  # fmt: skip
    for name, style in STYLES.items():
        clock, own = rate_alone(style, options.count)
        together = rate_together(style, options.count * options.workers, options.workers)
        table.add_row(name, f"{clock:.0f}", f"{own:.0f}", f"{together:.0f}",
                      f"{together / clock:.2f}")  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
