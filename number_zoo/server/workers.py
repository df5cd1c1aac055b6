"""Threads that read images, one image each: ONNX Runtime on a CPU reads batches no faster."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from number_zoo.server.problems import Refused

STUCK = 60.0
"""Seconds after which an image that is still being read is reported as unhealthy."""

THREADS = "worker"
"""Prefix of the threads' names."""

_MOST_SECONDS = 60.0

Result = TypeVar("Result")


class Workers:
    """Threads that do jobs in the order they come. Use it as a context manager.

    Args:
        threads: jobs done at once.
        queue: most jobs that wait or are being done.

    Attributes:
        jobs: how many wait or are being done.
    """

    def __init__(self, threads: int, queue: int):
        self._threads, self._queue = threads, queue
        self._begun: dict[int, float] = {}  # by thread
        self._seconds_each = 0.1
        self.jobs = 0

    def __enter__(self) -> Workers:
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix=THREADS)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)  # requests have had their time

    @property
    def stuck(self) -> bool:
        """Whether a job does not return, so that the process must be restarted."""
        now = time.perf_counter()
        return any(now - begun > STUCK for begun in tuple(self._begun.values()))

    @property
    def seconds_to_wait(self) -> float:
        """Estimated seconds until all jobs are done, from recent ones."""
        return min(self._seconds_each * (self.jobs + 1) / self._threads, _MOST_SECONDS)

    async def run(self, job: Callable[[], Result]) -> Result:
        """Do a job in a thread; a cancelled one leaves the queue.

        Raises:
            Refused: 503, if too many wait already.
        """
        if self.jobs >= self._queue:
            raise Refused(503, "Too many images are waiting: ask again later", self.seconds_to_wait)
        self.jobs += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._time, job)
        finally:
            self.jobs -= 1

    def _time(self, job: Callable[[], Result]) -> Result:
        started = self._begun[threading.get_ident()] = time.perf_counter()
        try:
            return job()
        finally:
            del self._begun[threading.get_ident()]
            self._seconds_each += 0.2 * (time.perf_counter() - started - self._seconds_each)
