"""The image holds what the server imports, which no build here would show."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CALLED = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "annotated_types": "pydantic",
    "starlette": "fastapi",
}
"""Packages whose requirement is not called as they are."""

WITHOUT = {"pillow_heif"}
"""Packages that the server does without: it takes no HEIC."""


def imported(file: Path) -> Iterator[str]:
    """Dotted names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_of(name: str) -> set[Path]:
    """The project's own files that importing a name may run; none for what is not its own."""
    parts = name.split(".")
    paths = [ROOT.joinpath(*parts[:end]) for end in range(1, len(parts) + 1)]
    return {
        file
        for path in paths
        for file in (path.with_suffix(".py"), path / "__init__.py")
        if file.is_file()
    }


def requirements(name: str) -> dict[str, str]:
    """What a file of requirements lists: versions by package."""
    lines = (ROOT / name).read_text().splitlines()
    matches = (re.match(r"([\w-]+)(?:\[\w+\])?([^;#]*)", line) for line in lines)
    return {
        match[1].lower(): match[2].strip() for match in matches if match and match[0][0] not in "#-"
    }


def test_the_image_holds_all_that_the_server_imports():
    own, others, left = set(), set(), {ROOT / "app/__main__.py"}
    while left:
        own |= left
        names = {name for file in left for name in imported(file)}
        others |= {name.split(".")[0] for name in names if not files_of(name)}
        left = {file for name in names for file in files_of(name)} - own
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {line[1:] for line in lines if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)
    assert {file.relative_to(ROOT).parts[0] for file in own} <= copied
    needed = {CALLED.get(name, name) for name in others - WITHOUT - sys.stdlib_module_names}
    installed = set(requirements("requirements-image.txt"))
    assert {"keras", "numpy", "pillow", "uvicorn"} <= needed <= installed


def test_the_image_has_the_same_versions():
    everywhere = requirements("requirements.txt") | requirements("requirements-app.txt")
    image = requirements("requirements-image.txt")
    assert image.pop("tensorflow-cpu") == image["tensorflow"]
    assert image.items() <= everywhere.items()
