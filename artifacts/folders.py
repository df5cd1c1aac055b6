"""Check folders before anything is written into them."""

from __future__ import annotations

import os
from pathlib import Path

from artifacts.files import LOCK, TEMPORARY, RunError


def is_started(folder: Path, marker: str, kind: str) -> bool:
    """Whether a folder contains a run or search; otherwise it is new or empty.

    Locks and temporary folders, which a killed process leaves, do not count.

    Args:
        folder: the folder.
        marker: name of a file that every run or search has.
        kind: "run" or "search", for errors.

    Raises:
        RunError: if it is a file, or a folder with other files.
    """
    if folder.is_file():
        raise RunError(f"{folder} is a file: name a folder for the {kind}")
    names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    if marker in names:
        return True
    foreign = [name for name in names if name != LOCK and not name.startswith(TEMPORARY)]
    if foreign:
        raise _other_content(folder, f"a {kind}", foreign, "--run")
    return False


def check_folder(folder: Path) -> None:
    """Check that files can be written below a folder, which may not exist yet.

    Raises:
        OSError: if it or a folder above it is a file, or cannot be written.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise NotADirectoryError(f"{existing} is a file: name a folder")
    if not os.access(existing, os.W_OK):
        raise PermissionError(f"{existing} cannot be written: name another folder")


def check_report(folder: Path, marker: str) -> None:
    """Check that a report can be written into a folder, without a file of the user's in between.

    Args:
        folder: new, without files (folders in it do not matter), or with an earlier report.
        marker: name of a file that every report of this kind has.

    Raises:
        RunError: if the folder has other files.
        OSError: as for `check_folder`.
    """
    check_folder(folder)
    paths = sorted(folder.iterdir()) if folder.exists() else []
    names = [path.name for path in paths if path.is_file() and not path.name.startswith(".")]
    if names and marker not in names:
        raise _other_content(folder, "such a report", names, "--report")


def _other_content(folder: Path, kind: str, names: list[str], option: str) -> RunError:
    return RunError(
        f"{folder} is not empty and not {kind} (it holds {', '.join(names[:3])}). Name another "
        f"folder with {option}"
    )
