"""The server on a socket and as a process: slow and many clients, start and stop, faults."""

from __future__ import annotations

import contextlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx2 as httpx
import pytest

from number_zoo import published
from number_zoo.server.__main__ import main
from number_zoo.server.limits import Limits
from tests.conftest import ROOT
from tests.server.samples import FIRST, PHOTO, encode, serving


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


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
        address = f"http://127.0.0.1:{port}/healthz"
        assert httpx.get(address).status_code == 503
        for connection in held:
            connection.close()
        time.sleep(0.2)
        assert httpx.get(address).status_code == 200


def test_requests_in_progress_are_finished_at_shutdown(readers, monkeypatch):
    begun, read, answers = threading.Event(), readers[FIRST].read, []

    def slowly(*arguments):
        begun.set()
        time.sleep(0.5)
        return read(*arguments)

    def ask():
        address = f"http://127.0.0.1:{port}/api/read"
        answers.append(httpx.post(address, content=encode(), timeout=20))

    monkeypatch.setattr(readers[FIRST], "read", slowly)
    with serving(readers) as port:
        asker = threading.Thread(target=ask)
        asker.start()
        assert begun.wait(10)
    asker.join(10)
    assert answers[0].status_code == 200 and answers[0].json()["images"]


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
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
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


WITHOUT_THE_PROJECT = """
import runpy, sys

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ImportError(f"the server imports {{name}}")

sys.meta_path.insert(0, Stop())
runpy.run_module("app", run_name="__main__")
"""
BLOCKED = {"keras", "tensorflow", "cv2", "jax", "models", "datasets", "inference", "artifacts"}


def test_it_starts_without_keras_reads_and_stops(tmp_path):
    code = WITHOUT_THE_PROJECT.format(blocked=BLOCKED)
    lexicon = tmp_path / "list.txt"
    lexicon.write_text("473\n12\n")
    options = {"stderr": subprocess.PIPE, "text": True}
    with served(code, FIRST, "--lexicon", str(lexicon), **options) as (process, address):
        assert number_read(address) == "473"
        assert httpx.get(f"{address}/api/models").json()["models"][0]["lexicon"] == 2
        process.send_signal(signal.SIGINT)
        _, written = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGINT) and "Traceback" not in written


def test_a_full_disk_a_replaced_model_and_too_few_descriptors_are_survived(tmp_path):
    model = tmp_path / "reader.onnx"
    shutil.copy(published.FOLDER / f"{FIRST}.onnx", model)
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
    with served(HUNG + SERVER, FIRST, stderr=subprocess.PIPE, text=True) as (process, address):
        with pytest.raises(httpx.TimeoutException):
            httpx.post(f"{address}/api/read", content=PHOTO, timeout=1)
        process.send_signal(signal.SIGINT)
        _, written = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "stopped while the model did not return" in written.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "nothing"], "unknown weights 'nothing'. Known: "),
        (["--weights", "nothing.onnx"], "nothing.onnx: there is no such file"),
        (["--weights", FIRST, FIRST], f"two models have the name {FIRST!r}"),
        (["--port", "70000"], "0 to 65535"),
        (["--lexicon", "nothing.txt"], "serve: nothing.txt: No such file"),
        (["--lexicon", __file__], "Received: "),
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


def test_a_lexicon_that_a_model_cannot_read_is_reported_at_the_start(tmp_path, capsys):
    lexicon = tmp_path / "list.txt"
    lexicon.write_text("123456\n")
    assert main(["--weights", "street_numbers_small", "--lexicon", str(lexicon)]) == 2
    assert "street_numbers_small: the lexicon has 123456, but" in capsys.readouterr().err


def test_a_port_in_use_is_reported_with_the_option_for_another(capsys):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert main(["--port", str(port), "--weights", FIRST]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"cannot listen on 127.0.0.1 port {port}: " in error and "--port" in error
