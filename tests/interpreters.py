"""Processes that run Python code as new interpreters do, but with everything already imported.

Importing TensorFlow and Keras takes longer than what most tests do in a process of their own. Each
is a fork of a process that was itself forked after the collection of the tests: a later fork of
pytest's process, in which TensorFlow runs threads by then, would hang.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from tests.conftest import ROOT
from tests.faults.commands import start

_PROJECT = {path.stem for path in ROOT.iterdir() if path.is_dir() or path.suffix == ".py"}
_server: Connection | None = None


def start_server() -> None:
    """Fork the process that forks the others, with what is imported now.

    No test module may start threads when it is imported (OpenCV's by rendering an image,
    TensorFlow's): they do not survive a fork, and the processes would wait for them forever.
    """
    global _server
    _server, requests = multiprocessing.Pipe()
    if os.fork():
        requests.close()
        return
    _server.close()
    with contextlib.suppress(EOFError):
        while True:
            match requests.recv():
                case (code, arguments, environment, log):
                    requests.send(start(lambda c=(code, arguments, environment): _run(*c), log))
                case pid:
                    ended, status = os.waitpid(pid, os.WNOHANG)
                    requests.send(os.waitstatus_to_exitcode(status) if ended else None)
    os._exit(0)


def _run(code: str, arguments: list[str], environment: dict[str, str]) -> int:
    os.environ.update(environment)
    logging.getLogger().handlers.clear()  # pytest's
    if "KERAS_BACKEND" in environment:  # which Keras reads when it is imported
        for name in [*sys.modules]:
            if name.partition(".")[0] in _PROJECT | {"keras", "keras_tuner"}:
                del sys.modules[name]
    sys.argv = ["-c", *arguments]
    try:
        exec(compile(code, "<code>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        return int(end.code or 0)
    return 0


class Interpreter:
    """A process that runs `code`.

    Args:
        code: what `python -c` would be given.
        *arguments: the rest of `sys.argv`.
        log: file of what the process writes.
        **environment: variables to set; with `KERAS_BACKEND`, Keras and the project are imported
            anew.
    """

    def __init__(self, code: str, *arguments: str, log: Path, **environment: str):
        self.log, self._status = log, None
        _server.send((code, arguments, environment, log))
        self.pid = _server.recv()

    def poll(self) -> int | None:
        """The exit status, minus a signal, or None if it runs."""
        if self._status is None:
            _server.send(self.pid)
            self._status = _server.recv()
        return self._status

    def wait(self, seconds: float = 300) -> int:
        """Wait for the end; returns the exit status."""
        deadline = time.monotonic() + seconds
        while self.poll() is None:
            assert time.monotonic() < deadline, f"still running: {self.output()[-2000:]}"
            time.sleep(0.02)
        return self._status

    def kill(self) -> None:
        """Send SIGKILL, if it runs, and wait for the end."""
        if self.poll() is None:
            os.kill(self.pid, 9)
            self.wait()

    def output(self) -> str:
        """What it has written so far."""
        return self.log.read_text(encoding="utf-8")
