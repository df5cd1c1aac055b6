"""What reading costs: time for one image and images a second, models in turn.

The models take turns, round by round, so that whatever else the machine does in the meantime
falls on all of them alike and the comparison holds even where the milliseconds do not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from inference.reader import BATCH

WARM_UP, ROUNDS, BATCHES = 5, 40, 3


class Looks(Protocol):
    """A `reading.Reader`, or anything that is given images as it is."""

    def look(self, images: Sequence[np.ndarray]) -> object:
        """Look at images, uint8 arrays (height, width, 3)."""


def time_readers(
    readers: Mapping[str, Looks], images: Sequence[np.ndarray]
) -> dict[str, dict[str, Any]]:
    """Time several readers on the same decoded images.

    Args:
        readers: readers by name.
        images: uint8 arrays (height, width, 3); one is read at a time, then `BATCH` at once,
            going round where there are fewer.

    Returns:
        For each reader `latency_ms` (median of single images), `latency_ms_95` (their 95th
        percentile), `images_per_second` in batches and `threads`. Decoding is not included,
        cutting, resizing and every look are.
    """
    batches: dict[str, list[float]] = {name: [] for name in readers}
    times = time_singles(readers, images)
    many = [images[index % len(images)] for index in range(BATCH)]
    for turn in range(1 + BATCHES):
        for name, reader in readers.items():
            seconds = _seconds(reader, many)
            if turn:
                batches[name].append(BATCH / seconds)
    return {
        name: times[name]
        | {"images_per_second": float(np.median(batches[name])), "threads": threads()}
        for name in readers
    }


def time_singles(
    readers: Mapping[str, Looks], images: Sequence[np.ndarray]
) -> dict[str, dict[str, float]]:
    """Time several readers on the same decoded images, one at a time.

    Returns:
        For each reader `latency_ms` and `latency_ms_95`, as in `time_readers`.
    """
    singles: dict[str, list[float]] = {name: [] for name in readers}
    for turn in range(WARM_UP + ROUNDS):
        for name, reader in readers.items():
            seconds = _seconds(reader, [images[turn % len(images)]])
            if turn >= WARM_UP:
                singles[name].append(1000 * seconds)
    return {
        name: {
            "latency_ms": float(np.median(singles[name])),
            "latency_ms_95": float(np.quantile(singles[name], 0.95)),
        }
        for name in readers
    }


def threads() -> int:
    """How many threads the backend computes with."""
    import tensorflow as tf

    return tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1


def limit_threads(count: int) -> None:
    """Let TensorFlow compute with so many threads; before it has computed anything.

    Raises:
        ValueError: if the count is below 1, or TensorFlow has started already.
    """
    import tensorflow as tf

    if count < 1:
        raise ValueError(f"threads are 1 or more. Received: {count}")
    try:
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)
    except RuntimeError as error:
        raise ValueError(f"the number of threads cannot be changed any more: {error}") from error


def _seconds(reader: Looks, images: Sequence[np.ndarray]) -> float:
    started = time.perf_counter()
    reader.look(images)
    return time.perf_counter() - started
