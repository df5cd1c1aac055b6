"""Draws many images with all processors, in order."""

from __future__ import annotations

import gc
import itertools
import logging
import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import cv2

from datasets.rendered_numbers.drawing import Drawn, draw, opencv_alone
from datasets.rendered_numbers.fonts import families
from datasets.rendered_numbers.style import DEFAULT, Style
from datasets.rendered_numbers.surfaces import tiles

log = logging.getLogger(__name__)

_CHUNK = 250


def _start() -> None:
    # One thread each: the processes already take all processors.
    cv2.setNumThreads(1)
    with opencv_alone():
        families()
        tiles()
    # What is there by now stays: the garbage collector need not look through it again and again.
    gc.freeze()


def draw_range(seed: int, indices: range, style: Style) -> list[Drawn]:
    """Draw the images of a range of indices, in this process."""
    return [draw(seed, index, style) for index in indices]


def draw_many(
    seed: int, count: int, style: Style = DEFAULT, workers: int | None = None
) -> Iterator[Drawn]:
    """Draw images 0 to count - 1 of a seed, in order; the same whatever the workers.

    Args:
        seed: seed of the data set.
        count: how many images.
        style: the statistics that they follow.
        workers: processes, defaults to one for each processor; 1 draws in this process.

    Yields:
        The images, in the order of their indices.

    Raises:
        ModuleNotFoundError: if a font package is missing; it names the package.
    """
    families()  # a missing font package is told here, not from within a worker
    chunks = [range(first, min(first + _CHUNK, count)) for first in range(0, count, _CHUNK)]
    workers = min(workers or os.cpu_count() or 1, len(chunks))
    if workers <= 1:
        for chunk in chunks:
            yield from draw_range(seed, chunk, style)
        return
    # Spawned, not forked: TensorFlow's threads are running in this process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start) as pool:
        waiting: deque[tuple[range, Future]] = deque()
        ahead = iter(chunks)
        try:
            while True:
                # A few chunks ahead of the reader: enough to keep busy, little to hold.
                for chunk in itertools.islice(ahead, 3 * workers - len(waiting)):
                    waiting.append((chunk, _submit(pool, seed, chunk, style)))
                if not waiting:
                    return
                chunk, future = waiting.popleft()
                yield from _result(seed, chunk, style, future)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, seed: int, chunk: range, style: Style) -> Future:
    try:
        return pool.submit(draw_range, seed, chunk, style)
    except BrokenProcessPool as error:
        broken: Future = Future()
        broken.set_exception(error)
        return broken


def _result(seed: int, chunk: range, style: Style, future: Future) -> list[Drawn]:
    try:
        return future.result()
    except BrokenProcessPool:
        # A script without `if __name__ == "__main__"`, or a worker that was killed.
        log.warning("A drawing process ended early: drawing %d to %d here", chunk[0], chunk[-1])
        return draw_range(seed, chunk, style)
