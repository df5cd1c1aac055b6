"""Folders of images and other files, as tests need them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def put_images(folder: Path, *names: str, size: tuple[int, int] = (40, 20)) -> Path:
    """Write images of one colour, each of another, below a folder."""
    for index, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (index, 80, len(name))).save(folder / name)
    return folder


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files, of text or bytes, below a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        content = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(content)
    return folder
