"""Start TensorFlow quietly: for commands, whose stderr is for their own messages."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator

_START_UP = re.compile(
    r"WARNING: All log messages before absl::InitializeLog|I0000 |To enable the following instr"
    r"|[EW]0000 .*(cuInit|cuda|cuDNN|cuBLAS|cuFFT|computation placer|kernel driver|GPU libraries)"
)
"""Lines that TensorFlow writes when it is imported, whatever its log level, on every machine."""


def quiet_tensorflow() -> None:
    """Import TensorFlow without its start-up lines on stderr.

    For commands, before anything else imports TensorFlow or Keras. Other lines that are written
    meanwhile are passed on, and later errors of TensorFlow are not touched.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for name in ("absl", "jax"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with _without_lines(_START_UP):
        # By name, since this package imports no framework on its own account.
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.list_physical_devices()  # looks for GPUs and reports missing drivers


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
