"""What a result was made with: versions, commit, machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

PACKAGES = ("keras", "tensorflow", "jax", "torch", "numpy", "tensorflow-datasets", "keras-tuner")


def environment() -> dict:
    """Versions of the packages, the project's commit, the command and the machine, for JSON."""
    import keras

    return {
        "command": " ".join([_program(), *sys.argv[1:]]),
        "commit": commit(),
        "python": platform.python_version(),
        "backend": keras.backend.backend(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }


def _program() -> str:
    started = sys.modules["__main__"].__spec__  # where Python was told -m
    if started is None:
        return Path(sys.argv[0]).name
    return f"python -m {started.name.removesuffix('.__main__')}"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """The project's commit, with "+" where files differ from it; None outside a checkout."""
    root = Path(__file__).resolve().parent.parent
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", root, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
