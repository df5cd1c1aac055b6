"""How much the server takes on, so that no client and no crowd of them brings it down."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Limits of the server; what is beyond them is refused at once and never queued.

    Attributes:
        body: bytes of one request's body.
        files: images in one request.
        pixels: pixels of one image, told from its header before anything is decoded.
        scans: scans of one progressive JPEG; cameras and editors write about ten, and each costs
            a pass over the image.
        reads: steps in which one image is opened and decoded; a photo takes a few hundred. One
            made of a million tiny parts would take them one by one, for many seconds.
        requests: requests to read images in hand at once, from their last byte to the answer.
        bodies: bytes of all bodies in hand at once, as far as they have come.
        large: pixels above which an image takes so much longer that it waits for other large
            ones alone, and small ones never for it.
        decoded: pixels of all large images that are decoded and read at once, and of all small
            ones; `pixels` or more. What exceeds it waits, still encoded.
        waiting: images that wait for a model, each counted once for every model.
        receive_seconds: time for a body to arrive.
        read_seconds: time from there to the answer.
        idle_seconds: time for a connection to send the whole head of a request.
        request_seconds: time for a request to arrive and its answer to be taken.
        connections: open connections; further ones are closed as they come.
    """

    body: int = 10 * MIB
    files: int = 32
    pixels: int = 25_000_000
    scans: int = 100
    reads: int = 100_000
    requests: int = 64
    bodies: int = 64 * MIB
    large: int = 6_000_000
    decoded: int = 25_000_000
    waiting: int = 256
    receive_seconds: float = 20.0
    read_seconds: float = 20.0
    idle_seconds: float = 10.0
    request_seconds: float = 60.0
    connections: int = 500
