"""Images that the tests of the app send, and a server to send them to."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections.abc import Iterator

import numpy as np
from PIL import Image

from app.limits import Limits
from app.server import make_server


def encode(width: int = 60, height: int = 40, kind: str = "PNG", seed: int = 0, **options) -> bytes:
    """An image of noise as the bytes of a file; `options` as Pillow's `save` takes them."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, kind, **options)
    return file.getvalue()


@contextlib.contextmanager
def serving(readers, limits: Limits) -> Iterator[int]:
    """A server on a port of its own for as long as the context lasts; stops it as a signal does."""
    server = make_server(readers, limits, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
