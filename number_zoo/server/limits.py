"""Limits of the server."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Limits of the server; a request beyond them is refused at once and never queued.

    Slow clients and many connections of one client are left to a reverse proxy (docs/deploy.md).

    Attributes:
        body: bytes of one request's body.
        files: images in one request.
        pixels: pixels of one image, read from its header before anything is decoded.
        scans: scans of one progressive JPEG; each costs a pass over the image. Cameras and editors
            write about ten.
        reads: read calls in which one image is opened and decoded; a photo takes a few hundred, a
            file of a million empty chunks would block a decoder for seconds.
        requests: requests being processed at once, from their last byte to the answer.
        bodies: bytes of all bodies held at once, as far as they have arrived.
        large: pixels above which an image is large: one such is read at a time, beside others.
        queue: images waiting for a thread or being read.
        receive_seconds: time for a body to arrive.
        read_seconds: time from there to the answer.
        connections: open connections and requests; further requests get a 503.
    """

    body: int = 10 * MIB
    files: int = 32
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
