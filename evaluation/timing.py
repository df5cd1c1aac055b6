"""Latency and throughput of readers.

The readers take turns, so that other load on the machine affects all of them alike and the
comparison holds even where the milliseconds do not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

BATCH = 64
WARM_UP, ROUNDS, BATCHES = 5, 40, 3


class Predictor(Protocol):
    """An `inference.reader.Reader`, or anything else that reads images."""

    def predict(self, images: Sequence[np.ndarray]) -> object:
        """Read images, uint8 arrays (height, width, 3)."""


def time_readers(
    readers: Mapping[str, Predictor], images: Sequence[np.ndarray]
) -> dict[str, dict[str, Any]]:
    """Time readers on the same decoded images, one at a time and in batches.

    Args:
        readers: readers by name.
        images: uint8 arrays (height, width, 3), repeated where there are fewer than needed.

    Returns:
        For each reader `latency_ms` (median of single images), `latency_ms_95` (95th percentile),
        `images_per_second` in batches of `BATCH`, and `threads`. Decoding is not included; crops,
        resizing and all glimpses are.
    """
    batch = [images[index % len(images)] for index in range(BATCH)]
    seconds = _in_turns(readers, [batch] * (1 + BATCHES), warm_up=1)
    return {
        name: times
        | {"images_per_second": BATCH / float(np.median(seconds[name])), "threads": threads()}
        for name, times in time_singles(readers, images).items()
    }


def time_singles(
    readers: Mapping[str, Predictor], images: Sequence[np.ndarray]
) -> dict[str, dict[str, float]]:
    """`latency_ms` and `latency_ms_95` of each reader, as in `time_readers`."""
    calls = [[images[turn % len(images)]] for turn in range(WARM_UP + ROUNDS)]
    return {
        name: {
            "latency_ms": 1000 * float(np.median(seconds)),
            "latency_ms_95": 1000 * float(np.quantile(seconds, 0.95)),
        }
        for name, seconds in _in_turns(readers, calls, WARM_UP).items()
    }


def _in_turns(readers, calls: Sequence[Sequence[np.ndarray]], warm_up: int) -> dict[str, list]:
    """Seconds of each call for each reader, without the first ones."""
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for images in calls:
        for name, reader in readers.items():
            started = time.perf_counter()
            reader.predict(images)
            seconds[name].append(time.perf_counter() - started)
    return {name: values[warm_up:] for name, values in seconds.items()}


def threads() -> int:
    """Threads that TensorFlow computes an operation with."""
    import tensorflow as tf

    return tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1
