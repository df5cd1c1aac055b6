"""Rendered images: one from a seed and an index, many on all processors, a folder of them."""

from __future__ import annotations

import contextlib
import functools
import gc
import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from artifacts.files import write_csv

from . import camera
from .fonts import families
from .object_scene import render_object_scene
from .rng import Rng
from .street_scene import render_street_scene
from .styles import DEFAULT, ObjectStyle, Style
from .textures import textures

log = logging.getLogger(__name__)

Rendered = TypeVar("Rendered")

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
        return camera.decompress(self.jpeg)


def render(seed: int, index: int, style: Style = DEFAULT) -> RenderedImage:
    """Render an image.

    The same seed, index and style give the same image, in any order and any process.

    Args:
        seed: seed of the data set, a non-negative integer.
        index: index of the image, a non-negative integer.
        style: the statistics that images follow, for example one of `styles.STYLES`.
    """
    render_scene = render_object_scene if isinstance(style, ObjectStyle) else render_street_scene
    with reproducible_rng(seed, index) as rng:
        scene = render_scene(rng, style)
        image = camera.photograph(scene.image, scene.digit_height, rng)
        return RenderedImage(camera.compress(image, rng), scene.label, scene.boxes)


@contextlib.contextmanager
def reproducible_rng(seed: int, index: int) -> Iterator[Rng]:
    """The random number generator of an image, while OpenCV does not use Intel IPP.

    Without IPP it is not slower for small images, and one source of different rounding is removed.

    Raises:
        ValueError: if the seed or the index is negative.
    """
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index must be at least 0. Received: {seed=}, {index=}")
    enabled = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        yield Rng(seed, index)
    finally:
        cv2.ipp.setUseIPP(enabled)


def render_many(
    seed: int, count: int, style: Style = DEFAULT, workers: int | None = None
) -> Iterator[RenderedImage]:
    """Render images 0 to count - 1 of a seed, as `map_indices` does with `render`.

    Args:
        seed: seed of the data set.
        count: number of images.
        style: the statistics that images follow.
        workers: number of processes.
    """
    return map_indices(functools.partial(render, seed, style=style), count, workers)


def map_indices(
    render_index: Callable[[int], Rendered], count: int, workers: int | None = None
) -> Iterator[Rendered]:
    """Call a function of an index for 0 to count - 1; the number of workers has no effect.

    Args:
        render_index: a function that can be pickled.
        count: number of calls.
        workers: number of processes; defaults to the number of processors. 1 renders in this
            process.

    Yields:
        What the function returns, in order.

    Raises:
        ModuleNotFoundError: if a font package is not installed; the message names it.
    """
    families()  # raises here rather than in a worker if a font package is missing
    workers = min(workers or os.cpu_count() or 1, -(-count // _CHUNK))
    rendered = 0
    if workers > 1:
        # Spawned, not forked: this process may run TensorFlow's threads.
        context = multiprocessing.get_context("spawn")
        try:
            with ProcessPoolExecutor(workers, context, initializer=_start_worker) as pool:
                for image in pool.map(render_index, range(count), chunksize=_CHUNK):
                    yield image
                    rendered += 1
        except BrokenProcessPool:
            # A script without `if __name__ == "__main__"`, or a worker that was killed.
            last = count - 1
            log.warning("A worker ended early: images %d to %d are rendered here", rendered, last)
    yield from map(render_index, range(rendered, count))


def _start_worker() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)  # the processes already use all processors
    cv2.ipp.setUseIPP(False)
    families()
    textures()
    gc.freeze()  # the garbage collector need not traverse these again


def _end_with_parent() -> None:
    """End this worker when its parent was killed; it would wait for images forever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def write_folder(folder: str | os.PathLike, images: Iterable[RenderedImage]) -> None:
    """Write images as a folder that `datasets.load` takes; `labels.csv` is written last.

    Args:
        folder: folder to write to; it is created.
        images: images to write.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [("file", "label", "boxes")]
    for index, image in enumerate(images):
        name = f"{index:06d}.jpg"
        (folder / name).write_bytes(image.jpeg)
        boxes = ";".join(" ".join(f"{edge:.1f}" for edge in box) for box in image.boxes)
        rows.append((name, image.label, boxes))
    write_csv(folder / "labels.csv", rows)
