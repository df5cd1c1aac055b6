"""The server on a socket: connections that dawdle, and a clean stop."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from types import SimpleNamespace

import httpx2 as httpx
import pytest

from app.__main__ import main
from app.limits import Limits
from tests.app.samples import encode, serving


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def rest(connection: socket.socket) -> bytes:
    """What comes until the other end closes."""
    received = b""
    try:
        while more := connection.recv(65536):
            received += more
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST /api/read HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123",
        b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123",
    ],
    ids=["nothing", "half a head", "half a body", "half a body that nobody wants"],
)
def test_who_stops_in_the_middle_is_hung_up_on(readers, begun):
    with serving(readers, Limits(idle_seconds=0.3, request_seconds=0.4)) as port:
        connection = connect(port)
        connection.sendall(begun)
        received = rest(connection)  # ends, or the socket's own time limit raises
        assert received == b"" or b"404" in received
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def test_who_sends_slowly_takes_nobody_elses_place(readers):
    begun = b"POST /api/read HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n1"
    with serving(readers, Limits(requests=1, bodies=20_000)) as port:
        held = [connect(port) for _ in range(3)]
        for connection in held:
            connection.sendall(begun)
        answer = httpx.post(f"http://127.0.0.1:{port}/api/read", content=encode())
        assert answer.status_code == 200
        for connection in held:
            connection.close()


def test_connections_beyond_the_limit_are_closed_and_the_others_served(readers):
    with serving(readers, Limits(connections=3)) as port:
        held = [connect(port) for _ in range(3)]
        held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"200 OK" in rest(held[0])
        held[0] = connect(port)
        assert rest(connect(port)) == b""
        for connection in held:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b"200 OK" in rest(connection)


def test_a_huge_head_is_refused(readers):
    with serving(readers, Limits()) as port:
        connection = connect(port)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + 100_000 * b"a")
        head, _, body = rest(connection).partition(b"\r\n\r\n")
        assert b" 400 " in head and b"application/problem+json" in head
        assert json.loads(body)["status"] == 400


def test_a_stop_finishes_what_was_begun(readers, monkeypatch):
    first = next(iter(readers.values()))
    begun, read = threading.Event(), first.read

    def slowly(tasks):
        begun.set()
        time.sleep(0.5)
        return read(tasks)

    monkeypatch.setattr(first, "read", slowly)
    answers = []

    def ask():
        url = f"http://127.0.0.1:{port}/api/read"
        answers.append(httpx.post(url, content=encode(), timeout=20))

    with serving(readers, Limits()) as port:
        asker = threading.Thread(target=ask)
        asker.start()
        assert begun.wait(10)
    asker.join(10)
    assert answers[0].status_code == 200 and answers[0].json()["images"]


def test_control_c_ends_it_without_a_trace(monkeypatch, capsys):
    server = SimpleNamespace(run=lambda: signal.raise_signal(signal.SIGINT))
    monkeypatch.setattr("app.readers.load_readers", lambda weights: {})
    monkeypatch.setattr("app.serving.make_server", lambda *_: server)
    assert main([]) == 0 and not capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--weights", "nothing"], "Received: nothing"), (["--port", "70000"], "0 to 65535")],
)
def test_a_mistake_is_said_in_a_line(arguments, message, capsys):
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
