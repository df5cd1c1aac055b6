"""Let the n-th operation on a file below a folder fail, or kill the process there.

Python's functions are replaced, and with them pathlib's, zipfile's, tempfile's and shutil's.
Libraries in other languages are not reached: TensorFlow's event files and SavedModels.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

FULL, BROKEN, KILLED = "ENOSPC", "EIO", "SIGKILL"
FAULTS = (FULL, BROKEN, KILLED)
"""A disk that is full from the operation on, one that fails once, and a kill."""

NEEDS_SPACE = ("open", "write", "mkdir", "allocate")
"""Operations that a full disk refuses."""


class Injector:
    """Counts the operations below a folder, and fails one.

    Args:
        root: the folder.
        at: number of the operation to fail, from 1; 0 for none.
        fault: one of `FAULTS`.

    Attributes:
        trace: kind and path of every operation so far.
    """

    def __init__(self, root: Path, at: int = 0, fault: str = KILLED):
        self.root = f"{root}{os.sep}"
        self.at = at
        self.fault = fault
        self.trace: list[tuple[str, str]] = []

    def hit(self, kind: str, path: str, before: Callable[[], None] = lambda: None) -> None:
        """Count an operation; `before` does the half of it that an interruption leaves."""
        if not path.startswith(self.root):
            return
        self.trace.append((kind, path[len(self.root) - 1 :]))
        full = self.fault == FULL and kind in NEEDS_SPACE and 0 < self.at <= len(self.trace)
        if not full and len(self.trace) != self.at:
            return
        before()
        if self.fault == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        code = errno.ENOSPC if self.fault == FULL else errno.EIO
        name = (path,) if kind in ("open", "mkdir", "rename", "remove") else ()
        raise OSError(code, os.strerror(code), *name)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Within the block, operations are counted and fail."""
        with (
            mock.patch.multiple(
                os,
                open=self._open_descriptor,
                sendfile=self._on_descriptor("write", os.sendfile),
                fsync=self._on_descriptor("fsync", os.fsync),
                posix_fallocate=self._on_descriptor("allocate", os.posix_fallocate),
                ftruncate=self._on_descriptor("truncate", os.ftruncate),
                mkdir=self._on_path("mkdir", os.mkdir),
                rename=self._on_path("rename", os.rename),
                replace=self._on_path("rename", os.replace),
                truncate=self._on_path("truncate", os.truncate),
                unlink=self._on_path("remove", os.unlink),
                remove=self._on_path("remove", os.remove),
                rmdir=self._on_path("remove", os.rmdir),
            ),
            mock.patch.object(io, "open", self._open),
            mock.patch.object(builtins, "open", self._open),
        ):
            yield

    def _on_path(self, kind: str, function: Callable) -> Callable:
        def failing(path, *arguments, dir_fd=None, **keywords):
            folder = "" if dir_fd is None else _path_of(dir_fd)
            self.hit(kind, str(Path(folder, os.fsdecode(path)).absolute()))
            return function(
                path, *arguments, **keywords, **({} if dir_fd is None else {"dir_fd": dir_fd})
            )

        return failing

    def _on_descriptor(self, kind: str, function: Callable) -> Callable:
        def failing(descriptor, *arguments, **keywords):
            self.hit(kind, _path_of(descriptor))
            return function(descriptor, *arguments, **keywords)

        return failing

    def _open_descriptor(self, path, flags, *arguments, original=os.open, **keywords):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self.hit("open", str(Path(os.fsdecode(path)).absolute()))
        return original(path, flags, *arguments, **keywords)

    def _open(
        self, file, mode="r", buffering=-1, encoding=None, errors=None, newline=None,
        original=io.open, **rest,
    ):  # fmt: skip
        """As `open`; the system is asked to write through `_File`."""
        reads = not set(mode) & set("wax+")
        if reads or rest or not isinstance(file, str | os.PathLike):
            return original(file, mode, buffering, encoding, errors, newline, **rest)
        path = str(Path(os.fsdecode(file)).absolute())
        self.hit("open", path)
        raw = _File(path, mode.replace("b", "").replace("t", ""))
        raw.injector = self
        if buffering == 0:
            return raw
        stream = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return stream
        return io.TextIOWrapper(stream, encoding, errors, newline)


class _File(io.FileIO):
    """A file whose writes and truncations are counted; an interrupted write does half."""

    def write(self, content):
        half = memoryview(content).cast("B")
        half = half[: len(half) // 2]
        self.injector.hit("write", self.name, lambda: super(_File, self).write(half))
        return super().write(content)

    def truncate(self, size=None):
        self.injector.hit("truncate", self.name)
        return super().truncate(size)


def _path_of(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
