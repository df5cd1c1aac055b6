"""Atomic writes, JSON files and locks on folders."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class RunError(Exception):
    """A run folder or one of its files that cannot be used as requested."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; what is there at the end takes its place at once."""
    part = path.with_name(f".part-{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON to `path`, whole or not at all."""
    with replacing(path) as part:
        part.write_text(json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; an error names the file."""
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise RunError(f"{path} is not JSON: {error}") from error


def first_difference(found: Any, asked: Any, where: str = "") -> str:
    """Where two JSON values differ, and in what."""
    if isinstance(found, dict) and isinstance(asked, dict):
        for key in found | asked:
            if found.get(key) != asked.get(key):
                return first_difference(found.get(key), asked.get(key), f"{where}.{key}".strip("."))
    return f"{where} is {found!r} there and {asked!r} here"


@contextlib.contextmanager
def lock(folder: Path, doing: str) -> Iterator[None]:
    """Hold the folder; the system lets go when the process ends, however it ends.

    Args:
        doing: what the holder does there, for the message to whoever comes second.
    """
    with (folder / ".lock").open("a") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows
            import msvcrt

            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError as error:
                raise RunError(f"another process is {doing} in {folder}") from error
        except BlockingIOError as error:
            raise RunError(f"another process is {doing} in {folder}") from error
        yield
