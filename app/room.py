"""Room for so much and no more: of requests, of bytes, of pixels."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator


class Room:
    """Room for `size` of something. Used within one event loop.

    Attributes:
        taken: how much of it is taken.
    """

    def __init__(self, size: int):
        self.size, self.taken = size, 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.contextmanager
    def if_free(self, amount: int = 1) -> Iterator[bool]:
        """Take some for as long as the context lasts, or none; gives which of them."""
        fits = self.taken + amount <= self.size
        self.taken += amount if fits else 0
        try:
            yield fits
        finally:
            if fits:
                self._give_back(amount)

    @contextlib.asynccontextmanager
    async def once_free(self, amount: int) -> AsyncIterator[None]:
        """Take some, of at most `size`, as soon as there is room; first come, first served."""
        if self._queue or self.taken + amount > self.size:
            turn = asyncio.get_running_loop().create_future()
            self._queue.append((amount, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():  # it came and was given up in one moment
                    self._give_back(amount)
                raise
        else:
            self.taken += amount
        try:
            yield
        finally:
            self._give_back(amount)

    def _give_back(self, amount: int) -> None:
        self.taken -= amount
        while self._queue:
            amount, turn = self._queue[0]
            if not turn.cancelled():
                if self.taken + amount > self.size:
                    return
                self.taken += amount
                turn.set_result(None)
            self._queue.popleft()
