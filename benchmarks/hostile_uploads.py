"""Attack the server with malformed uploads and check that it still reads images.

    python benchmarks/hostile_uploads.py                  # 3000 of them, a few minutes
    python benchmarks/hostile_uploads.py --requests 300

Requests are sent over a plain socket, so that no client library repairs them. The server must
respond to every upload with an appropriate status or close the connection; valid images are read in
between.
"""

from __future__ import annotations

import argparse
import base64
import io
import socket
import struct
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from PIL import Image

from benchmarks.serving_load import IMAGES, ask, served
from number_zoo.server.limits import MIB
from number_zoo.server.uploads import FORMATS

HUNG_UP = "hung up"
FITTING = {"200", "400", "404", "408", "413", "415", "422", "503", HUNG_UP}
"""Accepted responses to a hostile upload; 200 if it is a valid image."""

ROUNDS = 5
"""Number of valid images in between."""

_LONG = 2**16


def image(rng: np.random.Generator, kind: str | None = None, **options) -> bytes:
    """A small image of noise as the bytes of a file."""
    noise = rng.integers(0, 256, (40, 60, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, kind or str(rng.choice(FORMATS)), **options)
    return file.getvalue()


def post(body: bytes, *, kind: str = "image/jpeg", length: int | None = None) -> bytes:
    """A request with a body, and a content length that may be wrong."""
    size = len(body) if length is None else length
    head = f"POST /api/read HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {size}\r\nConnection: close\r\n\r\n".encode() + body


def head(*lines: bytes, body: bytes = b"") -> bytes:
    """A request with custom header lines."""
    return b"\r\n".join([b"POST /api/read HTTP/1.1", b"Host: x", *lines, b"", body])


def truncated(rng: np.random.Generator) -> bytes:
    whole = image(rng)
    return post(whole[: rng.integers(1, len(whole))])


def bits_flipped(rng: np.random.Generator) -> bytes:
    data = np.frombuffer(image(rng), np.uint8).copy()
    data[rng.integers(0, len(data), rng.integers(1, 40))] = rng.integers(0, 256)
    return post(data.tobytes())


def noise(rng: np.random.Generator) -> bytes:
    return post(rng.bytes(int(rng.integers(0, 5000))))


def mislabelled(rng: np.random.Generator) -> bytes:
    other = (
        b"<html><script>alert(1)</script></html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"%PDF-1.7\n", b"PK\3\4", b"\x7fELF",
        image(rng, "TIFF"), image(rng, "PPM"), image(rng, "ICO"), b"GIF89a", b"BM", b"RIFF",
    )  # fmt: skip
    return post(other[rng.integers(len(other))], kind="image/png")


def bomb(rng: np.random.Generator) -> bytes:
    """Few bytes that claim many pixels, or decompress to many bytes."""
    side = int(rng.integers(6_000, 65_000))
    empty = zlib.compress(bytes(2**22), 9)
    return post(
        (
            _png(side, side, empty),
            _png(60, 40, empty, (b"iCCP", b"x\0\0" + empty)),
            _png(60, 40, empty, (b"zTXt", b"x\0\0" + empty)),
            b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6) + b",",
            b"BM" + struct.pack("<IIIIiiHH", 54, 0, 54, 40, side, -side, 1, 24) + bytes(24),
        )[rng.integers(5)]
    )


def _png(width: int, height: int, data: bytes, *more: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), *more, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def countless_scans(rng: np.random.Generator) -> bytes:
    jpeg = image(rng, "JPEG", progressive=True)
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    return post(jpeg[:-2] + int(rng.integers(101, 5000)) * scan + jpeg[-2:])


def countless_parts(rng: np.random.Generator) -> bytes:
    """An image after many empty comments, each of which takes a decoder a few steps."""
    count = int(rng.integers(10_000, 10 * MIB // 13))
    if rng.random() < 0.5:
        jpeg = image(rng, "JPEG")
        return post(jpeg[:2] + count * b"\xff\xfe\0\2" + jpeg[2:])
    return post(_png(60, 40, zlib.compress(bytes(40 * 181)), *(count // 2 * [(b"zzZz", b"")])))


def unpacked(rng: np.random.Generator) -> bytes:
    """A compressed image with the maximum number of pixels and a hundredth of their bytes."""
    side = int(rng.integers(1_000, 5_000))
    return post(_png(side, side, zlib.compress(bytes(side * (3 * side + 1)), 6)))


def metadata(rng: np.random.Generator) -> bytes:
    """A photo whose EXIF has any orientation, points anywhere, and may end at any byte."""
    orientation = (0x0112, 3, 1, int(rng.integers(2**16)) << 16)
    directory = (0x8769, 4, 1, int(rng.integers(2**32)))
    exif = struct.pack(">2sHIHHHIIHHII", b"MM", 42, 8, 2, *orientation, *directory)
    return post(image(rng, "JPEG", exif=b"Exif\0\0" + exif[: rng.integers(1, len(exif) + 1)]))


def broken_form(rng: np.random.Generator) -> bytes:
    part = b'--x\r\nContent-Disposition: form-data; name="image"; filename="%b"\r\n\r\n'
    names = (b"../../etc/passwd", b"a\0b.png", b"\xff\xfe", _LONG * b"n", b'"; filename="b')
    named = part % names[rng.integers(len(names))]
    bodies = (
        named + image(rng) + b"\r\n--x--\r\n", 5000 * (named[:80] + b"\r\n\r\n"), named,
        b"--x\r\n" + _LONG * b"H: v\r\n", b"--x--\r\n", b"--y\r\n\r\n", rng.bytes(900),
        part % b"a" + (b"\r\n" + part % b"a").join(40 * [image(rng)]) + b"\r\n--x--\r\n",
        (part % b"a").replace(b"image", b"lexicon") + rng.bytes(900) + b"\r\n--x--\r\n",
    )  # fmt: skip
    kinds = ("multipart/form-data; boundary=x", "multipart/form-data", "multipart/form-data; "
             "boundary=" + 999 * "y")  # fmt: skip
    return post(bodies[rng.integers(len(bodies))], kind=str(rng.choice(kinds, p=(0.8, 0.1, 0.1))))


def broken_json(rng: np.random.Generator) -> bytes:
    text, many = base64.b64encode(image(rng)), int(rng.integers(1_000, 300_000))
    bodies = (
        b'{"image": "' + text[: rng.integers(1, len(text))] + b'"}', b'{"image": ' + many * b"[",
        b'{"image": [' + b",".join(many * [b'""']) + b"]}", b"{" + text,
        b'{"image": "' + many * b"\\ud800" + b'"}', b"{" + b" " * many,
        b"{" + b",".join(b'"%d":1' % key for key in range(many // 4)) + b"}", b'{"image": 1e999}',
        b'{"image": "data:image/png;base64,%' + rng.bytes(900) + b'"}',
        b'{"image": "' + text + b'", "lexicon": [' + b",".join(many * [b'"1"']) + b"]}",
        b'{"image": "' + text + b'", "lexicon": ["' + b'", "'.join([many * b"1", b"2"]) + b'"]}',
    )  # fmt: skip
    return post(bodies[rng.integers(len(bodies))], kind="application/json")


def huge_head(rng: np.random.Generator) -> bytes:
    size = int(rng.integers(_LONG, 4 * _LONG))
    lines = (b"X: " + size * b"a", *(size // 9 * (b"X: aaaa",)))
    return head(*(lines[:1] if rng.random() < 0.5 else lines[1:]))


def odd_framing(rng: np.random.Generator) -> bytes:
    """Wrong or contradictory lengths, as in request smuggling."""
    body = image(rng, "PNG")
    requests = (
        post(body, length=len(body) // 2), post(body, length=-1), post(body, length=10**18),
        head(b"Content-Length: 5", b"Content-Length: 6", body=b"aaaaaa"),
        head(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\nGET / HTTP/1.1"),
        head(b"Transfer-Encoding: chunked", body=b"ffffffffffffffff\r\n"),
        head(b"Transfer-Encoding: chunked", body=b"-1\r\nxx\r\n0\r\n\r\n"),
        head(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
        head(b"Content-Length : 5", body=b"aaaaa"), head(b"\0: x"), b"\x16\x03\x01" + body,
        b"POST /api/read\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 3000 * b"\r\n",
    )  # fmt: skip
    return requests[rng.integers(len(requests))]


def broken_off(rng: np.random.Generator) -> bytes:
    whole = post(image(rng))
    return whole[: rng.integers(1, len(whole))]


KINDS: dict[str, Callable[[np.random.Generator], bytes]] = {
    make.__name__.replace("_", " "): make
    for make in (truncated, bits_flipped, noise, mislabelled, bomb, unpacked, countless_scans,
                 countless_parts, metadata, broken_form, broken_json, huge_head,
                 odd_framing, broken_off)
}  # fmt: skip
"""Functions that make a request, by kind."""

UNFINISHED = ("odd framing", "broken off")
"""Kinds for which the server would wait for more data if the client did not close its side."""


def exchange(port: int, request: bytes, *, end: bool, seconds: float = 60.0) -> str:
    """Send a request, and close the client's side once it is sent (`end`).

    Returns:
        The status, or `HUNG_UP`.

    Raises:
        TimeoutError: if the server neither responds nor closes the connection in time.
    """
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        try:
            connection.sendall(request)
            if end:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before all of it was sent: a response may exist nevertheless
        received = b""
        try:
            while b"\r\n" not in received and (more := connection.recv(4096)):
                received += more
        except ConnectionError:
            return HUNG_UP
    words = received.split(maxsplit=2)
    return words[1].decode() if len(words) > 1 else HUNG_UP


def attack(port: int, count: int, *, seed: int = 0, clients: int = 16) -> Counter[tuple[str, str]]:
    """Send hostile uploads of every kind in turn; counts (kind, status)."""
    names = list(KINDS)

    def send(number: int) -> tuple[str, str]:
        name = names[number % len(names)]
        request = KINDS[name](np.random.default_rng((seed, number)))
        return name, exchange(port, request, end=name in UNFINISHED)

    with ThreadPoolExecutor(clients) as pool:
        return Counter(pool.map(send, range(count)))


def main() -> int:
    """Attack a server and print its responses; fails if one is wrong or a valid image is not
    read."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=3000)
    options = parser.parse_args()
    responses: Counter[tuple[str, str]] = Counter()
    images_read = 0
    with served() as (port, server):
        attack(port, 10 * len(KINDS), seed=ROUNDS)  # warm
        before = server.memory_info().rss
        for seed in range(ROUNDS):
            responses += attack(port, options.requests // ROUNDS, seed=seed)
            images_read += ask(port, IMAGES[seed % len(IMAGES)])[0] == 200
        growth = (server.memory_info().rss - before) / 2**20
    wrong = {status for _, status in responses} - FITTING
    for name in KINDS:
        answered = [f"{n} × {status}" for (kind, status), n in responses.items() if kind == name]
        print(f"{name:<16} {', '.join(sorted(answered))}")
    print(
        f"good images in between: {images_read} of {ROUNDS} read; memory: {growth:+.0f} MiB; "
        f"not fitting: {sorted(wrong)}"
    )
    return int(bool(wrong) or images_read < ROUNDS)


if __name__ == "__main__":
    sys.exit(main())
