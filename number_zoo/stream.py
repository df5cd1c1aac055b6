"""Read many images in bounded memory: one batch is decoded while another is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from number_zoo.files import batches, is_folder
from number_zoo.images import decode_image
from number_zoo.lexicon import Lexicon
from number_zoo.predictions import Reading
from number_zoo.reader import Reader, available_cores

Result = tuple[str, Reading | list[Reading] | None, BaseException | None]
"""A file, its reading or the readings of all its numbers, and the error if decoding failed."""


def read_files(
    files: Iterable[str],
    open_reader: Callable[[], Reader],
    threads: int | None = None,
    done: Callable[[str, np.ndarray, Reading | list[Reading]], None] | None = None,
    all_numbers: bool = False,
    lexicon: Lexicon | None = None,
) -> Iterator[Result]:
    """Read image files in batches; the next batch is decoded while the model reads the current one.

    Args:
        files: paths, or "-" for standard input.
        open_reader: opens the reader; called after the first image is decoded, so that a missing
            file is reported without waiting for the model.
        threads: number of images that are decoded in parallel. Defaults to the available CPU cores.
        done: callback with each file, its image and its reading or readings, in another thread.
        all_numbers: whether to read all numbers in each image (`Reader.read_all`).
        lexicon: the only numbers to read; None for any.

    Yields:
        A result for each file, in order.
    """
    pool = ThreadPoolExecutor(threads or available_cores(), "decoder")
    groups = batches(files)

    def decode_next() -> list[tuple[str, Future]]:
        return [(file, _decode(pool, file)) for file in next(groups, [])]

    try:
        following, reader = decode_next(), None
        while batch := following:
            following = decode_next()
            images = {file: future.result() for file, future in batch if not future.exception()}
            if reader is None and images:
                reader = open_reader()
            read = reader and (reader.read_all if all_numbers else reader.read)
            results = read(list(images.values()), lexicon) if images else []
            readings = dict(zip(images, results, strict=True))
            calls = [
                pool.submit(done, file, images[file], reading)
                for file, reading in readings.items()
                if done
            ]
            for call in calls:
                call.result()
            for file, future in batch:
                yield file, readings.get(file), future.exception()
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(pool: ThreadPoolExecutor, file: str) -> Future:
    if file == "-":  # read here, since a thread that waits for input cannot be stopped
        return pool.submit(decode_image, sys.stdin.buffer.read(), name="standard input")
    if is_folder(file):
        return pool.submit(os.listdir, file)  # raises the error of the folder
    return pool.submit(decode_image, file)
