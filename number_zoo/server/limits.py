"""Limits of the server."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Limits of the server; a request that exceeds them is refused immediately and not queued.

    A reverse proxy has to limit slow clients and connections per client (docs/deploy.md).

    Attributes:
        body: bytes of the body of a request.
        files: images in one request.
        lexicon: bytes of a request's own lexicon, with one separator a number: about 20,000 numbers
            of five digits.
        pixels: pixels of one image, read from its header before anything is decoded.
        scans: scans of a progressive JPEG; each needs a pass over the image. Cameras and editors
            write about ten.
        reads: read calls for opening and decoding an image; a photo takes a few hundred, while a
            file of a million empty chunks would block a decoder for seconds.
        requests: requests that are processed at the same time, from their last byte to the
            response.
        bodies: bytes of all bodies in memory, as far as they have arrived.
        large: pixels above which an image is large: only one large image is read at a time.
        queue: images that wait for a thread or are read.
        receive_seconds: maximum time for a body to arrive.
        read_seconds: maximum time from then to the response.
        connections: open connections and requests; further requests get a 503.
    """

    body: int = 10 * MIB
    files: int = 32
    lexicon: int = MIB // 8
    pixels: int = 25_000_000
    scans: int = 100
    reads: int = 100_000
    requests: int = 64
    bodies: int = 64 * MIB
    large: int = 6_000_000
    queue: int = 256
    receive_seconds: float = 20.0
    read_seconds: float = 20.0
    connections: int = 500
