"""Start commands, and import TensorFlow without its start-up messages."""

from __future__ import annotations

import contextlib
import functools
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

from artifacts.files import RunError, expand_user

_START_UP = re.compile(
    r"WARNING: All log messages before absl::InitializeLog|I0000 |To enable the following instr"
    r"|[EW]0000 .*(cuInit|cuda|cuDNN|cuBLAS|cuFFT|computation placer|kernel driver|GPU libraries)"
)
"""Lines that TensorFlow always writes when it is imported, at any log level."""


def run_command(main: Callable[[], int]) -> NoReturn:
    """Exit with the status of a command's `main`.

    What the encoding of stdout lacks is replaced, such as "−" where Windows writes to a file.
    """
    sys.stdout.reconfigure(errors="replace")
    sys.exit(main())


def command(
    prog: str, *errors: type[Exception], stopped: str | None = None
) -> Callable[[Callable[[list[str] | None], int]], Callable[..., int]]:
    """Decorator of a command's `main`: its errors are one line, with the exit status 2.

    Args:
        prog: name of the command, for this line.
        errors: types of errors besides ValueError, OSError, MemoryError and RunError.
        stopped: the line after Ctrl-C. Defaults to one with the name.
    """

    def decorate(main: Callable[[list[str] | None], int]) -> Callable[..., int]:
        @functools.wraps(main)
        def reported(arguments: list[str] | None = None) -> int:
            try:
                return main(arguments)
            except (ValueError, OSError, MemoryError, RunError, *errors) as error:
                print(f"{prog}: {error}", file=sys.stderr)
                return 2
            except KeyboardInterrupt:
                print(f"\n{stopped or f'{prog}: stopped'}", file=sys.stderr)
                return 130

        return reported

    return decorate


def start_log(package: str | None = None) -> None:
    """Print the progress that the modules of a package report, or all modules."""
    level = None if package else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if package:
        logging.getLogger(package).setLevel(logging.INFO)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of tracing for each model


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
