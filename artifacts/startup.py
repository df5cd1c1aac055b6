"""Start commands, and import TensorFlow without its start-up messages."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from artifacts.files import expand_user

_START_UP = re.compile(
    r"WARNING: All log messages before absl::InitializeLog|I0000 |To enable the following instr"
    r"|[EW]0000 .*(cuInit|cuda|cuDNN|cuBLAS|cuFFT|computation placer|kernel driver|GPU libraries)"
)
"""Lines that TensorFlow always writes when it is imported, at any log level."""


def run_command(main: Callable[[], int]) -> NoReturn:
    """Exit with the status of a command's `main`; Ctrl-C, at any moment, ends it with one line.

    What the encoding of stdout lacks is replaced, such as "−" where Windows writes to a file.
    """
    sys.stdout.reconfigure(errors="replace")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        sys.exit(130)


def quiet_tensorflow() -> None:
    """Import TensorFlow without its start-up lines on stderr.

    Commands call this before anything else imports TensorFlow or Keras. Other lines that are
    written during the import are passed on, and later errors of TensorFlow are not affected.

    Raises:
        SystemExit: with a message, if Keras is configured for a backend that is not installed.
    """
    _check_backend()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for name in ("absl", "jax"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with _without_lines(_START_UP):
        # By name, since this package must not import a framework.
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.list_physical_devices()  # searches for GPUs and reports missing drivers


def _check_backend() -> None:
    """Exit with a message if importing Keras would fail because its backend is not installed."""
    path = Path(os.environ.get("KERAS_HOME") or expand_user("~/.keras"), "keras.json")
    backend, origin = os.environ.get("KERAS_BACKEND"), "KERAS_BACKEND"
    if not backend:
        origin = str(path)
        with contextlib.suppress(OSError, ValueError, AttributeError):
            backend = json.loads(path.read_text()).get("backend")
    backend = str(backend or "tensorflow")
    if importlib.util.find_spec(backend) is None:
        raise SystemExit(
            f"{origin} sets the backend {backend!r} of Keras, which is not installed: set the "
            "environment variable KERAS_BACKEND=tensorflow, or pip install it"
        )


@contextlib.contextmanager
def _without_lines(pattern: re.Pattern) -> Iterator[None]:
    """Hold back what is written to the file descriptor of stderr, then write all other lines."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            file.seek(0)
            lines = file.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.write("".join(line for line in lines if not pattern.match(line)))
