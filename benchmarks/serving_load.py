"""How many images the server reads in a second, how long clients wait, and what a crowd does.

    python benchmarks/serving_load.py                     # 1, 8, 64 clients; twice the capacity
    python benchmarks/serving_load.py --memory 20000      # and its memory over so many requests

It starts `python -m app` and sends it the drawn examples of the page, one a request. A client
sends its next image when the last is answered. At twice the capacity images come by the clock
instead, twice as many as the server was seen to read, whether it answers or not. Clients and
server share the machine.
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
from dataclasses import dataclass
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
"""Seconds after which a client gives up."""


@dataclass(frozen=True)
class Response:
    """The answer to a request: its status (None for a connection that was closed), the seconds it
    took, and whether it says when to come back."""

    status: int | None
    seconds: float
    has_retry_after: bool


@contextlib.contextmanager
def served(*arguments: str) -> Iterator[tuple[int, psutil.Process]]:
    """The server on a port of its own, ready; gives the port and the process."""
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


def ask(port: int, image: bytes, connection: http.client.HTTPConnection | None = None):
    """Send one image, over a connection that is kept or one of its own."""
    started = time.perf_counter()
    client = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        client.request("POST", "/api/read", image)
        response = client.getresponse()
        response.read()
        status, has_retry_after = response.status, response.getheader("Retry-After") is not None
    except (OSError, http.client.HTTPException):
        status, has_retry_after = None, False
        client.close()  # the next request opens it again
    if connection is None:
        client.close()
    return Response(status, time.perf_counter() - started, has_retry_after)


def closed_loop(port: int, clients: int, more: Callable[[int], bool]) -> list[Response]:
    """Clients that ask again as soon as they are answered, while `more(requests sent)`."""
    responses: list[Response] = []
    count = itertools.count()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        while more(number := next(count)):
            responses.append(ask(port, IMAGES[number % len(IMAGES)], connection))
        connection.close()

    with ThreadPoolExecutor(clients) as pool:
        for _ in range(clients):
            pool.submit(client)
    return responses


def by_the_clock(port: int, rate: float, seconds: float) -> list[Response]:
    """Requests at a rate, each over a connection of its own, answered or not."""
    count, started = int(rate * seconds), time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        futures = []
        for number in range(count):
            time.sleep(max(0.0, started + number / rate - time.perf_counter()))
            futures.append(pool.submit(ask, port, IMAGES[number % len(IMAGES)]))
    return [future.result() for future in futures]


def row(name: str, answers: list[Response], seconds: float) -> tuple[str, ...]:
    """A row of the table: what was read, how fast, and what was not."""
    read = [answer.seconds for answer in answers if answer.status == 200]
    refused = [
        answer.seconds for answer in answers if answer.status == 503 and answer.has_retry_after
    ]
    waits = np.percentile(read, (50, 95, 99)) if read else np.full(3, np.nan)
    return (
        name,
        f"{len(read) / seconds:.1f}",
        *(f"{wait:.2f} s" for wait in waits),
        f"{len(refused):,}",
        f"{np.median(refused):.2f} s" if refused else "",
        f"{len(answers) - len(read) - len(refused):,}",
    )


def memory_table(port: int, server: psutil.Process, requests: int, clients: int) -> Table:
    """The server's memory after every tenth of so many requests."""
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
    columns = ("clients", "read / s", "median", "95 %", "99 %", "refused", "after", "other")
    table = Table(*columns, caption="refused: 503, with the time to come back")
    started = time.perf_counter()
    with served(*(["--weights", *options.weights] if options.weights else [])) as (port, server):
        print(f"ready after {time.perf_counter() - started:.1f} s, {_mib(server):,.0f} MiB")
        closed_loop(port, 8, lambda number: number < 64)  # warm
        best = 0.0
        for clients in options.clients:
            started = time.perf_counter()
            until = started + options.seconds
            answers = closed_loop(port, clients, lambda _, until=until: time.perf_counter() < until)
            spent = time.perf_counter() - started
            best = max(best, sum(answer.status == 200 for answer in answers) / spent)
            table.add_row(*row(str(clients), answers, spent))
        started = time.perf_counter()
        answers = by_the_clock(port, 2 * best, options.seconds)
        spent = time.perf_counter() - started
        table.add_row(*row(f"{2 * best:.1f} / s", answers, spent))
        Console().print(table)
        if options.memory:
            Console().print(memory_table(port, server, options.memory, max(options.clients)))


if __name__ == "__main__":
    main()
