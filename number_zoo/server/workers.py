"""Threads that read one image at a time: on a CPU, batches are not faster in ONNX Runtime."""

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
    """Threads that run jobs in the order of their arrival; a context manager.

    Args:
        threads: number of jobs that run at the same time.
        queue: maximum number of jobs that wait or run.

    Attributes:
        jobs: number of jobs that wait or run.
    """

    def __init__(self, threads: int, queue: int):
        self._threads, self._queue = threads, queue
        self._begun: dict[int, float] = {}  # start time by thread
        self._seconds_each = 0.1
        self.jobs = 0

    def __enter__(self) -> Workers:
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix=THREADS)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)  # the grace period of requests is over

    @property
    def stuck(self) -> bool:
        """Whether a job does not return, in which case the process must be restarted."""
        now = time.perf_counter()
        return any(now - begun > STUCK for begun in tuple(self._begun.values()))

    @property
    def seconds_to_wait(self) -> float:
        """Estimated seconds until all jobs are finished, from the times of recent jobs."""
        return min(self._seconds_each * (self.jobs + 1) / self._threads, _MOST_SECONDS)

    async def run(self, job: Callable[[], Result]) -> Result:
        """Run a job in a thread; a cancelled job leaves the queue.

        Raises:
            Refused: 503, if too many jobs are waiting.
        """
        if self.jobs >= self._queue:
            raise Refused(503, "Too many images are waiting: try again later", self.seconds_to_wait)
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
