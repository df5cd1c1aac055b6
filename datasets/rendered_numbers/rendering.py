"""Rendered images: one from a seed and an index, or many on all processors."""

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
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np

from . import camera
from .fonts import families
from .object_scene import render_object_scene
from .rng import Rng
from .street_scene import render_street_scene
from .styles import DEFAULT, ObjectStyle, Style
from .textures import textures

log = logging.getLogger(__name__)

_CHUNK = 250  # images that a worker renders at a time


@dataclass(frozen=True)
class RenderedImage:
    """A rendered image with its annotation.

    Attributes:
        jpeg: the image as the bytes of a JPEG file, whose artefacts are part of the image.
        label: its digits, "" for no number.
        boxes: float32 (len(label), 4): left, top, right, bottom of each digit, in pixels.
    """

    jpeg: bytes
    label: str
    boxes: np.ndarray

    @property
    def image(self) -> np.ndarray:
        """The decoded image: uint8 (h, w, 3), RGB."""
        encoded = np.frombuffer(self.jpeg, np.uint8)
        return cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def render(seed: int, index: int, style: Style = DEFAULT) -> RenderedImage:
    """Render an image.

    The same seed, index and style give the same image, in any order and any process.

    Args:
        seed: seed of the data set, a non-negative integer.
        index: index of the image, a non-negative integer.
        style: the statistics that images follow, for example one of `styles.STYLES`.
    """
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index must be at least 0. Received: {seed=}, {index=}")
    rng = Rng(seed, index)
    with _ipp_disabled():
        render_scene = (
            render_object_scene if isinstance(style, ObjectStyle) else render_street_scene
        )
        scene = render_scene(rng, style)
        gradient = camera.sample_illumination(scene.image, rng)
        image = camera.apply_lens(scene.image, scene.digit_height, rng)
        image = camera.expose(image, gradient, rng)
        return RenderedImage(camera.compress(image, rng), scene.label, scene.boxes)


@contextmanager
def _ipp_disabled() -> Iterator[None]:
    """Disable Intel IPP in OpenCV: no slower for small images, and one source of rounding less."""
    enabled = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        yield
    finally:
        cv2.ipp.setUseIPP(enabled)


def render_many(
    seed: int, count: int, style: Style = DEFAULT, workers: int | None = None
) -> Iterator[RenderedImage]:
    """Render images 0 to count - 1 of a seed, in order; the number of workers has no effect.

    Args:
        seed: seed of the data set.
        count: number of images.
        style: the statistics that images follow.
        workers: number of processes; defaults to the number of processors. 1 renders in this
            process.

    Raises:
        ModuleNotFoundError: if a font package is not installed; the message names it.
    """
    families()  # raises here rather than in a worker if a font package is missing
    chunks = [range(first, min(first + _CHUNK, count)) for first in range(0, count, _CHUNK)]
    workers = min(workers or os.cpu_count() or 1, len(chunks))
    rendered = 0
    try:
        for images in _render_chunks(seed, chunks, style, workers) if workers > 1 else ():
            yield from images
            rendered += len(images)
    except BrokenProcessPool:
        # A script without `if __name__ == "__main__"`, or a worker that was killed.
        log.warning("A worker ended early: images %d to %d are rendered here", rendered, count - 1)
    for index in range(rendered, count):
        yield render(seed, index, style)


def _render_chunks(
    seed: int, chunks: list[range], style: Style, workers: int
) -> Iterator[list[RenderedImage]]:
    # Spawned, not forked: this process may run TensorFlow's threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker) as pool:
        pending: deque[Future] = deque()
        remaining = iter(chunks)
        try:
            while True:
                # A few chunks ahead of the consumer, to bound memory.
                for chunk in itertools.islice(remaining, 3 * workers - len(pending)):
                    pending.append(pool.submit(_render_range, seed, chunk, style))
                if not pending:
                    return
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _start_worker() -> None:
    cv2.setNumThreads(1)  # the processes already use all processors
    with _ipp_disabled():
        families()
        textures()
    gc.freeze()  # the garbage collector need not traverse these again


def _render_range(seed: int, indices: range, style: Style) -> list[RenderedImage]:
    return [render(seed, index, style) for index in indices]
