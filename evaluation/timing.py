"""Latency and throughput of readers.

The readers alternate, so that other load on the machine affects all of them equally and the
comparison is valid even if the absolute times are not.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from number_zoo.files import batches
from number_zoo.predictions import Predict

BATCH = 64
WARM_UP, ROUNDS, BATCHES = 5, 40, 3


def time_readers(
    readers: Mapping[str, Predict], images: Mapping[Any, np.ndarray]
) -> dict[str, dict[str, Any]]:
    """Time readers on the same decoded images, one at a time and in batches.

    Args:
        readers: functions that read images, by name.
        images: uint8 arrays (height, width, 3), repeated where there are fewer than needed; few of
            them are in memory at the same time.

    Returns:
        For each reader `latency_ms` (median of single images), `latency_ms_95` (95th percentile),
        `images_per_second` in batches of `BATCH`, or of as many large images as predict.py reads at
        a time, and `threads`, the number of threads that compute an operation in TensorFlow. The
        times include crops, resizing and all glimpses, but not decoding.
    """
    import tensorflow as tf

    threads = tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1
    batch = next(batches((images[key] for key in itertools.cycle(images)), BATCH))
    of_batches = _seconds(readers, [batch] * (1 + BATCHES), warm_up=1)
    turns = itertools.islice(itertools.cycle(images), WARM_UP + ROUNDS)
    singles = ([images[key]] for key in turns)
    return {
        name: {
            "latency_ms": 1000 * float(np.median(seconds)),
            "latency_ms_95": 1000 * float(np.quantile(seconds, 0.95)),
            "images_per_second": len(batch) / float(np.median(of_batches[name])),
            "threads": threads,
        }
        for name, seconds in _seconds(readers, singles, WARM_UP).items()
    }


def _seconds(readers, calls: Iterable[Sequence[np.ndarray]], warm_up: int) -> dict[str, list]:
    """Seconds of each call for each reader, after `warm_up` calls."""
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for images in calls:
        for name, predict in readers.items():
            started = time.perf_counter()
            predict(images)
            seconds[name].append(time.perf_counter() - started)
    return {name: values[warm_up:] for name, values in seconds.items()}
