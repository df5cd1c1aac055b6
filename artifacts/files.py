"""Atomic writes, JSON files and locks on folders."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEMPORARY = ".tmp-"
"""Prefix of the temporary folders that `atomic_path` creates."""


class RunError(Exception):
    """A run folder or one of its files cannot be used as requested."""


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path for a file that replaces `path` when the block ends.

    The temporary file has the same name, in a temporary folder beside `path`, so that several
    processes can write the same file and the last one wins. If the block raises, `path` is left
    as it was. A killed process leaves the temporary folder; see `remove_temporary`.

    Raises:
        OSError: if the folder of `path` does not exist or cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # without it a power failure can leave an empty file
        temporary.replace(path)


def remove_temporary(folder: Path) -> None:
    """Remove what killed writers left in a folder that no other process writes."""
    for leftover in folder.glob(f"{TEMPORARY}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        RunError: if the file is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}. Restore or delete it") from error


def first_difference(old: Any, new: Any, key: str = "") -> str:
    """Describe the first difference of two JSON values, such as `recipe.epochs: 3, now 4`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old | new:
            if old.get(name) != new.get(name):
                return first_difference(old.get(name), new.get(name), f"{key}.{name}".strip("."))
    return f"{key}: {old!r}, now {new!r}"


@contextlib.contextmanager
def lock(folder: Path, activity: str) -> Iterator[None]:
    """Hold an exclusive lock on a folder; the system releases it when the process ends.

    Args:
        folder: an existing folder; the lock is its file `.lock`.
        activity: what the holder does, such as "training"; part of the error of a second process.

    Raises:
        RunError: if another process holds the lock.
    """
    with (folder / ".lock").open("a") as file:
        try:
            _lock_file(file)
        except OSError as error:
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
