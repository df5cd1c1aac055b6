"""The images and boxes of one SVHN split, from its archive or from its extracted folder.

An archive is read twice and never extracted: once for `digitStruct.mat` and the names of the
images, once for the images. Nothing in it is trusted: names, kinds, sizes and the sum of all
sizes are checked, and an image counts only if it decodes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import io
import logging
import shutil
import tarfile
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from PIL import Image

from .digit_struct import (
    DigitStruct,
    DigitStructError,
    Entry,
    read_digit_struct,
)

log = logging.getLogger(__name__)

STRUCT_NAME = "digitStruct.mat"
MOST_IMAGE_BYTES = 32 << 20
MOST_IMAGE_PIXELS = 64_000_000
MOST_MEMBERS = 1_000_000
MOST_HEADER_BYTES = 1 << 16
MOST_GROWTH = 100
"""Times its own size that an archive may unpack to (and 64 MiB); the official ones stay below 2."""


class ArchiveError(ValueError):
    """An archive or folder that is not a split of SVHN; the message names it and the member."""


@dataclasses.dataclass(frozen=True)
class Example:
    """An image as its encoded bytes, with its entry of `digitStruct.mat`."""

    entry: Entry
    image: bytes


@dataclasses.dataclass
class Skipped:
    """What was left out of a split, counted by reason, with the first of each as an example."""

    counts: Counter = dataclasses.field(default_factory=Counter)
    first: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(self, reason: str, example: str, count: int = 1) -> None:
        self.counts[reason] += count
        self.first.setdefault(reason, example)

    def __str__(self) -> str:
        return "; ".join(
            f"{count} {reason} (first: {self.first[reason]})"
            for reason, count in sorted(self.counts.items())
        )


def find_split(split: str, folders: Iterable[Path]) -> Path | None:
    """The archive (`train.tar.gz`, `train.tar`) or extracted folder (`train/`) of a split.

    Args:
        split: `"train"`, `"test"` or `"extra"`.
        folders: where to look, the first hit wins.
    """
    for folder in folders:
        for name in (f"{split}.tar.gz", f"{split}.tar", f"{split}/{STRUCT_NAME}"):
            if (folder / name).is_file():
                return (folder / name).parent if name.endswith(".mat") else folder / name
    return None


def read_split(
    path: Path, split: str, *, skip_broken: bool = False, skipped: Skipped | None = None
) -> Iterator[Example]:
    """Read every image of a split with its entry.

    Args:
        path: an archive, or a folder that holds `digitStruct.mat` and the images.
        split: the folder inside the archive.
        skip_broken: leave out, count and report what is broken: entries, images that do not
            decode, images listed but absent and present but unlisted. By default the first
            is an error. An unsafe or broken archive is always one.
        skipped: filled with what was left out.

    Yields:
        Examples, in the order of the archive, or of `digitStruct.mat` for a folder.

    Raises:
        ArchiveError: as said above.
        DigitStructError: if `digitStruct.mat` is broken.
        OSError: if something cannot be read, or there is no room for a temporary file.
    """
    skipped = Skipped() if skipped is None else skipped
    source = _Folder(path) if path.is_dir() else _Tar(path, split)
    structs, present = source.survey(skip_broken)
    for entry, problem in structs.skipped.items():
        skipped.add("broken entries", f"entry {entry + 1}: {problem}")
    if len(structs) + len(structs.skipped) == 0:
        raise ArchiveError(f"{path}: {STRUCT_NAME} lists no images")
    wanted = _match(path, structs, present, skip_broken, skipped)
    for name, data in source.images(wanted):
        if problem := image_problem(data):
            if not skip_broken:
                raise ArchiveError(f"{path}: {name}: {problem}")
            skipped.add("images that do not decode", f"{name}: {problem}")
            continue
        yield Example(structs.entry(wanted[name]), data)
    if skipped.counts:
        log.warning("%s: left out %s", path, skipped)


def _match(
    path: Path, structs: DigitStruct, present: set[str], skip_broken: bool, skipped: Skipped
) -> dict[str, int]:
    """Index of the entry of every image that is both listed and present."""
    index: dict[str, int] = {}
    twice = []
    for place, name in enumerate(structs.names.tolist()):
        if name in index:
            twice.append(name)
        index.setdefault(name, place)
    absent = [name for name in index if name not in present]
    # An entry that was left out as broken still lists its image, under a name not known here.
    unlisted = sorted(present - index.keys()) if not structs.skipped else []
    for reason, names in (
        ("images listed twice", twice),
        ("images listed but absent", absent),
        ("images present but not listed", unlisted),
    ):
        if names and not skip_broken:
            few = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            raise ArchiveError(f"{path}: {len(names)} {reason}: {few}")
        if names:
            skipped.add(reason, names[0], len(names))
    return {name: place for name, place in index.items() if name in present}


def image_problem(data: bytes) -> str | None:
    """What keeps `data` from being a PNG image that decodes; None if nothing does."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            width, height = image.size
            if width * height > MOST_IMAGE_PIXELS:
                return f"it has {width} x {height} pixels, more than {MOST_IMAGE_PIXELS}"
            image.verify()  # checksums of all chunks; the image must be opened again to decode
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, zlib.error, Image.DecompressionBombError) as error:
        return f"it does not decode as PNG ({error or type(error).__name__})"
    return None


class _Folder:
    def __init__(self, path: Path):
        self.path = path

    def survey(self, skip_broken: bool) -> tuple[DigitStruct, set[str]]:
        structs = read_digit_struct(self.path / STRUCT_NAME, skip_broken=skip_broken)
        return structs, {file.name for file in self.path.glob("*.png") if file.name[0] != "."}

    def images(self, wanted: dict[str, int]) -> Iterator[tuple[str, bytes]]:
        for name in wanted:  # each is the name of a file in the folder, so no path
            file = self.path / name
            if (size := file.stat().st_size) > MOST_IMAGE_BYTES:
                raise ArchiveError(f"{file}: {size} bytes; accepted: {MOST_IMAGE_BYTES}")
            yield name, file.read_bytes()


class _Tar:
    def __init__(self, path: Path, split: str):
        self.path, self.split = path, split

    def survey(self, skip_broken: bool) -> tuple[DigitStruct, set[str]]:
        present: set[str] = set()
        with _naming(self.path), tempfile.TemporaryDirectory(prefix="svhn-") as folder:
            struct_path = Path(folder) / STRUCT_NAME
            for name, _, data in self._members():
                if name in present or (name == STRUCT_NAME and struct_path.exists()):
                    raise _Refused(f"it has two members called {name}")
                if name == STRUCT_NAME:
                    with struct_path.open("wb") as file:
                        shutil.copyfileobj(data, file, 1 << 20)
                elif name.endswith(".png"):
                    present.add(name)
            if not struct_path.exists():
                raise _Refused(f"it holds no {self.split}/{STRUCT_NAME}")
            try:
                return read_digit_struct(struct_path, skip_broken=skip_broken), present
            except DigitStructError as error:  # name the archive, which is what the user has
                text = str(error).replace(str(struct_path), f"{self.path}: {STRUCT_NAME}")
                raise DigitStructError(text) from None

    def images(self, wanted: dict[str, int]) -> Iterator[tuple[str, bytes]]:
        with _naming(self.path):
            for name, size, data in self._members():
                if name not in wanted:
                    continue
                if size > MOST_IMAGE_BYTES:
                    raise _Refused(f"{name}: {size} bytes; accepted: {MOST_IMAGE_BYTES}")
                yield name, data.read()

    def _members(self) -> Iterator[tuple[str, int, BinaryIO]]:
        """Name, size and content of every file in the split's folder, checked, to the very end."""
        limit = MOST_GROWTH * self.path.stat().st_size + (64 << 20)
        with contextlib.ExitStack() as stack:
            raw = stack.enter_context(self.path.open("rb"))
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            plain = stack.enter_context(gzip.GzipFile(fileobj=raw)) if packed else raw
            content = _Bounded(plain, limit)
            tar = stack.enter_context(
                tarfile.open(fileobj=content, mode="r|", tarinfo=_CheckedHeader)
            )
            for count, member in enumerate(tar):
                tar.members = []  # else tarfile remembers every member it has passed
                if count >= MOST_MEMBERS:
                    raise _Refused(f"it has more than {MOST_MEMBERS} members")
                name = self._check_member(member)
                if member.isreg() and name is not None:
                    yield name, member.size, tar.extractfile(member)
            while content.read(1 << 20):  # on to the checksum at the end
                pass

    def _check_member(self, member: tarfile.TarInfo) -> str | None:
        """The name of a file of this split; None for anything else that does no harm."""
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
            raise _Refused(f"a member leaves the archive's folder: {member.name!r}")
        if not (member.isdir() or member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)):
            raise _Refused(f"a member is neither file nor folder: {member.name!r}")
        if path.parts[:-1] != (self.split,) or path.name.startswith("."):
            return None
        return path.name


class _Refused(Exception):
    """Something in an archive that is not accepted; the path is added where it is known."""


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say of every way to fail at reading an archive which archive it was."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveError(f"{path}: it is cut short or broken ({error})") from None
    except _Refused as error:
        raise ArchiveError(f"{path}: {error}") from None


class _CheckedHeader(tarfile.TarInfo):
    """A tar header that is refused where tarfile would stop without a word or fill the memory."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # the block of zeros at the end
            raise
        except tarfile.HeaderError as error:
            raise _Refused(f"it is cut short or broken ({error})") from None
        plain = header.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
        if not plain and header.size > MOST_HEADER_BYTES:
            raise _Refused(f"a header of {header.size} bytes; accepted: {MOST_HEADER_BYTES}")
        return header


class _Bounded:
    """A file that refuses to give more than `limit` bytes in all."""

    def __init__(self, file: BinaryIO, limit: int):
        self._file, self._left, self._limit = file, limit, limit

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _Refused(f"it unpacks to more than {self._limit} bytes, {MOST_GROWTH} times it")
        return data
