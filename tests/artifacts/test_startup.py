"""TensorFlow's start-up lines."""

import io
import os
import re
import sys

import pytest

from artifacts import startup
from artifacts.files import RunError


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("I0000 00:00:17.25 20413 port.cc:153] oneDNN custom operations are on.\n", False),
        ("WARNING: All log messages before absl::InitializeLog() is called …\n", False),
        ("E0000 00:00:17.34 10391 cuda_platform.cc:52] failed call to cuInit: INTERNAL\n", False),
        ("E0000 00:00:17.34 10391 bfc_allocator.cc:9] out of memory\n", True),
        ("UserWarning: something else\n", True),
    ],
)
def test_only_start_up_lines_are_held_back(line, shown, capfd):
    with startup._without_lines(startup._START_UP):
        os.write(2, line.encode())
    assert capfd.readouterr().err == (line if shown else "")


def test_lines_before_an_error_are_written(capfd):
    with pytest.raises(RuntimeError), startup._without_lines(re.compile("noise")):
        os.write(2, b"noise\nmessage\n")
        raise RuntimeError
    assert capfd.readouterr().err == "message\n"


def test_a_command_prints_any_text_and_ends_with_its_status(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    with pytest.raises(SystemExit) as stop:
        startup.run_command(lambda: print("−log P", flush=True) or 1)
    assert stop.value.code == 1 and written.getvalue().startswith(b"?log P")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (KeyboardInterrupt(), 130, "\nread.py: stopped\n"),
        (RunError("no run"), 2, "read.py: no run\n"),
        (EOFError("no end"), 2, "read.py: no end\n"),
    ],
)
def test_a_failed_or_interrupted_command_is_no_traceback(error, status, line, capsys):
    @startup.command("read.py", EOFError)
    def main(arguments):
        raise error

    assert main([]) == status and capsys.readouterr().err == line


def test_a_backend_that_is_not_installed_is_named_with_what_sets_it(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_BACKEND", "nothing")
    with pytest.raises(SystemExit, match="KERAS_BACKEND sets the backend 'nothing' of Keras"):
        startup._check_backend()
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    startup._check_backend()  # TensorFlow
    (tmp_path / "keras.json").write_text('{"backend": "none_either"}')
    with pytest.raises(SystemExit, match=r"keras\.json sets the backend 'none_either'"):
        startup._check_backend()
