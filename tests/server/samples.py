"""Images that the tests of the server send, and a server to send them to."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import numpy as np
from PIL import Image

from number_zoo.published import SMALL_WEIGHTS
from number_zoo.server.api import PAGE, make_server
from number_zoo.server.limits import Limits
from tests.conftest import draw_plate, encode_image

FIRST, SECOND = SMALL_WEIGHTS, "lightness"

PHOTO = (PAGE / "gallery/473.jpg").read_bytes()
"""An image of 269 x 241 pixels with the number 473 at 58, 52, 192, 170."""


def encode(
    width: int = 60, height: int = 40, kind: str = "PNG", digit: int = 5, **options
) -> bytes:
    """Noise that "lightness" reads as `digit`; `options` as Pillow's `save` takes them."""
    low = int(25.6 * digit) + 3
    noise = np.random.default_rng(digit).integers(low, low + 19, (height, width, 3), np.uint8)
    return encode_image(Image.fromarray(noise), kind, **options)


def three_plates() -> bytes:
    """An image of 300 x 200 pixels with 175, 402 (turned) and 31."""
    image = Image.new("RGB", (300, 200), (90, 110, 90))
    draw_plate(image, 0, "175", (20, 20, 140, 80))
    draw_plate(image, 1, "402", (240, 20, 290, 150))
    draw_plate(image, 3, "31", (20, 120, 100, 180))
    return encode_image(image)


@contextlib.contextmanager
def serving(readers, limits: Limits | None = None) -> Iterator[int]:
    """A server on a port of its own for as long as the context lasts; stops it as a signal does."""
    server = make_server(readers, limits or Limits(), "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
