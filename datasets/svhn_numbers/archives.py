"""Read the images of an SVHN split with their annotations, from the archive or extracted folder.

An archive is not extracted but read twice: for `digitStruct.mat` and the names of the images, and
then for the images.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import tensorflow_datasets as tfds
from PIL import Image

from .digit_struct import Entry, read_digit_struct

STRUCT_NAME = "digitStruct.mat"


class ArchiveError(ValueError):
    """An archive or folder that is not a complete split of SVHN; the message names it."""


def find_split(split: str, folder: Path) -> Path | None:
    """The archive (`train.tar.gz`) or the extracted folder (`train/`) of a split, if it exists."""
    if (archive := folder / f"{split}.tar.gz").is_file():
        return archive
    return folder / split if (folder / split / STRUCT_NAME).is_file() else None


def read_split(path: str | os.PathLike, split: str) -> Iterator[tuple[Entry, bytes]]:
    """Read every image of a split with its annotation.

    Args:
        path: a gzipped tar archive, or a folder with `digitStruct.mat` and the images.
        split: name of the folder inside the archive.

    Yields:
        Annotation and encoded PNG of each image, in the order of the archive.

    Raises:
        ArchiveError: if the archive is damaged or incomplete.
        DigitStructError: if `digitStruct.mat` is damaged.
    """
    path = Path(path)
    try:
        entries, present = _survey(path, split)
        _refuse(path, "listed but absent", entries.keys() - present)
        _refuse(path, "present but not listed", present - entries.keys())
        for name, file in _members(path, split):
            if name in present:
                present.remove(name)  # an archive may contain a name twice
                data = file.read()
                if not _decodes(data):
                    _refuse(path, "that do not decode as PNG", {name})
                yield entries[name], data
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveError(f"{path} is damaged or incomplete ({error})") from error


def _refuse(path: Path, reason: str, names: set[str]) -> None:
    if names:
        raise ArchiveError(f"{path}: {len(names)} images {reason}: {', '.join(sorted(names)[:5])}")


def _survey(path: Path, split: str) -> tuple[dict[str, Entry], set[str]]:
    """The annotations by image name, and the names of the images that are present."""
    entries, present = None, set()
    for name, file in _members(path, split):
        if name == STRUCT_NAME:
            entries = read_digit_struct(f"{path}: {STRUCT_NAME}", file.read())
        elif name.endswith(".png") and not name.startswith("."):
            present.add(name)
    if entries is None:
        raise ArchiveError(f"{path} holds no {split}/{STRUCT_NAME}")
    return {entry.name: entry for entry in entries}, present


def _members(path: Path, split: str) -> Iterator[tuple[str, BinaryIO]]:
    """Name and content of each file in the split's folder."""
    if path.is_dir():
        for file in sorted(path.iterdir()):
            with file.open("rb") as content:
                yield file.name, content
        return
    for member, content in tfds.download.iter_archive(path, tfds.download.ExtractMethod.TAR_GZ):
        folder, _, name = member.rpartition("/")
        if folder == split:
            yield name, content


def _decodes(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, zlib.error, Image.DecompressionBombError):
        return False
    return True
