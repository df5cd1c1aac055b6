"""Receive requests within limits, extract images and a lexicon from their bodies, and decode."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import Request
from PIL import Image
from pydantic import BaseModel, Field, ValidationError, WithJsonSchema
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from number_zoo.images import decode_image
from number_zoo.lexicon import Lexicon, decode_lexicon
from number_zoo.server.limits import MIB, Limits
from number_zoo.server.problems import NoImage, Refused

_HEIC = "HEIF" in Image.OPEN
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", *(["HEIF"] if _HEIC else []))
"""Accepted file formats; HEIC if pillow-heif is installed. Pillow's many other decoders are not
used: each is attack surface, and one of them (EPS) starts another program."""

ACCEPTED = "JPEG, PNG, WebP, GIF, BMP or HEIC" if _HEIC else "JPEG, PNG, WebP, GIF or BMP"

_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError)
_SCAN = b"\xff\xda"
_CHUNK = 64 * 1024
_BASE64 = bytes(range(256)).translate(None, b'{}[]":,')
_MOST_STRUCTURE = 100_000
"""Maximum number of brackets, quotes, colons and commas of a JSON body."""

_Text = Annotated[str, Field(min_length=1)]
_Number = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[0-9]+$"})]


class JsonBody(BaseModel, extra="forbid"):
    """Images of a request as JSON, and its lexicon."""

    # Only the first error of a list, since thousands would take long.
    image: _Text | Annotated[list[_Text], Field(min_length=1, fail_fast=True)] = Field(
        description="An image as base64 or a `data:` URL, or a list of them",
        examples=["data:image/jpeg;base64,/9j/4AAQSkZJRg…"],
    )
    lexicon: Annotated[list[_Number], Field(fail_fast=True)] | None = Field(
        None,
        description="The only numbers to read, instead of the server's lexicon",
        examples=[["7", "12", "118"]],
    )


@dataclass(frozen=True)
class Upload:
    """An uploaded image: its file name, if it has one, and its bytes."""

    name: str | None
    data: bytes

    @property
    def called(self) -> str:
        """The name of the image in error messages."""
        return self.name or "The image"


@dataclass(frozen=True)
class Contents:
    """The body of a request: its images, and its lexicon if it has one."""

    images: list[Upload]
    lexicon: Lexicon | None = None


async def receive(request: Request, limits: Limits, take: Callable[[int], None]) -> bytes:
    """Receive a request's body.

    Args:
        request: the request.
        limits: how much is received, and for how long.
        take: callback with the size of every chunk as it arrives; may raise `Refused`.

    Raises:
        Refused: 408 or 413, if the body takes too long or is too large.
    """
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isdecimal() else 0
    too_large = Refused(413, f"A request has at most {limits.body / MIB:.0f} MiB. Received: more")
    if size > limits.body:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.receive_seconds):
            async for chunk in request.stream():
                if len(body) + len(chunk) > limits.body:
                    raise too_large
                take(len(chunk))
                body += chunk
    except TimeoutError:
        seconds = f"{limits.receive_seconds:.0f} seconds"
        raise Refused(
            408, f"A request must arrive within {seconds}. Received: a part of it"
        ) from None
    except ClientDisconnect:
        raise Refused(400, "The connection was closed before the request was complete") from None
    return bytes(body)


async def contents_of(body: bytes, headers: Headers, limits: Limits) -> Contents:
    """The images in the body of a request: files of a form, base64 texts of JSON, or the whole
    body; and the lexicon of a form or JSON.

    Raises:
        Refused: 400, 413 or 422, if there is no image, if there are too many, if the form or
            JSON is malformed or has other fields, or if the lexicon is none.
    """
    kind = headers.get("content-type", "").lower()
    if kind.startswith("multipart/form-data"):
        contents = await _contents_of_form(body, headers, limits)
    elif body[:64].lstrip().startswith(b"{") or (body and kind.startswith("application/json")):
        contents = _contents_of_json(body, limits)
    else:
        contents = Contents([Upload(None, body)] if body else [])
    if not contents.images:
        raise NoImage(
            400, "A request has an image as its body, several as files of a multipart form, or JSON"
            ". Received: none"
        )  # fmt: skip
    if len(contents.images) > limits.files:
        raise _too_many(limits)
    return contents


def make_lexicon(source: bytes | Sequence[str], limits: Limits, name: str = "lexicon") -> Lexicon:
    """The lexicon of a request: the bytes of a text file, or numbers.

    Raises:
        Refused: 413 or 422, if it is too large, or has no numbers or something else.
    """
    size = len(source) if isinstance(source, bytes) else sum(map(len, source)) + len(source)
    if size > limits.lexicon:
        raise Refused(413, f"A lexicon has at most {limits.lexicon:,} bytes. Received: {size:,}")
    try:
        return decode_lexicon(source, name) if isinstance(source, bytes) else Lexicon(source)
    except ValueError as error:
        raise Refused(422, str(error)) from None


class _InMemory(MultiPartParser):
    """Starlette's parser, without files on disk for parts over a megabyte."""

    spool_max_size = 2**31


async def _contents_of_form(body: bytes, headers: Headers, limits: Limits) -> Contents:
    parser = _InMemory(headers, _in_chunks(body), max_files=limits.files + 1, max_fields=0)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise _too_many(limits) from None
        if "Too many fields" in error.message:
            detail = "A form has files only (a lexicon too); parameters belong in the query string"
            raise Refused(422, f"{detail}, as in ?model=NAME. Received: another field") from None
        raise Refused(400, f"Malformed multipart form: {error.message}") from None
    images, lexicons = [], []
    for field, file in form.multi_items():
        upload = Upload(file.filename or None, await file.read())
        (lexicons if field == "lexicon" else images).append(upload)
    if len(lexicons) > 1:
        raise Refused(422, f"A form has one lexicon. Received: {len(lexicons)}")
    lexicon = [make_lexicon(file.data, limits, file.name or "lexicon") for file in lexicons]
    return Contents(images, *lexicon)


async def _in_chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _CHUNK):
        yield body[start : start + _CHUNK]
        await asyncio.sleep(0)  # lets other requests proceed


def _contents_of_json(body: bytes, limits: Limits) -> Contents:
    # Checked before parsing, which could take long: base64 has none of these characters.
    try:
        if len(body.translate(None, _BASE64)) > _MOST_STRUCTURE:
            raise ValueError("far more data")
        sent = JsonBody.model_validate_json(body)
        texts = [sent.image] if isinstance(sent.image, str) else sent.image
        lexicon = None if sent.lexicon is None else make_lexicon(sent.lexicon, limits)
        return Contents([Upload(None, _from_base64(text)) for text in texts], lexicon)
    except ValidationError as error:
        place, problem = error.errors()[-1]["loc"], error.errors()[-1]["msg"]
        received = f"{'.'.join(map(str, place))}: {problem}" if place else problem
    except ValueError as error:
        received = str(error)
    raise Refused(
        422, 'A JSON body is {"image": "…"}: base64 or a data: URL, or a list of them, with '
        '"lexicon": ["7", "12"] where it has one; parameters belong in the query string, as in '
        f"?model=NAME. Received: {received}"
    )  # fmt: skip


def _from_base64(text: str) -> bytes:
    data = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except ValueError:
        raise ValueError(repr(text[:40])) from None


class _Counted(io.BytesIO):
    """The bytes of an image with a limit on the number of read calls."""

    def __init__(self, upload: Upload, limits: Limits):
        super().__init__(upload.data)
        self._called, self._left = upload.called, limits.reads

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise Refused(422, f"{self._called} consists of too many parts")
        return super().read(size)


def measure(upload: Upload, limits: Limits) -> tuple[int, int]:
    """Width and height of an image, from its header without decoding.

    Raises:
        Refused: 415 if it is not an image of an accepted format, 413 if it is too large, 422 if
            opening or decoding it would take too long.
    """
    try:
        with Image.open(_Counted(upload, limits), formats=FORMATS) as image:
            (width, height), kind = image.size, image.format
    except Image.DecompressionBombError:
        raise Refused(413, f"{upload.called} has {_most(limits)}. Received: far more") from None
    except _UNREADABLE:
        is_heic = upload.data[4:8] == b"ftyp"
        received = "HEIC or AVIF: save it as JPEG" if is_heic else f"{len(upload.data):,} bytes"
        raise NoImage(
            415, f"{upload.called} is not an image of an accepted format: {ACCEPTED}. "
            f"Received: {received}"
        ) from None  # fmt: skip
    if width * height > limits.pixels:
        detail = f"{_most(limits)}. Received: {width} x {height}"
        raise Refused(413, f"{upload.called} has {detail}")
    if kind in ("JPEG", "MPO") and upload.data.count(_SCAN) > limits.scans:
        raise Refused(422, f"{upload.called} is a JPEG of more than {limits.scans} scans")
    return width, height


def decode(upload: Upload, limits: Limits) -> np.ndarray:
    """Decode an image after `measure`: uint8 (height, width, 3), RGB, upright.

    Raises:
        Refused: 422, if it is damaged or decoding takes too long.
    """
    try:
        file = _Counted(upload, limits)
        return decode_image(file, name=upload.called, formats=FORMATS)
    except ValueError as error:
        raise NoImage(422, str(error)) from None


def _most(limits: Limits) -> str:
    return f"more than the {limits.pixels / 1e6:.0f} megapixels that are accepted"


def _too_many(limits: Limits) -> Refused:
    return Refused(413, f"A request has at most {limits.files} images. Received: more")
