"""Requests to read images: received within limits, and answered by threads."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import numpy as np
from fastapi import FastAPI, Request

from number_zoo.lexicon import Lexicon
from number_zoo.names import unknown_name
from number_zoo.reader import available_cores
from number_zoo.server import uploads
from number_zoo.server.answers import Answer, Image, Reading
from number_zoo.server.limits import Limits
from number_zoo.server.parameters import Parameters
from number_zoo.server.problems import Refused
from number_zoo.server.readers import ModelReader
from number_zoo.server.workers import Workers

Read = Callable[[np.ndarray], list[Reading]]
"""Reads an image, uint8 (height, width, 3)."""


class Service:
    """Requests to read images, within limits.

    Args:
        readers: models by name; the first is the default.
        limits: how much is accepted.

    Attributes:
        used: the used amounts of the limits `requests` and `bodies`.
    """

    def __init__(self, readers: Mapping[str, ModelReader], limits: Limits):
        self.readers, self.limits = readers, limits
        self.used = Counter(requests=0, bodies=0)
        self._large = asyncio.Semaphore(1)
        # One more thread than large images that are read at the same time.
        self.workers = Workers(max(2, available_cores()), limits.queue)

    @contextlib.asynccontextmanager
    async def running(self, _: FastAPI) -> AsyncIterator[None]:
        """Run the threads that decode and read."""
        with self.workers:
            yield

    async def answer(self, request: Request, asked: Parameters) -> Answer:
        """Receive the images of a request and read them.

        Raises:
            Refused: if the request does not fit the limits or the server is busy.
        """
        # Refuse what can be refused before the body is sent.
        if unknown := [name for name in asked.model if name not in self.readers]:
            raise Refused(422, unknown_name("model", unknown, self.readers))
        if asked.box is not None and asked.all:
            raise Refused(422, "box is for one number, all=true for all: a request has one of them")
        if self.used["requests"] >= self.limits.requests:
            raise self._busy()
        # A request counts from the arrival of its body, so that slow clients do not block others.
        with contextlib.ExitStack() as until_answered:
            take = functools.partial(self._take, until_answered)
            body = await uploads.receive(request, self.limits, lambda size: take("bodies", size))
            take("requests", 1)
            started = time.perf_counter()
            sent = await uploads.contents_of(body, request.headers, self.limits)
            del body
            if asked.box is not None and len(sent.images) > 1:
                raise Refused(422, f"box is for one image. Received: {len(sent.images)} images")
            names = dict.fromkeys(asked.model or list(self.readers)[:1])  # without repetitions
            readers = [self.readers[name] for name in names]
            lexicon = _lexicon_of(asked, sent, readers, self.limits)
            read = functools.partial(_read, readers, asked, lexicon)
            try:
                async with asyncio.timeout(self.limits.read_seconds):
                    images = await self._read_images(sent.images, read)
            except TimeoutError:
                raise self._busy() from None
            spent = 1000 * (time.perf_counter() - started)
            return Answer(images=images, milliseconds=round(spent, 1))

    def _take(self, until: contextlib.ExitStack, limit: str, amount: int) -> None:
        """Use some of a limit until the stack is closed."""
        if self.used[limit] + amount > getattr(self.limits, limit):
            raise self._busy()
        self.used[limit] += amount
        until.callback(self.used.subtract, {limit: amount})

    def _busy(self) -> Refused:
        return Refused(503, "The server is busy: try again later", self.workers.seconds_to_wait)

    async def _read_images(self, sent: Sequence[uploads.Upload], read: Read) -> list[Image]:
        outcomes = await asyncio.gather(
            *(self._read_image(upload, read) for upload in sent), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and (
                not isinstance(outcome, Refused) or outcome.status_code == 503 or len(sent) == 1
            ):
                raise outcome
        return [
            Image(file=upload.name, width=None, height=None, readings=[], error=outcome.detail)
            if isinstance(outcome, Refused)
            else outcome
            for upload, outcome in zip(sent, outcomes, strict=True)
        ]

    async def _read_image(self, upload: uploads.Upload, read: Read) -> Image:
        width, height = await asyncio.to_thread(uploads.measure, upload, self.limits)
        is_large = width * height > self.limits.large
        async with self._large if is_large else contextlib.nullcontext():
            return await self.workers.run(functools.partial(self._read_in_thread, upload, read))

    def _read_in_thread(self, upload: uploads.Upload, read: Read) -> Image:
        image = uploads.decode(upload, self.limits)
        height, width = image.shape[:2]
        return Image(file=upload.name, width=width, height=height, readings=read(image), error=None)


def _lexicon_of(
    asked: Parameters, sent: uploads.Contents, readers: Sequence[ModelReader], limits: Limits
) -> Lexicon | None:
    """The lexicon of a request, which all of its readers can read; None if it has none."""
    lexicon = sent.lexicon
    if asked.lexicon:
        if lexicon is not None:
            raise Refused(422, "A request has one lexicon. Received: one as a parameter too")
        lexicon = uploads.make_lexicon(",".join(asked.lexicon).split(","), limits)
    try:
        for reader in readers:
            reader.check(lexicon)
    except ValueError as error:
        raise Refused(422, str(error)) from None
    return lexicon


def _read(
    readers: Sequence[ModelReader], asked: Parameters, lexicon: Lexicon | None, image: np.ndarray
) -> list[Reading]:
    """The readings of an image, uint8 (height, width, 3), by each model."""
    if asked.all:
        located = readers[0].locate(image)
        several = (reader.read_all(image, located, asked.explain, lexicon) for reader in readers)
        return list(itertools.chain.from_iterable(several))
    box = asked.box_in(*image.shape[1::-1])
    return [reader.read(image, box, asked.explain, lexicon) for reader in readers]
