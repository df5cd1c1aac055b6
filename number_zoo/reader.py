"""Read numbers in images of any size."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, overload

import numpy as np
from PIL import Image

from number_zoo import files, names, published
from number_zoo.all_numbers import read_every
from number_zoo.any_turn import read_any_turn
from number_zoo.images import is_encoded, to_array
from number_zoo.lexicon import Lexicon, as_lexicon
from number_zoo.locator import Locations, Locator, open_locator
from number_zoo.predictions import Predictions, Reading

BATCH, BATCH_PIXELS = 8, 4_000_000
"""Maximum numbers of images and of pixels, with padding, in a batch; a single image may have more
pixels. Larger batches are not faster in ONNX Runtime on a CPU, and need more memory."""

MAX_PIXELS = 4_000_000
"""Images with more pixels are reduced by an integer factor, which bounds the memory of the graph
(in float32). A hundredth of the area of such an image still has more pixels than the input of any
model."""

Backend = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
"""Runs the inference graph on one padded batch: from the inputs to the outputs of
`inference.graph.ReadNumbers`, by name."""

Source = np.ndarray | str | os.PathLike | bytes | Any
"""An image: a uint8 or float array, a path, the bytes of a file, an open file, or a PIL image."""

Numbers = Lexicon | Iterable[str]
"""The numbers of a lexicon; those of a `Lexicon` are prepared once for several calls."""


class Reader:
    """A trained model with its inference graph, for images of any size.

    Args:
        weights: name of published weights (`list_weights`), or path of a file that
            `export.py --format onnx` wrote. Defaults to `published.DEFAULT_WEIGHTS`.
        threads: number of batches that are computed, and of images that are decoded, in parallel.
            Defaults to the number of CPU cores that the process may use.
        batch_threads: number of threads that compute one batch.
        locator: weights of the locator, which finds all numbers and small ones, as for
            `locator.open_locator`. Defaults to `published.DEFAULT_LOCATOR`, which is opened on
            first use.

    Attributes:
        name: name of the weights; for a file its stem.
        path: the file.
        metadata: metadata of the file, see `session.METADATA`.

    Raises:
        ValueError: if there are no such weights, the file is not the graph of a reader or that of
            `locator` of a locator, or `threads` or `batch_threads` is less than one.
    """

    batch, batch_pixels = BATCH, BATCH_PIXELS

    def __init__(
        self,
        weights: str | Path | None = None,
        threads: int | None = None,
        batch_threads: int = 1,
        locator: str | Path | None = None,
    ):
        from number_zoo.session import Session

        for name, value in (("threads", threads), ("batch_threads", batch_threads)):
            if value is not None and value < 1:
                raise ValueError(f"{name} is 1 or more. Received: {value}")
        weights = published.DEFAULT_WEIGHTS if weights is None else weights
        session = Session(weights, batch_threads)
        self.name, self.path, self.metadata = session.name, session.path, session.metadata
        threads = threads or available_cores()
        self._start(session, threads, locator, max(threads, batch_threads))

    def _start(
        self,
        backend: Backend,
        threads: int,
        locator: str | Path | None = None,
        locator_threads: int = 1,
    ) -> None:
        self.threads, self._backend = threads, backend
        self._locator_arguments = locator, locator_threads
        if locator is not None:
            _ = self.locator  # now, so that an error is not reported in the middle of a folder

    @functools.cached_property
    def locator(self) -> Locator:
        """The locator, which stays open even if its file is replaced, as the weights do."""
        return open_locator(*self._locator_arguments)

    @overload
    def read(self, images: Source, lexicon: Numbers | None = None) -> Reading: ...
    @overload
    def read(self, images: Iterable[Source], lexicon: Numbers | None = None) -> list[Reading]: ...
    def read(self, images, lexicon=None):
        """Read the number in an image, or in each of several.

        If no number is read in the image as it is, or only an uncertain one, a locator finds small
        numbers, which are read at full resolution. If there is still no number, the image is read
        in the other three quarter turns: photos on their side or upside down can be read.

        Args:
            images: a path, the bytes of an image file, an open binary file, a PIL image, an array
                (height, width) or (height, width, 3), RGB, uint8 or float in [0, 255]; or a list of
                or another iterable of these. Only a few files are decoded at a time.
            lexicon: the only numbers to read, strings of digits; an image with another number is
                read as one without a number, see `Lexicon.restrict`.

        Returns:
            A reading; for an iterable a list of readings, one for each image, in order.

        Raises:
            ValueError, TypeError: if a file, an array or a value is not an image, or `lexicon` is
                no lexicon of numbers that the reader can read.
            OSError: if a file is missing or cannot be opened.
        """
        lexicon = as_lexicon(lexicon)
        return self._for_each(
            images, lambda group: self.predict_any_turn(group, lexicon=lexicon).readings()
        )

    @overload
    def read_all(self, images: Source, lexicon: Numbers | None = None) -> list[Reading]: ...
    @overload
    def read_all(
        self, images: Iterable[Source], lexicon: Numbers | None = None
    ) -> list[list[Reading]]: ...
    def read_all(self, images, lexicon=None):
        """Read all numbers in an image, or in each of several.

        A locator finds the numbers; each is read from a crop of the image at full resolution,
        turned upright. If none is read, the whole image is read: a number may fill it.

        Args:
            images: as for `read`.
            lexicon: as for `read`; other numbers are left out.

        Returns:
            The readings of the image in reading order: lines from top to bottom, each from left to
            right. For an iterable, a list of such lists, one for each image.

        Raises:
            ValueError: if there are no such weights of a locator, or as for `read`.
            TypeError, OSError: as for `read`.
        """
        lexicon = as_lexicon(lexicon)

        def read_group(group: Sequence[np.ndarray]) -> list[list[Reading]]:
            return [numbers.readings() for numbers in self.predict_all(group, lexicon=lexicon)]

        return self._for_each(images, read_group)

    def predict_all(
        self,
        images: Sequence[Source],
        locations: Sequence[Locations] | None = None,
        lexicon: Numbers | None = None,
    ) -> list[Predictions]:
        """Run the inference graph on each number in each image.

        Args:
            images: as for `read`; all are in memory at the same time.
            locations: locations of the numbers in each image. Defaults to those that the locator
                finds.
            lexicon: as for `read_all`.

        Returns:
            The predictions of each image, a row for each number in reading order, see
            `all_numbers.read_every`.
        """
        arrays = self._decode(_several(images))
        if locations is None:
            locations = list(map(self._locate, arrays))
        return read_every(arrays, locations, self.predict, as_lexicon(lexicon))

    def predict(
        self, images: Sequence[Source], crops: Sequence[np.ndarray | None] | None = None
    ) -> Predictions:
        """Run the inference graph on each image.

        Args:
            images: as for `read`; at least one.
            crops: for each image the first glimpse (left, top, right, bottom in pixels;
                `boxes.crop_around` returns it for a box), or None for the whole image. With a crop,
                the quarters are not read.
        """
        images = _several(images, 1)
        crops = _checked(crops, len(images))
        arrays, factors, sizes = zip(*self._decode(images, _load), strict=True)
        first = [crop if crop is None else crop / f for crop, f in zip(crops, factors, strict=True)]

        def predict_batch(batch: list[int]) -> Predictions:
            return self._predict_batch([arrays[i] for i in batch], [first[i] for i in batch])

        batches = self._batches(arrays)
        predictions = Predictions.concatenate(self._map(predict_batch, batches))
        predictions = predictions.take(np.argsort(np.concatenate(batches)))
        for name in {names.BOX, names.CROP} & predictions.arrays.keys():
            edges = predictions.arrays[name] * np.float32(factors)[:, None]
            # The last row and column of a reduced image may reach beyond the image.
            predictions.arrays[name] = np.minimum(edges, np.tile(np.float32(sizes), 2))
        return predictions

    def predict_any_turn(
        self,
        images: Sequence[Source],
        crops: Sequence[np.ndarray | None] | None = None,
        lexicon: Numbers | None = None,
    ) -> Predictions:
        """Run the inference graph on each image, and if no number is read, also on crops of small
        numbers and in all quarter turns.

        Args:
            images: as for `read`, at least one; all are in memory at the same time.
            crops: as for `predict`; with a crop, small numbers are not located.
            lexicon: as for `read`.

        Returns:
            The predictions, with `turns`. If no number is read in an image as it is, or one with a
            confidence below `smoothed.SURE`, the prediction is that of the largest small number
            (`small_numbers.read_small`). If there is none, and no number in the image as it is, it
            is the most confident reading in another turn, if the confidence of that reading is at
            least `any_turn.MIN_TURNED` and no turn gives a different number with a confidence
            of `any_turn.MIN_RIVAL` or more.
        """
        images = _several(images, 1)
        crops = _checked(crops, len(images))
        arrays = self._decode(images)
        return read_any_turn(arrays, crops, self.predict, self._locate, as_lexicon(lexicon))

    def _locate(self, image: np.ndarray) -> Locations:
        return self.locator.locate(image)

    def _for_each(self, images, function: Callable[[Sequence[Source]], list]):
        """Apply a function of several images: its only result for one image, a list for an
        iterable."""
        if _is_one(images):
            return function([images])[0]
        if not isinstance(images, Iterable):
            to_array(images)  # raises the error that describes valid images
        results = []
        for group in files.batches(images):
            results += function(self._decode(group, start=len(results)))
        return results

    def _decode(
        self, images: Sequence[Source], function: Callable = to_array, start: int = 0
    ) -> list:
        """Apply a function to images; an error has a note with the image's index, from `start`.

        An object that is given several times is decoded once, since threads that read the same open
        file would change each other's position in it.
        """
        distinct: dict[int, tuple[int, Source]] = {}
        for index, image in enumerate(images, start):
            distinct.setdefault(id(image), (index, image))
        decoded = self._map(functools.partial(_numbered, function), list(distinct.values()))
        results = dict(zip(distinct, decoded, strict=True))
        return [results[id(image)] for image in images]

    def _map(self, function: Callable, values: Sequence) -> list:
        if self.threads == 1 or len(values) == 1:
            return list(map(function, values))
        return list(_pool(self.threads, os.getpid()).map(function, values))

    def _batches(self, images: Sequence[np.ndarray]) -> list[list[int]]:
        """Indices of images in batches of similar sizes, so that there is little padding, and
        enough batches for all threads."""
        most = min(self.batch, -(-len(images) // self.threads))
        batches, batch = [], []
        for index in sorted(range(len(images)), key=lambda index: images[index].size):
            shapes = np.array([images[other].shape[:2] for other in (*batch, index)])
            pixels = len(shapes) * shapes.max(axis=0).prod()
            if batch and (len(batch) == most or pixels > self.batch_pixels):
                batches.append(batch)
                batch = []
            batch.append(index)
        return [*batches, batch]

    def _predict_batch(self, images: Sequence[np.ndarray], crops) -> Predictions:
        heights, widths = zip(*(image.shape[:2] for image in images), strict=True)
        padded = images[0][None]  # without a copy for a single image
        if len(images) > 1:
            padded = np.zeros((len(images), max(heights), max(widths), 3), np.uint8)
            for row, image in zip(padded, images, strict=True):
                row[: image.shape[0], : image.shape[1]] = image
        inputs = {
            names.IMAGES: padded,
            names.CROPS: np.float32([np.zeros(4) if crop is None else crop for crop in crops]),
            names.IMAGE_SIZES: np.float32([widths, heights]).T,
        }
        return Predictions(self._backend(inputs))


@functools.lru_cache
def _pool(threads: int, _process: int) -> ThreadPoolExecutor:
    """Threads of all readers in a process; one that is forked has none of those of its parent."""
    return ThreadPoolExecutor(threads, "reader")


def _is_one(images) -> bool:
    """Whether this is an image, and not several."""
    is_array = isinstance(images, np.ndarray) and images.ndim < 4
    return is_array or is_encoded(images) or isinstance(images, Image.Image)


def _numbered(function: Callable, numbered: tuple[int, Source]) -> Any:
    """Apply a function to an image; an error has a note with the image's index in the list."""
    index, image = numbered
    try:
        return function(image)
    except (ValueError, TypeError, OSError) as error:
        error.add_note(f"The image is number {index}, counted from 0.")
        raise


def _several(images: Iterable[Source], least: int = 0) -> list[Source]:
    """Images as a list; of one image, rows or characters would be taken for images."""
    if _is_one(images):
        raise TypeError(f"images are a list of images. Received: one, {type(images).__name__}")
    images = list(images)
    if len(images) < least:
        raise ValueError("images are a list of at least one image. Received: an empty list")
    return images


def _checked(crops: Sequence | None, count: int) -> list[np.ndarray | None]:
    """A crop or None for each of `count` images."""
    if crops is None:
        return [None] * count
    crops = [None if crop is None else np.asarray(crop, np.float32) for crop in crops]
    given = [crop for crop in crops if crop is not None]
    if len(crops) != count or any(c.shape != (4,) or not np.isfinite(c).all() for c in given):
        raise ValueError(
            f"crops have left, top, right and bottom in pixels, or None, for each of {count} "
            f"images. Received: {crops}"
        )
    return crops


def _load(source: Source) -> tuple[np.ndarray, int, tuple[int, int]]:
    """The image as an array of at most about `MAX_PIXELS`, the factor of its reduction, and its
    width and height before that."""
    image = to_array(source)
    return *reduce_large(image), image.shape[1::-1]


def reduce_large(image: np.ndarray) -> tuple[np.ndarray, int]:
    """Reduce an image (height, width, 3) to at most about `MAX_PIXELS`; returns the factor too."""
    factor = math.ceil(math.sqrt(image.shape[0] * image.shape[1] / MAX_PIXELS))
    return np.asarray(Image.fromarray(image).reduce(factor)) if factor > 1 else image, factor


def available_cores() -> int:
    """Number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.lru_cache(maxsize=2)
def _opened(weights: str | Path | None, locator: str | Path | None, _states: tuple) -> Reader:
    return Reader(weights, locator=locator)


def _reader(weights: str | Path | None, locator: str | Path | None = None) -> Reader:
    """A recent reader, unless one of its files was written again."""
    given = filter(None, (weights, locator))
    return _opened(weights, locator, tuple(map(files.state, given)))


@overload
def read(
    images: Source, weights: str | Path | None = None, lexicon: Numbers | None = None
) -> Reading: ...
@overload
def read(
    images: Iterable[Source], weights: str | Path | None = None, lexicon: Numbers | None = None
) -> list[Reading]: ...
def read(images, weights=None, lexicon=None):
    """Read the most likely number in an image, or in each of several; recent readers stay loaded.

    Args:
        images: as for `Reader.read`.
        weights: as for `Reader`.
        lexicon: as for `Reader.read`.
    """
    return _reader(weights).read(images, lexicon)


@overload
def read_all(
    images: Source,
    weights: str | Path | None = None,
    locator: str | Path | None = None,
    lexicon: Numbers | None = None,
) -> list[Reading]: ...
@overload
def read_all(
    images: Iterable[Source],
    weights: str | Path | None = None,
    locator: str | Path | None = None,
    lexicon: Numbers | None = None,
) -> list[list[Reading]]: ...
def read_all(images, weights=None, locator=None, lexicon=None):
    """Read all numbers in an image, or in each of several; recent readers stay loaded.

    Args:
        images: as for `Reader.read_all`.
        weights: as for `Reader`.
        locator: as for `Reader`.
        lexicon: as for `Reader.read_all`.
    """
    return _reader(weights, locator).read_all(images, lexicon)


def open_reader(
    weights: str | Path | None = None,
    threads: int | None = None,
    batch_threads: int = 1,
    locator: str | Path | None = None,
) -> Reader:
    """Open a reader for weights of any kind.

    Args:
        weights: as for `Reader`; or a run folder or a `.keras` file, which are read with Keras,
            where the project's training requirements are installed.
        threads: as for `Reader`; has no effect with Keras.
        batch_threads: as for `Reader`.
        locator: as for `Reader`, or a run folder or a `.keras` file of a locator.

    Raises:
        ValueError: if there are no such weights, or Keras or the project is not installed.
    """
    from number_zoo.session import keras_class

    weights = weights or published.DEFAULT_WEIGHTS
    with_keras = keras_class(weights, "inference.reader", "Reader")
    if with_keras is not None:
        return with_keras(weights, locator=locator)
    return Reader(weights, threads, batch_threads, locator)
