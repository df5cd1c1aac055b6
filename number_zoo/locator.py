"""Find the numbers in an image of any size: boxes, scores and orientation.

The graph of a locator takes an image of any size and returns the boxes of at most a hundred
numbers. It runs on three scales of each image: an overview, a detail pass and a coarse pass.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from number_zoo import files, names, published
from number_zoo.boxes import intersection_over_union, suppress

MIN_OVERVIEW, OVERVIEW, MAX_ENLARGEMENT = 256, 640, 4.0
"""Range of the long side of the overview in pixels, and the maximum factor of enlargement."""

DETAIL, DETAIL_ENLARGEMENT = 2048, 1.5
"""Maximum long side of the detail pass in pixels, and the maximum factor of enlargement. A number
that is 20 pixels high in an image of 12 megapixels (4000 x 3000) is 10 pixels high there. Of the
numbers of 250 validation scenes with sides below 512 pixels, both passes together find 95.6 %, the
overview alone 91.8 %. Images more elongated than 16:9 have the same number of pixels as a 16:9
image, and therefore a longer side."""

MAX_DETAIL_SIZE = 0.4 * OVERVIEW
"""Numbers whose shorter side is longer in the detail pass, in pixels, are taken from the
overview."""

COARSE, MIN_COARSE_LENGTH = 0.5, 125
"""Scale of the coarse pass relative to the overview, and the minimum longer side of its numbers, in
pixels of that pass; shorter ones are left to the other passes. The longer a number is in the
overview, the more often only parts of it are located there: of a meter, of widely spaced digits, or
of a number that fills the image."""

LARGE = 1_000_000
"""Pixels from which on detail passes run one at a time, since each needs up to 200 MB."""

MIN_SCORE = 0.3
"""Locations of a lower score are not read. The value is low because the reader rejects most false
positives."""

MAX_IOU = 0.4
"""IoU above which the box with the lower score is suppressed."""

Backend = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
"""Runs a locator: from `images`, uint8 (1, height, width, 3), to `boxes` (1, k, 4), left, top,
right and bottom in pixels of the image, `scores` (1, k) and `turns` (1, k)."""


@dataclass(frozen=True)
class Locations:
    """Locations of the numbers of an image.

    Attributes:
        boxes: float32 (n, 4), left, top, right and bottom in pixels.
        scores: float32 (n,), in [0, 1], descending.
        turns: int (n,), counter-clockwise quarter turns that make each number upright.
    """

    boxes: np.ndarray
    scores: np.ndarray
    turns: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def concatenate(cls, locations: Sequence[Locations]) -> Locations:
        """Join several sets of locations, at least one."""
        values = ((located.boxes, located.scores, located.turns) for located in locations)
        return cls(*map(np.concatenate, zip(*values, strict=True)))

    def take(self, indices: np.ndarray) -> Locations:
        """Select locations by their indices or a mask."""
        return Locations(self.boxes[indices], self.scores[indices], self.turns[indices])


class Locator:
    """A model that finds the boxes of all numbers in an image.

    Args:
        weights: name of published weights (`list_weights("locate")`), or path of a file that
            `export.py --format onnx` wrote for a locator. Defaults to
            `published.DEFAULT_LOCATOR`.
        threads: number of threads that compute one image.

    Attributes:
        name: name of the weights; for a file its stem.
        metadata: metadata of the file, see `session.METADATA`.

    Raises:
        ValueError: if there are no such weights, or the file is not the graph of a locator.
    """

    def __init__(self, weights: str | Path | None = None, threads: int = 1):
        from number_zoo.session import Session

        session = Session(weights or published.DEFAULT_LOCATOR, threads, "locate")
        self.name, self.metadata = session.name, session.metadata
        self._backend: Backend = session

    def locate(self, image: np.ndarray, min_score: float = MIN_SCORE) -> Locations:
        """Find the numbers in an image.

        Args:
            image: uint8 (height, width, 3), RGB.
            min_score: minimum score of the returned locations.
        """
        height, width = image.shape[:2]
        overview, detail = scales(width, height)
        source = Image.fromarray(image)
        scaled = _resize(source, width * detail, height * detail)
        is_large = scaled.width * scaled.height > LARGE
        with _large_pass(os.getpid()) if is_large else contextlib.nullcontext():
            passes = [self._run(scaled, width, height, MAX_DETAIL_SIZE)]
        source = scaled if detail < 1 else source
        scaled = _resize(source, width * overview, height * overview)
        passes.append(self._run(scaled, width, height))
        scaled = _resize(source, width * overview * COARSE, height * overview * COARSE)
        passes.append(self._run(scaled, width, height, least=MIN_COARSE_LENGTH))
        located = Locations.concatenate(passes)
        located = located.take(located.scores >= min_score)
        overlaps = intersection_over_union(located.boxes) > MAX_IOU
        return located.take(suppress(overlaps, located.scores))

    def _run(
        self,
        scaled: Image.Image,
        width: int,
        height: int,
        most: float = np.inf,
        least: float = 0.0,
    ) -> Locations:
        """One pass over an image; boxes are in pixels of the whole image.

        Args:
            scaled: the image, resized to the scale of the pass.
            width, height: of the image in pixels.
            most: maximum shorter side of a box, in pixels of `scaled`.
            least: minimum longer side of a box, in pixels of `scaled`.
        """
        outputs = self._backend({names.IMAGES: np.asarray(scaled)[None]})
        boxes = np.clip(outputs[names.BOXES][0], 0, np.float32([scaled.width, scaled.height] * 2))
        sizes = boxes[:, 2:] - boxes[:, :2]
        shorter, longer = sizes.min(axis=1), sizes.max(axis=1)
        used = (shorter > 0) & (shorter <= most) & (longer >= least)
        factors = np.float32([width / scaled.width, height / scaled.height] * 2)
        scores, turns = outputs[names.SCORES][0], outputs[names.TURNS][0]
        return Locations(boxes * factors, scores, turns.astype(int)).take(used)


@functools.cache
def _large_pass(_process: int) -> threading.Lock:
    """The lock of large detail passes; in a forked process nobody would release its parent's."""
    return threading.Lock()


def scales(width: int, height: int) -> tuple[float, float]:
    """Factors by which an image is resized for the overview and for the detail pass."""
    side = max(width, height)
    enlargement = max(1.0, min(MAX_ENLARGEMENT, MIN_OVERVIEW / side))
    # As many pixels as an image of 16:9 with that long side.
    elongated = (DETAIL * DETAIL * 9 / 16 / (width * height)) ** 0.5
    detail = min(DETAIL_ENLARGEMENT * enlargement, max(DETAIL / side, elongated))
    return min(enlargement, OVERVIEW / side), detail


def _resize(image: Image.Image, width: float, height: float) -> Image.Image:
    size = max(1, round(width)), max(1, round(height))
    if size == image.size:
        return image
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def open_locator(weights: str | Path | None = None, threads: int = 1) -> Locator:
    """Open a locator for weights of any kind; the most recently used ones stay loaded, until their
    file is written again.

    Args:
        weights: as for `Locator`; or a run folder or a `.keras` file, which are read with Keras,
            where the project's training requirements are installed.
        threads: as for `Locator`; has no effect with Keras.

    Raises:
        ValueError: if there are no such weights, or Keras or the project is not installed.
    """
    weights = weights or published.DEFAULT_LOCATOR
    return _opened(weights, threads, files.state(weights))


@functools.lru_cache(maxsize=2)
def _opened(weights: str | Path, threads: int, _state: tuple[int, int] | None) -> Locator:
    from number_zoo.session import keras_class

    with_keras = keras_class(weights, "inference.locator", "Locator")
    return with_keras(weights) if with_keras else Locator(weights, threads)
