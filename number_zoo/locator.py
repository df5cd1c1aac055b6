"""Find the numbers in an image of any size: boxes, scores, and which way is up.

The graph of a locator takes one image of any size and gives the boxes of at most a hundred numbers
in it. An image is given to it at two scales, as an overview and in detail.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from number_zoo import names, published
from number_zoo.boxes import MIN_CROP, crop_around, intersection_over_union, suppress, turn_box

MIN_OVERVIEW, OVERVIEW, MAX_ENLARGEMENT = 256, 640, 4.0
"""Range of the long side of the overview in pixels, and the most by which an image is enlarged."""

DETAIL, DETAIL_ENLARGEMENT = 2048, 1.5
"""Most pixels of the long side in the detail pass, and the most by which an image is enlarged for
it. A number of 20 pixels' height in 12 megapixels (4000 x 3000) has 10 there. Of the numbers of 250
validation scenes with sides below 512 pixels, both passes find 95.6 %, the overview 91.8 %. Images
more elongated than 16 : 9 have as many pixels there as one of 16 : 9, and so a longer side."""

MAX_DETAIL_SIZE = 0.4 * OVERVIEW
"""Numbers whose shorter side has more pixels in the detail pass are left to the overview."""

LARGE = 1_000_000
"""Pixels from which on detail passes take turns: their memory, up to 200 MB, is needed once."""

_LARGE_PASS = threading.Lock()

MAX_MARGIN = 0.5
"""Most that a crop goes beyond a box on each side, in shorter sides of the box."""

MIN_SCORE = 0.3
"""Locations of a lower score are not read. It is chosen low, since what is no number is mostly read
as none."""

MAX_IOU = 0.4
"""Of two boxes that overlap more the one of the higher score is kept."""

Backend = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
"""Runs a locator: from `images`, uint8 (1, height, width, 3), to `boxes` (1, k, 4), left, top,
right and bottom in pixels of it, `scores` (1, k) and `turns` (1, k)."""


@dataclass(frozen=True)
class Locations:
    """Where the numbers of an image are.

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
        """Join locations, those of at least one image."""
        values = ((located.boxes, located.scores, located.turns) for located in locations)
        return cls(*map(np.concatenate, zip(*values, strict=True)))

    def take(self, indices: np.ndarray) -> Locations:
        """Some of the locations, by their indices or a mask."""
        return Locations(self.boxes[indices], self.scores[indices], self.turns[indices])


@dataclass(frozen=True)
class UprightCrop:
    """The crop to read for a number, cut from the image and turned upright.

    Attributes:
        pixels: uint8 (height, width, 3), a view of the image.
        window: float32 (4,), the crop to read, in pixels of it; None for the whole of it.
        turn: counter-clockwise quarter turns that it was turned by.
        origin: left and top of the crop in the image.
    """

    pixels: np.ndarray
    window: np.ndarray | None
    turn: int
    origin: tuple[int, int]

    @classmethod
    def around(cls, image: np.ndarray, box: np.ndarray, turn: int) -> UprightCrop:
        """The crop around a box (`boxes.crop_around`), in whole pixels, and less to the sides of
        a long number, where another may be."""
        crop = crop_around(box, image.shape[1], image.shape[0])
        most = max(MAX_MARGIN * (box[2:] - box[:2]).min(), MIN_CROP / 2)
        crop = np.clip(crop, np.tile(box[:2] - most, 2), np.tile(box[2:] + most, 2))
        left, top = np.floor(crop[:2]).astype(int).tolist()
        right, bottom = np.ceil(crop[2:]).astype(int).tolist()
        pixels = image[top:bottom, left:right]
        window = turn_box(crop - np.float32([left, top] * 2), turn, right - left, bottom - top)
        return cls(np.rot90(pixels, turn), window, turn, (left, top))

    def in_image(self, box: np.ndarray) -> np.ndarray:
        """A box (4,) in pixels of the crop, in pixels of the image."""
        height, width = self.pixels.shape[:2]
        return turn_box(box, -self.turn, width, height) + np.float32(self.origin * 2)


class Locator:
    """A model that finds the boxes of all numbers in an image.

    Args:
        weights: name of published weights (`list_weights("locate")`), or path of a file that
            `export.py --format onnx` wrote for a locator. Defaults to
            `published.DEFAULT_LOCATOR`.
        threads: cores that compute one image.

    Attributes:
        name: name of the weights; for a file its stem.
        metadata: what the file says of itself, see `session.METADATA`.

    Raises:
        ValueError: if there are no such weights, or the file is not such a graph.
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
            min_score: least score of what is returned.
        """
        height, width = image.shape[:2]
        overview, detail = scales(width, height)
        source = Image.fromarray(image)
        scaled = _resize(source, width * detail, height * detail)
        is_large = scaled.width * scaled.height > LARGE
        with _LARGE_PASS if is_large else contextlib.nullcontext():
            passes = [self._run(scaled, width, height, MAX_DETAIL_SIZE)]
        source = scaled if detail < 1 else source
        scaled = _resize(source, width * overview, height * overview)
        passes.append(self._run(scaled, width, height))
        located = Locations.concatenate(passes)
        located = located.take(located.scores >= min_score)
        overlaps = intersection_over_union(located.boxes) > MAX_IOU
        return located.take(suppress(overlaps, located.scores))

    def _run(self, scaled: Image.Image, width: int, height: int, most: float = np.inf) -> Locations:
        """One pass over an image; boxes are in pixels of the whole image.

        Args:
            scaled: the image at the scale of the pass.
            width, height: of the image in pixels.
            most: largest shorter side of a box in pixels of `scaled`.
        """
        outputs = self._backend({names.IMAGES: np.asarray(scaled)[None]})
        boxes = np.clip(outputs[names.BOXES][0], 0, np.float32([scaled.width, scaled.height] * 2))
        sizes = (boxes[:, 2:] - boxes[:, :2]).min(axis=1)
        used = (sizes > 0) & (sizes <= most)
        factors = np.float32([width / scaled.width, height / scaled.height] * 2)
        scores, turns = outputs[names.SCORES][0], outputs[names.TURNS][0]
        return Locations(boxes * factors, scores, turns.astype(int)).take(used)


def scales(width: int, height: int) -> tuple[float, float]:
    """Factors by which an image is resized for the overview and for the detail pass."""
    side = max(width, height)
    enlargement = max(1.0, min(MAX_ENLARGEMENT, MIN_OVERVIEW / side))
    elongated = (DETAIL * DETAIL * 9 / 16 / (width * height)) ** 0.5
    detail = min(DETAIL_ENLARGEMENT * enlargement, max(DETAIL / side, elongated))
    return min(enlargement, OVERVIEW / side), detail


def _resize(image: Image.Image, width: float, height: float) -> Image.Image:
    size = max(1, round(width)), max(1, round(height))
    if size == image.size:
        return image
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


@functools.lru_cache(maxsize=2)
def open_locator(weights: str | Path | None = None, threads: int = 1) -> Locator:
    """A locator for weights of any kind; the last ones stay loaded, for all readers.

    Args:
        weights: as for `Locator`; or a run folder or a `.keras` file, which are read with Keras,
            where the project's training requirements are installed.
        threads: as for `Locator`; Keras has its own.

    Raises:
        ValueError: if there are no such weights, or Keras or the project is not installed.
    """
    from number_zoo.session import keras_class

    weights = weights or published.DEFAULT_LOCATOR
    with_keras = keras_class(weights, "inference.locator", "Locator")
    return with_keras(weights) if with_keras else Locator(weights, threads)
