"""Read many images: the next ones are decoded while these are read, in bounded memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from number_zoo.files import batches, is_folder
from number_zoo.images import decode_image
from number_zoo.predictions import Reading
from number_zoo.reader import Reader, available_cores

Result = tuple[str, Reading | list[Reading] | None, BaseException | None]
"""A file, its reading or those of all its numbers, and the error where it could not be decoded."""


def read_files(
    files: Iterable[str],
    open_reader: Callable[[], Reader],
    threads: int | None = None,
    done: Callable[[str, np.ndarray, Reading | list[Reading]], None] | None = None,
    all_numbers: bool = False,
) -> Iterator[Result]:
    """Read image files in batches; the next batch is decoded while the model reads this one.

    Args:
        files: paths, or "-" for standard input.
        open_reader: opens the reader; called when a first image is decoded, so that a missing file
            is reported without waiting for it.
        threads: images that are decoded at the same time. Defaults to the available CPU cores.
        done: called in another thread with each file, its image and its reading or readings.
        all_numbers: whether to read all numbers in each image (`Reader.read_all`).

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
            results = read(list(images.values())) if images else []
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
    if file == "-":  # read here, for a thread that waits for input cannot be stopped
        return pool.submit(decode_image, sys.stdin.buffer.read(), name="standard input")
    if is_folder(file):
        return pool.submit(os.listdir, file)  # which fails, and says why
    return pool.submit(decode_image, file)
