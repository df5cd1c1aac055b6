"""Tables, counts and durations for the terminal."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.table import Table


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()
) -> Table:
    """A `rich` table; the columns named in `right` are right-aligned."""
    result = Table(title=title, title_justify="left", box=box.SIMPLE)
    for index, column in enumerate(columns):
        justify = "right" if column in right else "left"
        # The first column holds names to copy: they must not wrap.
        result.add_column(column, justify=justify, no_wrap=index == 0 or column in right)
    for row in rows:
        result.add_row(*row)
    return result


def count(value: float) -> str:
    """A count with a unit prefix: "1.29 M", "640"."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:g}"


def duration(seconds: float) -> str:
    """A duration: "45 s", "12 min", "1 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


_START_UP = re.compile(
    r"WARNING: All log messages before absl::InitializeLog|I0000 |To enable the following instr"
    r"|[EW]0000 .*(cuInit|cuda|cuDNN|cuBLAS|cuFFT|computation placer|kernel driver|GPU libraries)"
)
"""Lines that TensorFlow writes when it is imported, whatever its log level, on every machine."""


def quiet_tensorflow() -> None:
    """Import TensorFlow without its start-up lines on stderr.

    For commands, before anything else imports TensorFlow or Keras. Whatever else is written
    meanwhile is passed on, and so are TensorFlow's errors later.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for name in ("absl", "jax"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with _without_lines(_START_UP):
        import tensorflow as tf

        tf.config.list_physical_devices()  # looks for GPUs, and says what it misses


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
