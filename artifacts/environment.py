"""The environment of a result: command, commit, package versions, machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGES = ("keras", "tensorflow", "jax", "torch", "numpy", "tensorflow-datasets", "keras-tuner")


def environment() -> dict[str, Any]:
    """Command, commit, package versions, Keras backend and machine, as JSON values."""
    keras = sys.modules.get("keras")  # there is a backend only if Keras is imported
    return {
        "command": f"{_program()} {shlex.join(map(relative_paths, sys.argv[1:]))}".rstrip(),
        "commit": commit(),
        "python": platform.python_version(),
        "backend": keras.backend.backend() if keras else None,
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
    }


def relative_paths(argument: str) -> str:
    """An argument of a command whose paths in the current folder start from there.

    Where the project lies is private, and differs between machines.
    """
    here = str(Path.cwd()).rstrip(os.sep) + os.sep
    # At the start of a path.
    return re.sub(rf"(?<![^=,]){re.escape(here)}", lambda _: f".{os.sep}", argument)


def _program() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)  # set by `python -m`
    if spec is None:
        return Path(sys.argv[0]).name
    return f"python -m {spec.name.removesuffix('.__main__')}"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """The project's commit, with "+" if tracked files were changed; None outside a checkout."""
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    root = Path(__file__).resolve().parent.parent
    command = ["git", "-C", root, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
