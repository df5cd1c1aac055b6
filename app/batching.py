"""Dynamic batching: images of concurrent requests are read together.

A batch is what waits for a model when the previous batch is finished. A single image is read at
once; under load the batches grow, and the throughput with them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from app.answers import Reading
from app.problems import Refused
from app.readers import ModelReader, Task

log = logging.getLogger(__name__)

LARGEST = 32
"""Largest batch."""

STUCK = 60.0
"""Seconds after which a model that has not returned is reported as unhealthy."""

_MOST_SECONDS = 60.0


@dataclass(frozen=True)
class _Job:
    model: str
    task: Task
    answer: asyncio.Future[Reading]


class Batcher:
    """Reads tasks of many requests in batches, in one thread. Use it as a context manager.

    Args:
        readers: by name.
        queue: largest number of waiting tasks.
    """

    def __init__(self, readers: Mapping[str, ModelReader], queue: int):
        self._readers, self._most = readers, queue
        self._jobs: deque[_Job] = deque()
        self._arrived = asyncio.Event()
        self._seconds_each = 0.1
        self._begun: float | None = None

    async def __aenter__(self) -> Batcher:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._loop = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._loop
        self._thread.shutdown()

    @property
    def waiting(self) -> int:
        """Tasks that wait for a model."""
        return len(self._jobs)

    @property
    def stuck(self) -> bool:
        """Whether the model does not return, so that the process must be restarted."""
        begun = self._begun
        hangs = begun is not None and time.perf_counter() - begun > STUCK
        return hangs or self._loop.done()

    @property
    def seconds_to_wait(self) -> float:
        """Estimated seconds until the queue is empty, from recent batches."""
        return min(self._seconds_each * (len(self._jobs) + 1), _MOST_SECONDS)

    async def read(self, model: str, tasks: Sequence[Task]) -> list[Reading]:
        """Read images with a model, batched with the other waiting tasks.

        Raises:
            Refused: 503, if too many wait already.
        """
        if len(self._jobs) + len(tasks) > self._most:
            raise Refused(503, "Too many images are waiting: ask again later", self.seconds_to_wait)
        loop = asyncio.get_running_loop()
        jobs = [_Job(model, task, loop.create_future()) for task in tasks]
        self._jobs.extend(jobs)
        self._arrived.set()
        try:
            return await asyncio.gather(*(job.answer for job in jobs))
        finally:
            for job in jobs:  # a cancelled request leaves the queue
                job.answer.cancel()

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            batch = self._next_batch()
            if batch:
                self._begun = time.perf_counter()
                await self._read_batch(batch)
                self._begun = None
            else:
                self._arrived.clear()

    def _next_batch(self) -> list[_Job]:
        """Take the tasks of the model that has waited longest; the others keep their order."""
        batch, others = [], deque()
        while self._jobs and len(batch) < LARGEST:
            job = self._jobs.popleft()
            if job.answer.cancelled():
                continue
            if not batch or job.model == batch[0].model:
                batch.append(job)
            else:
                others.append(job)
        self._jobs.extendleft(reversed(others))
        return batch

    async def _read_batch(self, batch: list[_Job]) -> None:
        reader, started = self._readers[batch[0].model], time.perf_counter()
        in_thread = asyncio.get_running_loop().run_in_executor
        try:
            readings = await in_thread(self._thread, reader.read, [job.task for job in batch])
        except Exception as error:
            if len(batch) > 1:  # one image's failure must not fail the others
                for job in batch:
                    await self._read_batch([job])
            elif not batch[0].answer.done():
                batch[0].answer.set_exception(error)
            return
        for job, reading in zip(batch, readings, strict=True):
            if not job.answer.done():
                job.answer.set_result(reading)
        seconds = (time.perf_counter() - started) / len(batch)
        self._seconds_each += 0.2 * (seconds - self._seconds_each)
        log.debug("read %d images with %s", len(batch), reader.name)
