"""Write files atomically and synced, with errors that name the file and the free space; locks.

All files of runs, caches, searches, exports and reports are written with `atomic_path` or one of
the functions based on it.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

TEMPORARY = ".zoo-tmp-"
"""Prefix of the temporary folders that `atomic_path` creates."""

LOCK = ".lock"
"""Name of the lock file of a folder."""


class RunError(Exception):
    """A run folder or one of its files cannot be used as requested."""


@contextlib.contextmanager
def atomic_path(path: Path, size: int | None = None) -> Iterator[Path]:
    """Yield a temporary path for a file or folder that replaces `path` when the block ends.

    The temporary file has the same name, in a temporary folder next to `path`, so that several
    processes can write the same file; the last one replaces the others. It is synced to the disk
    before it replaces `path`. If the block raises, `path` is unchanged. The temporary folder of a
    killed process is removed by the next process that writes in the same folder.

    Args:
        path: the file or folder to write.
        size: number of bytes that it needs, if known, for the error.

    Raises:
        OSError: if the folder of `path` does not exist or cannot be written; the message names
            `path` and, where the disk is full, the space that is free.
    """
    remove_leftovers(path.parent)
    with write_errors(path, size), contextlib.ExitStack() as stack:
        folder = _locked_folder(path.parent, stack)
        temporary = folder / path.name
        yield temporary
        for file in (temporary, *temporary.rglob("*")):
            if file.is_file():
                with file.open("rb+") as written:
                    os.fsync(written.fileno())  # otherwise a power failure can leave an empty file
        if path.is_dir():  # which cannot be replaced unless it is empty
            path.replace(folder / f"{path.name}.old")
        temporary.replace(path)


def _locked_folder(parent: Path, stack: contextlib.ExitStack) -> Path:
    """A new temporary folder, which is locked until the stack closes and then removed."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=parent))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError, RunError):
            stack.enter_context(lock(folder, "writing"))
            if (folder / LOCK).exists():  # not removed as a leftover before it was locked
                return folder


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary folders of killed processes, whose locks the system has released.

    Unlike a process id, a lock is also valid for processes in other containers and on other
    machines that share the folder.
    """
    for leftover in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError, RunError), lock(leftover, "writing"):
            shutil.rmtree(leftover, ignore_errors=True)


def expand_user(path: str | Path) -> Path:
    """A path without `~`: of a user without a home, the folder of temporary files stands for it."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # in a container, or `~name` of no user
        text = str(path)
        return Path(tempfile.gettempdir(), text[2:]) if text.startswith("~/") else Path(path)


@contextlib.contextmanager
def write_errors(path: Path, size: int | None = None) -> Iterator[None]:
    """Within the block, an OSError of a write names `path` and what to do.

    Args:
        path: the file that is written.
        size: bytes that it needs, if known.
    """
    try:
        yield
    except OSError as error:
        if not error.errno or (error.filename and TEMPORARY not in str(error.filename)):
            raise  # an error of another file
        raise OSError(f"{path} cannot be written: {_reason(error, path, size)}") from error


def _reason(error: OSError, path: Path, size: int | None) -> str:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error.strerror
    needed = "" if size is None else f"{size / 1e6:,.3f} MB needed, "
    folder = next(parent for parent in path.parents if parent.exists())
    free = shutil.disk_usage(folder).free / 1e6
    return (
        f"{error.strerror} ({needed}{free:,.3f} MB free in {folder}). Free some space, then rerun "
        "the same command"
    )


@contextlib.contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Within the block, `tempfile` creates files in `folder`, where leftovers are removed.

    For libraries that write temporary files; not thread-safe.
    """
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def reserve(path: Path, size: int) -> None:
    """Allocate the first `size` bytes of a file, which must exist.

    A memory map of a sparse file on a full disk ends the process (SIGBUS); this raises instead.
    """
    with path.open("rb+") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
        for start in range(0, size, 1 << 20):  # macOS, Windows: write back the bytes that are there
            file.seek(start)
            content = file.read(1 << 20).ljust(min(1 << 20, size - start), b"\0")
            file.seek(start)
            file.write(content)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write `content` to `path` atomically."""
    with atomic_path(path, len(content)) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to `path` atomically; line ends are not changed.

    Names of files that are not UTF-8, as old archives have them, keep their bytes.
    """
    write_bytes(path, text.encode(errors="surrogateescape"))


def write_csv(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    """Write rows as CSV to `path` atomically."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    write_text(path, text.getvalue())


def write_json(path: Path, value: Any) -> None:
    """Write JSON to `path` atomically."""
    write_text(path, json.dumps(value, indent=2) + "\n")


class _Object(dict):
    """A JSON object that names its file if a key is missing, as in one of another version."""

    path: Path | None = None

    def __missing__(self, key: str):
        raise RunError(
            f"{self.path} has no {key!r}: it is damaged, or another version of the project wrote "
            f"it. Restore it, or write it again. Received: {', '.join(self) or 'no key'}"
        )


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        RunError: if the file is not JSON; later, if a key is read that an object in it lacks.
    """

    def named(values: dict[str, Any]) -> _Object:
        values = _Object(values)
        values.path = path
        return values

    try:
        return json.loads(path.read_text(encoding="utf-8"), object_hook=named)
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}. Restore or delete it") from error


def replace_between(path: Path, begin: str, end: str, table: str) -> None:
    """Replace the table between two marks of a Markdown file atomically.

    Raises:
        ValueError: if the file does not have both marks.
    """
    before, begins, rest = path.read_text(encoding="utf-8").partition(begin)
    _, ends, after = rest.partition(end)
    if not begins or not ends:
        raise ValueError(f"{path} has no place for this table: two lines {begin} and {end}")
    write_text(path, f"{before}{begin}\n\n{table}\n\n{end}{after}")


@contextlib.contextmanager
def lock(folder: Path, activity: str) -> Iterator[None]:
    """Hold an exclusive lock on a folder; the system releases it at the end of the process.

    Args:
        folder: an existing folder; the lock is its file `.lock`.
        activity: activity of this process, such as "training", for the error of another process.

    Raises:
        RunError: if another process holds the lock.
    """
    with (folder / LOCK).open("a") as file:
        try:
            _lock_file(file)
        except (BlockingIOError, PermissionError) as error:
            raise RunError(f"another process is {activity} in {folder}") from error
        yield


def _lock_file(file) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
