"""Image files: find them in folders, and divide them into batches that fit into memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# fmt: off
SUFFIXES = {
    ".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2",
    ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm", ".psd", ".qoi",
    ".tga", ".tif", ".tiff", ".webp",
}
# fmt: on
"""Suffixes of the files that are read in folders; a file given by name may have any suffix."""

BATCH, PIXELS = 64, 50_000_000
"""Most images of a batch and most pixels of them together: 150 MB, and as much again for the batch
that is decoded meanwhile."""


def find_images(names: Iterable[str], drawn: Path | None = None) -> Iterator[str]:
    """The given files, and the images in the given folders and their subfolders, in order.

    Args:
        names: files, folders and "-".
        drawn: a folder to skip, since its images are the output of this command.

    Yields:
        Paths, including those of folders that cannot be opened: reading them reports why.
    """
    errors: list[OSError] = []
    for name in names:
        if name == "-" or not is_folder(name):
            yield name
            continue
        visited: set[tuple[int, int]] = set()
        for path in filter(None, (drawn, Path(name))):
            _is_new(path, visited)
        for folder, inner, files in os.walk(name, onerror=errors.append, followlinks=True):
            # Hidden files are thumbnails and metadata of desktops, or written only in part.
            paths = [Path(folder, name) for name in sorted(inner) if not name.startswith(".")]
            inner[:] = [path.name for path in paths if _is_new(path, visited)]
            for file in sorted(files):
                if Path(file).suffix.lower() in SUFFIXES and not file.startswith("."):
                    yield str(Path(folder, file))
    yield from (error.filename for error in errors)


def _is_new(path: Path, visited: set[tuple[int, int]]) -> bool:
    """Whether a folder was not `visited` before: links can form cycles."""
    try:
        status = path.stat()
    except OSError:  # walking it reports why
        return True
    identity = status.st_dev, status.st_ino
    if identity in visited:
        return False
    visited.add(identity)
    return True


def is_folder(name: str) -> bool:
    """Whether there is a folder of that name; False without the permission to know."""
    try:
        return bool(name) and Path(name).is_dir()  # Path("") is the working directory
    except OSError:
        return False


def batches(images: Iterable) -> Iterator[list]:
    """Images in batches of at most `BATCH` and, by the sizes in headers, `PIXELS` pixels.

    Args:
        images: as `Reader.read` takes them.
    """
    batch, pixels = [], 0
    for image in images:
        size = _pixels(image)
        if batch and (len(batch) == BATCH or pixels + size > PIXELS):
            yield batch
            batch, pixels = [], 0
        batch.append(image)
        pixels += size
    if batch:
        yield batch


def _pixels(image: Any) -> int:
    """Pixels of an image, of a file from its header; 0 where that cannot be read."""
    from number_zoo.images import measure_image

    try:
        # Opening a pipe would block, and what is read from one is gone.
        is_path = isinstance(image, str | os.PathLike)
        if Path(image).is_file() if is_path else getattr(image, "seekable", lambda: True)():
            width, height = measure_image(image)
            return width * height
    except Exception:  # of any kind: decoding reports it
        pass
    return 0
