"""Find the images of a folder, match the names in tables to files, and read text files."""

from __future__ import annotations

import codecs
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rapidfuzz import process
from rapidfuzz.distance import Indel

from datasets.photo_folder.values import IMAGE, Unclear
from number_zoo.files import is_new_folder

_HINTS = 20
"""Maximum number of missing images for which the nearest name is searched."""

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UPLOAD = re.compile("^[0-9a-f]{8}-")  # Label Studio puts it before the names of files


def normalized(file: str) -> str:
    """The last part of a path in the Unicode normal form NFC."""
    return unicodedata.normalize("NFC", file.replace("\\", "/").rpartition("/")[2])


def find_images(folder: Path) -> list[Path]:
    """Images in a folder and its subfolders, in order; hidden files are left out."""
    return [path for path in _walk(folder) if IMAGE.search(path.name)]


def _walk(folder: Path) -> Iterator[Path]:
    visited: set[tuple[int, int]] = set()
    is_new_folder(folder, visited)
    for parent, inner, files in os.walk(folder, followlinks=True):
        names = sorted(name for name in inner if name[0] != "." and name != "__MACOSX")
        inner[:] = [name for name in names if is_new_folder(Path(parent, name), visited)]
        yield from (Path(parent, name) for name in sorted(files) if name[0] != ".")


def read_text(path: Path) -> tuple[str, str]:
    """The text and encoding of a file: by its byte order mark, else UTF-8, UTF-16, Windows-1252."""
    data = path.read_bytes()
    encodings = [encoding for mark, encoding in _MARKS if data.startswith(mark)][:1]
    if not encodings and data[:200].count(0) > len(data[:200]) / 10:
        # ASCII in UTF-16 has a zero in every second byte.
        low_first = data[1:200:2].count(0) >= data[:200:2].count(0)
        encodings = ["utf-16-le" if low_first else "utf-16-be"]
    for encoding in [*encodings, "utf-8"]:
        try:
            return data.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", "replace"), "cp1252"


class Files:
    """Files of a folder, to be found by the names in tables."""

    def __init__(self, root: Path, anywhere: bool):
        self.root = root
        self.anywhere = anywhere  # whether absolute paths and .. are allowed
        self.renamed = 0
        self._missing = 0

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """Paths by name in NFC and lower case, with and without suffix."""
        index: dict[str, list[Path]] = {}
        for path in _walk(self.root):
            key = normalized(path.name).casefold()
            index.setdefault(key, []).append(path)
            if IMAGE.search(key):
                index.setdefault(key.rpartition(".")[0], []).append(path)
        return index

    def find(self, file: str) -> Path:
        """The path of the image that a table names.

        The file is in the folder or its `images/`. It may have other parent folders, another case
        or normal form, another or no suffix, or lack the prefix of Label Studio, as long as exactly
        one file matches.

        Raises:
            Unclear: if there is no such file, or several, or it cannot be opened.
        """
        if not file:
            raise Unclear("no file is named")
        name = file.replace("\\", "/")
        try:
            if re.match(r"(file|https?|s3|gs)://", name, re.IGNORECASE):
                name = unquote(urlsplit(name).path)
            outside = re.match("/|[A-Za-z]:", name) or ".." in name.split("/")
            if self.anywhere or not outside:
                for path in (self.root / name, self.root / "images" / name):
                    if path.is_file():
                        return path
        except (OSError, ValueError) as error:
            raise Unclear(f"no file can have this name ({error})") from error
        return self._search(name)

    def _search(self, name: str) -> Path:
        key = normalized(name).casefold()
        stem = key.rpartition(".")[0] if IMAGE.search(key) else key
        names = (key, _UPLOAD.sub("", key), stem)
        paths = next(filter(None, map(self._by_name.get, names)), [])
        exact = [path for path in paths if normalized(path.name) == normalized(name)]
        paths = exact or paths
        if len(paths) > 1:
            folders = name.split("/")[:-1]
            most = max(_common_folders(path, folders) for path in paths)
            paths = [path for path in paths if _common_folders(path, folders) == most]
        if len(paths) == 1:
            if not paths[0].is_file():
                raise Unclear("it is a link to a file that is missing, or no regular file")
            self.renamed += not exact
            return paths[0]
        if paths:
            shown = ", ".join(path.relative_to(self.root).as_posix() for path in paths[:3])
            raise Unclear(f"{len(paths)} files may be meant ({shown}): write the path")
        raise Unclear(self._no_such_image(key))

    def _no_such_image(self, key: str) -> str:
        place = "" if self.anywhere else f" in {self.root}"
        text = f"there is no such image{place}, nor in images/"
        self._missing += 1
        if self._missing > _HINTS:  # thousands of names, each compared with thousands of files
            return text
        scorer = Indel.normalized_similarity
        if nearest := process.extractOne(key, [*self._by_name], scorer=scorer, score_cutoff=0.7):
            path = self._by_name[nearest[0]][0].relative_to(self.root)
            return f"{text}; the nearest name is {path.as_posix()}"
        archives = sorted(p.name for p in self.root.iterdir() if p.suffix.lower() in _ARCHIVES)
        return f"{text}: unpack {archives[0]}" if archives else text


def _common_folders(path: Path, folders: Sequence[str]) -> int:
    """Number of trailing folders that a path has in common with a path in a table."""
    pairs = zip(reversed(path.parts[:-1]), reversed(folders), strict=False)
    same = (normalized(a).casefold() == normalized(b).casefold() for a, b in pairs)
    return sum(takewhile(bool, same))
