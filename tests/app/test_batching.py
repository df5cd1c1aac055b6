"""Requests that come together are read together, and never too many wait."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from app.batching import LARGEST, Batcher
from app.problems import Refused
from app.readers import Task

POISON = 250


class Gated:
    """A reader that answers with the image's first value, once it may."""

    name = "gated"

    def __init__(self):
        self.batches, self.may = [], threading.Semaphore(0)

    def read(self, tasks):
        assert self.may.acquire(timeout=10)
        values = [int(task.image[0, 0, 0]) for task in tasks]
        self.batches.append(values)
        if POISON in values:
            raise RuntimeError("poison")
        return values


def task(value):
    return Task(np.full((2, 2, 3), value, np.uint8))


def run(scenario, queue=200, **readers):
    async def within():
        async with Batcher(readers, queue) as batcher:
            return await asyncio.wait_for(scenario(batcher), 20)

    return asyncio.run(within())


async def started(count, make):
    """Tasks for requests, each begun before the next."""
    requests = []
    for index in range(count):
        requests.append(asyncio.create_task(make(index)))
        await asyncio.sleep(0.01)
    return requests


def test_what_waits_is_read_in_one_batch_and_each_gets_its_own():
    reader = Gated()

    async def scenario(batcher):
        requests = await started(5, lambda n: batcher.read("a", [task(n), task(n + 100)]))
        reader.may.release(2)
        return await asyncio.gather(*requests)

    assert run(scenario, a=reader) == [[n, n + 100] for n in range(5)]
    assert reader.batches == [[0, 100], [1, 101, 2, 102, 3, 103, 4, 104]]


def test_batches_have_a_largest_size_and_one_model():
    first, second = Gated(), Gated()

    async def scenario(batcher):
        names = "a" + "b" + (LARGEST + 5) * "a"
        requests = await started(len(names), lambda n: batcher.read(names[n], [task(n)]))
        first.may.release(9)
        second.may.release(9)
        await asyncio.gather(*requests)

    run(scenario, a=first, b=second)
    assert [len(batch) for batch in first.batches] == [1, LARGEST, 5]
    assert second.batches == [[1]]


def test_too_many_are_refused_at_once_with_a_time_to_come_back():
    reader = Gated()

    async def scenario(batcher):
        requests = await started(3, lambda n: batcher.read("a", [task(n)] * 2))
        with pytest.raises(Refused) as refused:
            await batcher.read("a", [task(9)])
        assert refused.value.status == 503 and refused.value.retry_after > 0
        reader.may.release(9)
        await asyncio.gather(*requests)
        assert await batcher.read("a", [task(9)]) == [9]

    run(scenario, queue=4, a=reader)


def test_the_fault_of_one_image_is_not_its_neighbours():
    reader = Gated()
    reader.may.release(99)

    async def scenario(batcher):
        requests = await started(1, lambda n: batcher.read("a", [task(1)]))
        requests += [asyncio.create_task(batcher.read("a", [task(n)])) for n in (12, POISON, 14)]
        return await asyncio.gather(*requests, return_exceptions=True)

    first, before, poisoned, after = run(scenario, a=reader)
    assert (first, before, after) == ([1], [12], [14])
    assert isinstance(poisoned, RuntimeError)


def test_what_nobody_waits_for_any_more_is_not_read():
    reader = Gated()

    async def scenario(batcher):
        requests = await started(3, lambda n: batcher.read("a", [task(n)]))
        requests[1].cancel()
        reader.may.release(9)
        await asyncio.gather(*requests, return_exceptions=True)

    run(scenario, a=reader)
    assert reader.batches == [[0], [2]]
