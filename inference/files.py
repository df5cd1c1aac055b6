"""Image files: those in a folder, and in batches that memory has room for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

# fmt: off
SUFFIXES = {
    ".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2",
    ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm", ".psd", ".qoi",
    ".tga", ".tif", ".tiff", ".webp",
}
# fmt: on
"""Files of a folder that are taken for images; a file named on its own may have any name."""

BATCH, PIXELS = 64, 100_000_000
"""Images, and their pixels, that are decoded to be read together, at most: 300 MB. As many again
are decoded meanwhile."""


def find_images(names: Iterable[str], drawn: Path | None = None) -> Iterator[str]:
    """The files that are named, and the images in the folders that are named, in order.

    Args:
        names: files, folders and "-".
        drawn: a folder that is passed over, for its images were drawn by this command.

    Yields:
        Paths; also those of folders that cannot be opened, for reading them says why.
    """
    closed: list[OSError] = []
    for name in names:
        if name == "-" or not is_folder(name):
            yield name
            continue
        seen: set[tuple[int, int]] = set()
        for path in filter(None, (drawn, Path(name))):
            _is_new(path, seen)
        for folder, inner, files in os.walk(name, onerror=closed.append, followlinks=True):
            # What is hidden are a desktop's notes and previews, and half-written files.
            paths = [Path(folder, one) for one in sorted(inner) if not one.startswith(".")]
            inner[:] = [path.name for path in paths if _is_new(path, seen)]
            for file in sorted(files):
                if Path(file).suffix.lower() in SUFFIXES and not file.startswith("."):
                    yield str(Path(folder, file))
    yield from (error.filename for error in closed)


def _is_new(path: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether a folder was not `seen` yet: links may lead round and round."""
    try:
        status = path.stat()
    except OSError:  # walking through it will say why
        return True
    identity = status.st_dev, status.st_ino
    if identity in seen:
        return False
    seen.add(identity)
    return True


def is_folder(name: str) -> bool:
    """Whether there is a folder of that name; one that is closed to us may be there."""
    try:
        return Path(name).is_dir()
    except OSError:  # in a folder that is closed to us
        return False


def batches(files: Iterable[str]) -> Iterator[list[str]]:
    """Files by the dozen, but photos of many megapixels by the few that memory has room for."""
    batch, pixels = [], 0
    for file in files:
        size = _pixels(file)
        if batch and (len(batch) == BATCH or pixels + size > PIXELS):
            yield batch
            batch, pixels = [], 0
        batch.append(file)
        pixels += size
    if batch:
        yield batch


def _pixels(file: str) -> int:
    """How many pixels an image has, as its first bytes say."""
    from datasets.images import measure_image

    try:
        if Path(file).is_file():  # to open a pipe is to wait for it
            width, height = measure_image(file)
            return width * height
    except Exception:  # of whatever kind: decoding it will tell
        pass
    return 0
