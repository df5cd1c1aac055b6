"""Measure the images per second of the server, and the latency for clients.

    python benchmarks/serving_load.py                     # 1, 8, 64 clients
    python benchmarks/serving_load.py --memory 20000      # and its memory over so many requests

It starts `python -m app` and sends the examples of the page, one per request. A client sends its
next image after the response to the last one. Clients and server run on the same machine.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
IMAGES = [
    path.read_bytes() for path in sorted((ROOT / "number_zoo/server/static/gallery").glob("*.jpg"))
]
PATIENCE = 120.0
"""Timeout of clients in seconds."""


@contextlib.contextmanager
def served(*arguments: str) -> Iterator[tuple[int, psutil.Process]]:
    """Start a server on a free port; yields the port and the process when it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "app", "--port", str(port), *arguments]
    server = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _answers(port):
            if server.poll() is not None:
                raise RuntimeError(f"the server ended with {server.returncode}: {command}")
            time.sleep(0.02)
        yield port, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def ask(
    port: int, image: bytes, connection: http.client.HTTPConnection | None = None
) -> tuple[int | None, float]:
    """Send one image over a persistent or a new connection; returns the status of the response
    (None if the connection was closed) and the seconds."""
    started = time.perf_counter()
    client = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        client.request("POST", "/api/read", image)
        response = client.getresponse()
        response.read()
        status = response.status
    except (OSError, http.client.HTTPException):
        status = None
        client.close()  # the next request opens it again
    if connection is None:
        client.close()
    return status, time.perf_counter() - started


def closed_loop(
    port: int, clients: int, more: Callable[[int], bool]
) -> list[tuple[int | None, float]]:
    """Run clients that repeat requests after each response while `more(requests sent)`."""
    answers: list[tuple[int | None, float]] = []
    count = itertools.count()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        while more(number := next(count)):
            answers.append(ask(port, IMAGES[number % len(IMAGES)], connection))
        connection.close()

    with ThreadPoolExecutor(clients) as pool:
        for _ in range(clients):
            pool.submit(client)
    return answers


def memory_table(port: int, server: psutil.Process, requests: int, clients: int) -> Table:
    """The server's memory after every tenth of the requests."""
    table = Table("requests", "server's memory", title=f"{clients} clients")
    for tenth in range(1, 11):
        started = time.perf_counter()
        closed_loop(port, clients, lambda number: number < requests // 10)
        spent = time.perf_counter() - started
        table.add_row(f"{tenth * (requests // 10):,}", f"{_mib(server):,.0f} MiB, {spent:.0f} s")
    return table


def _mib(server: psutil.Process) -> float:
    return server.memory_info().rss / 2**20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30, help="for each row (30)")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--memory", type=int, default=0, metavar="REQUESTS")
    parser.add_argument("--weights", nargs="+", help="as python -m app takes them")
    options = parser.parse_args()
    table = Table("clients", "read / s", "median", "95 %", "99 %", "not read")
    started = time.perf_counter()
    with served(*(["--weights", *options.weights] if options.weights else [])) as (port, server):
        print(f"ready after {time.perf_counter() - started:.1f} s, {_mib(server):,.0f} MiB")
        closed_loop(port, 8, lambda number: number < 64)  # warm
        for clients in options.clients:
            started = time.perf_counter()
            until = started + options.seconds
            answers = closed_loop(port, clients, lambda _, until=until: time.perf_counter() < until)
            spent = time.perf_counter() - started
            waits = [seconds for status, seconds in answers if status == 200]
            table.add_row(
                str(clients),
                f"{len(waits) / spent:.1f}",
                *(f"{wait:.2f} s" for wait in np.percentile(waits or [np.nan], (50, 95, 99))),
                f"{sum(status != 200 for status, _ in answers):,}",
            )
        Console().print(table)
        if options.memory:
            Console().print(memory_table(port, server, options.memory, max(options.clients)))


if __name__ == "__main__":
    main()
