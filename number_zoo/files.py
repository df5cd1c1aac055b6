"""Find image files in folders, batch them within the memory, and name them in errors."""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

# fmt: off
SUFFIXES = {
    ".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2",
    ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm", ".psd", ".qoi",
    ".tga", ".tif", ".tiff", ".webp",
}
# fmt: on
"""Suffixes of image files in folders; a file that is given by name may have any suffix."""

BATCH, PIXELS = 64, 50_000_000
"""Maximum numbers of images and of pixels in a batch: 150 MB, and as much again for the next batch,
which is decoded at the same time."""


def find_images(names: Iterable[str], drawn: Path | None = None) -> Iterator[str]:
    """The given files, and the images in the given folders and their subfolders, in order.

    Args:
        names: files, folders, "-", and patterns such as `photos/*.jpg`, which the shells of Windows
            pass on as they are.
        drawn: a folder to skip, since its images are the output of this command.

    Yields:
        Paths, including those of folders that cannot be opened: reading them raises the error.
    """
    errors: list[OSError] = []
    for name in itertools.chain.from_iterable(map(_matching, names)):
        if name == "-" or not is_folder(name):
            yield name
            continue
        visited: set[tuple[int, int]] = set()
        for path in filter(None, (drawn, Path(name))):
            is_new_folder(path, visited)
        for folder, inner, files in os.walk(name, onerror=errors.append, followlinks=True):
            # Hidden files are thumbnails and metadata of desktops, or incomplete files.
            paths = [Path(folder, name) for name in sorted(inner) if not name.startswith(".")]
            inner[:] = [path.name for path in paths if is_new_folder(path, visited)]
            for file in sorted(files):
                if Path(file).suffix.lower() in SUFFIXES and not file.startswith("."):
                    yield str(Path(folder, file))
    yield from (error.filename for error in errors)


def state(path: str | os.PathLike) -> tuple[int, int] | None:
    """Time of modification and size of a file: another if it was written again; None if there is
    no file."""
    with contextlib.suppress(OSError, ValueError):
        status = Path(path).stat()
        return status.st_mtime_ns, status.st_size
    return None


def _matching(name: str) -> list[str]:
    """Files and folders that match a pattern; otherwise the name itself."""
    if not glob.has_magic(name) or os.path.lexists(name):
        return [name]
    return sorted(glob.glob(name)) or [name]  # noqa: PTH207, Path.glob takes no absolute pattern


def is_new_folder(path: Path, visited: set[tuple[int, int]]) -> bool:
    """Whether a folder was not visited before, since links can form cycles; marks it as visited."""
    try:
        status = path.stat()
    except OSError:  # walking it raises the error
        return True
    identity = status.st_dev, status.st_ino
    if identity in visited:
        return False
    visited.add(identity)
    return True


def is_folder(name: str) -> bool:
    """Whether the name is that of a folder; False without the permission to find out."""
    try:
        return bool(name) and Path(name).is_dir()  # Path("") is the working directory
    except OSError:
        return False


def batches(
    images: Iterable, most: int = BATCH, image_of: Callable[[Any], Any] = lambda image: image
) -> Iterator[list]:
    """Images in batches of at most `most` and, by the sizes in headers, `PIXELS` pixels.

    Args:
        images: as `Reader.read` takes them, or objects that have them.
        most: maximum number of images in a batch.
        image_of: function from such an object to its image.
    """
    batch, pixels = [], 0
    for image in images:
        size = _pixels(image_of(image))
        if batch and (len(batch) == most or pixels + size > PIXELS):
            yield batch
            batch, pixels = [], 0
        batch.append(image)
        pixels += size
    if batch:
        yield batch


def _pixels(image: Any) -> int:
    """Number of pixels of an image, of a file from its header; 0 if that cannot be read."""
    from number_zoo.images import measure_image

    try:
        # Opening a pipe would block, and what is read from one is gone.
        is_path = isinstance(image, str | os.PathLike)
        if Path(image).is_file() if is_path else getattr(image, "seekable", lambda: True)():
            width, height = measure_image(image)
            return width * height
    except Exception:  # any error of Pillow: decoding raises it again
        pass
    return 0


def message(error: BaseException) -> str:
    """The message of an error; that of the operating system about a file without its number."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
