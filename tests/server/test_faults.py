"""The server when its machine or its model fails: it recovers, or ends with a reason."""

import contextlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx2 as httpx
import pytest

from number_zoo import published
from tests.conftest import ROOT
from tests.server.samples import PHOTO, free_port

SERVER = "import sys; from number_zoo.server.__main__ import main; sys.exit(main(sys.argv[1:]))"
HUNG = """
import time
from number_zoo.server import api, readers
read = readers.ModelReader.read
readers.ModelReader.read = lambda *_, **__: time.sleep(1000)
api.STOP_SECONDS = 1
"""
"""A model that does not return, in a server that is not waited for."""


@contextlib.contextmanager
def served(code, *arguments, **options):
    """A server in a process of its own: the process, and its address once it answers."""
    port = free_port()
    command = [sys.executable, "-c", code, "--port", str(port), "--weights", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, **options)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    try:
        while True:
            assert process.poll() is None and time.monotonic() < deadline
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{address}/healthz")
                break
            time.sleep(0.1)
        yield process, address
    finally:
        process.kill()
        process.wait()


def number_read(address):
    answer = httpx.post(f"{address}/api/read", content=PHOTO, timeout=60)
    return answer.json()["images"][0]["readings"][0]["number"]


def test_a_full_disk_a_replaced_model_and_too_few_descriptors_are_survived(tmp_path):
    model = tmp_path / "reader.onnx"
    shutil.copy(published.FOLDER / f"{published.SMALL_WEIGHTS}.onnx", model)
    with (
        open("/dev/full", "w") as full,  # noqa: PTH123  # a disk with no room for the log
        served(
            SERVER, str(model), stderr=full,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60)),
        ) as (process, address),
    ):  # fmt: skip
        assert number_read(address) == "473"
        model.write_bytes(b"half a file")
        assert number_read(address) == "473"
        port = int(address.rpartition(":")[2])
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(80)]
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{address}/healthz", timeout=0.5)
        for connection in held:
            connection.close()
        assert number_read(address) == "473"
        process.terminate()
        assert process.wait(60) in (0, -15, 120)  # 120: what Python says if it cannot write


def test_a_model_that_hangs_does_not_keep_a_stopped_server_alive():
    weights = published.SMALL_WEIGHTS
    with served(HUNG + SERVER, weights, stderr=subprocess.PIPE, text=True) as (process, address):
        with pytest.raises(httpx.TimeoutException):
            httpx.post(f"{address}/api/read", content=PHOTO, timeout=1)
        process.send_signal(signal.SIGINT)
        _, written = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "stopped while the model did not return" in written.splitlines()[-1]
