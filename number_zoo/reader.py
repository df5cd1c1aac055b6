"""Read numbers in images of any size."""

from __future__ import annotations

import functools
import importlib
import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, overload

import numpy as np
from PIL import Image

from number_zoo import files, names, published
from number_zoo.images import is_encoded, to_array
from number_zoo.predictions import Predictions, Reading

BATCH, BATCH_PIXELS = 8, 4_000_000
"""Most images of a batch, and most pixels of them with their padding; one image may have more.
Larger batches are not faster in ONNX Runtime on a CPU, and take more memory."""

MAX_PIXELS = 4_000_000
"""Larger images are reduced by a whole factor, which bounds the memory of the graph (in float32): a
hundredth of such an image still has more pixels than the input of any model."""

Backend = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
"""Runs the inference graph on one padded batch: the inputs and outputs of
`inference.graph.ReadNumbers` by name."""

Source = np.ndarray | str | os.PathLike | bytes | Any
"""An image: a uint8 or float array, a path, the bytes of a file, an open file, or a PIL image."""


class Reader:
    """A trained model with its inference graph, for images of any size.

    Args:
        weights: name of published weights (`list_weights`), or path of a file that
            `export.py --format onnx` wrote. Defaults to `published.DEFAULT_WEIGHTS`.
        threads: batches that are computed, and images that are decoded, at the same time. Defaults
            to the CPU cores that the process may use.
        batch_threads: cores that compute one batch.

    Attributes:
        name: name of the weights; for a file its stem.
        metadata: what the file says of itself, see `session.METADATA`.

    Raises:
        ValueError: if there are no such weights, the file is not such a graph, or `threads` is less
            than one.
    """

    batch, batch_pixels = BATCH, BATCH_PIXELS

    def __init__(
        self,
        weights: str | Path | None = None,
        threads: int | None = None,
        batch_threads: int = 1,
    ):
        from number_zoo.session import Session

        if threads is not None and threads < 1:
            raise ValueError(f"threads is 1 or more. Received: {threads}")
        weights = published.DEFAULT_WEIGHTS if weights is None else weights
        if str(weights) not in published.list_weights() and not Path(weights).is_file():
            known = names.unknown_name("weights", str(weights), published.list_weights())
            raise ValueError(f"{known}, or the path of an .onnx file")
        session = Session(weights, batch_threads)
        self.name, self.metadata = session.name, session.metadata
        self._start(session, threads or available_cores())

    def _start(self, backend: Backend, threads: int) -> None:
        self.threads, self._backend = threads, backend
        self._pool = ThreadPoolExecutor(threads, "reader") if threads > 1 else None

    @overload
    def read(self, images: Source) -> Reading: ...
    @overload
    def read(self, images: Iterable[Source]) -> list[Reading]: ...
    def read(self, images):
        """Read the number in an image, or in each of several.

        Args:
            images: a path, the bytes of an image file, an open binary file, a PIL image, an array
                (height, width) or (height, width, 3), RGB, uint8 or float in [0, 255]; or a list of
                such or another iterable. Few of its files are decoded at a time.

        Returns:
            A reading; for an iterable a list, one for each image, in order.

        Raises:
            ValueError, TypeError: if a file, an array or a value is not an image.
            OSError: if a file is missing or cannot be opened.
        """
        one = is_encoded(images) or isinstance(images, Image.Image)
        if one or (isinstance(images, np.ndarray) and images.ndim < 4):
            return self.predict([images]).readings()[0]
        if not isinstance(images, Iterable):
            to_array(images)  # says what an image is
        groups = files.batches(images)
        return [reading for group in groups for reading in self.predict(group).readings()]

    def predict(
        self, images: Sequence[Source], crops: Sequence[np.ndarray | None] | None = None
    ) -> Predictions:
        """Run the inference graph on each image.

        Args:
            images: as for `read`; at least one.
            crops: for each image the first glimpse (left, top, right, bottom in pixels;
                `boxes.crop_around` gives that for a box), or None for the whole image. Where a
                crop is given, the quarters are not read.
        """
        crops = [None] * len(images) if crops is None else crops
        arrays, factors = zip(*self._map(_load, images), strict=True)
        first = [crop if crop is None else crop / f for crop, f in zip(crops, factors, strict=True)]
        batches = self._batches(arrays)
        run = self._predict_batch
        predictions = Predictions.concatenate(
            self._map(lambda b: run([arrays[i] for i in b], [first[i] for i in b]), batches)
        )
        order = np.argsort(np.concatenate(batches))
        outputs = {name: values[order] for name, values in predictions.arrays.items()}
        for name in {names.BOX, names.CROP} & outputs.keys():
            outputs[name] *= np.float32(factors)[:, None]
        return Predictions(outputs)

    def _map(self, function: Callable, values: Sequence) -> list:
        if self._pool is None or len(values) == 1:
            return list(map(function, values))
        return list(self._pool.map(function, values))

    def _batches(self, images: Sequence[np.ndarray]) -> list[list[int]]:
        """Indices of images in batches of similar sizes, so that little is padded, and enough of
        them for all threads."""
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

    def _padded_size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def _predict_batch(self, images: Sequence[np.ndarray], crops) -> Predictions:
        heights, widths = zip(*(image.shape[:2] for image in images), strict=True)
        height, width = self._padded_size(max(heights), max(widths))
        padded = images[0][None]  # not copied where one image is all
        if padded.shape[:3] != (len(images), height, width):
            padded = np.zeros((len(images), height, width, 3), np.uint8)
            for row, image in zip(padded, images, strict=True):
                row[: image.shape[0], : image.shape[1]] = image
        inputs = {
            names.IMAGES: padded,
            names.CROPS: np.float32([np.zeros(4) if crop is None else crop for crop in crops]),
            names.IMAGE_SIZES: np.float32([widths, heights]).T,
        }
        return Predictions(self._backend(inputs))


def _load(source: Source) -> tuple[np.ndarray, int]:
    """The image as an array of at most about `MAX_PIXELS`, and the factor it is reduced by."""
    image = to_array(source)
    factor = math.ceil(math.sqrt(image.shape[0] * image.shape[1] / MAX_PIXELS))
    return (
        (image, 1) if factor == 1 else (np.asarray(Image.fromarray(image).reduce(factor)), factor)
    )


def available_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.lru_cache(maxsize=2)
def _reader(weights: str | None) -> Reader:
    return Reader(weights)


@overload
def read(images: Source, weights: str | Path | None = None) -> Reading: ...
@overload
def read(images: Iterable[Source], weights: str | Path | None = None) -> list[Reading]: ...
def read(images, weights=None):
    """Read the number in an image, or in each of several; the last readers used are kept.

    Args:
        images: as for `Reader.read`.
        weights: as for `Reader`.
    """
    return _reader(None if weights is None else str(weights)).read(images)


def open_reader(
    weights: str | Path | None = None, threads: int | None = None, batch_threads: int = 1
) -> Reader:
    """A reader for weights of any kind.

    Args:
        weights: as for `Reader`; or a run folder or a `.keras` file, which are read with Keras,
            where the project's training requirements are installed.
        threads: as for `Reader`; Keras has its own.
        batch_threads: as for `Reader`.

    Raises:
        ValueError: if there are no such weights, or Keras or the project is not installed.
    """
    path = Path(weights or published.DEFAULT_WEIGHTS)
    if str(path) in published.list_weights() or not (path.is_dir() or path.suffix == ".keras"):
        return Reader(weights, threads, batch_threads)
    try:
        importlib.import_module("artifacts.startup").quiet_tensorflow()
        return importlib.import_module("inference.reader").Reader(weights)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"runs and .keras files are read with Keras ({error}). Run python predict.py in the "
            "project's folder after pip install -r requirements.txt, or read an exported file: "
            f"python export.py {weights} --format onnx. Received: {weights}"
        ) from error
