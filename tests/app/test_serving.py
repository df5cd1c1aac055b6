"""The server on a socket: slow senders, the connection limit, a clean stop."""

from __future__ import annotations

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
    """All bytes received until the other end closes."""
    received = b""
    try:
        while more := connection.recv(65536):
            received += more
    except ConnectionResetError:
        pass
    return received


def test_slow_senders_do_not_block_other_clients(readers):
    begun = b"POST /api/read HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n1"
    with serving(readers, Limits(requests=1, bodies=20_000)) as port:
        held = [connect(port) for _ in range(3)]
        for connection in held:
            connection.sendall(begun)
        answer = httpx.post(f"http://127.0.0.1:{port}/api/read", content=encode())
        assert answer.status_code == 200
        for connection in held:
            connection.close()


def test_requests_beyond_the_connection_limit_get_a_503(readers):
    with serving(readers, Limits(connections=3)) as port:
        held = [connect(port) for _ in range(3)]
        connection = connect(port)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 503 " in rest(connection)
        for connection in held:
            connection.close()
        time.sleep(0.2)
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def test_requests_in_progress_are_finished_at_shutdown(readers, monkeypatch):
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


def test_ctrl_c_ends_without_a_traceback(monkeypatch, capsys):
    server = SimpleNamespace(run=lambda: signal.raise_signal(signal.SIGINT))
    monkeypatch.setattr("app.readers.load_readers", lambda weights: {})
    monkeypatch.setattr("app.server.make_server", lambda *_: server)
    assert main([]) == 0 and not capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "nothing"], "Received: nothing"),
        (["--port", "70000"], "0 to 65535"),
        (["--allow-origin", "example.org"], "Received: example.org"),
    ],
)
def test_a_wrong_option_is_reported_in_one_line(arguments, message, capsys):
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
