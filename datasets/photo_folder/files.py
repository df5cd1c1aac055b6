"""Find images in a folder, and the file that a table means by a name."""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from datasets.photo_folder.values import IMAGE, Unclear

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
_UPLOAD = re.compile("^[0-9a-f]{8}-")  # Label Studio puts it before the names of files


def normalized(file: str) -> str:
    """The last part of a file's name in the normal form NFC."""
    return unicodedata.normalize("NFC", file.replace("\\", "/").rpartition("/")[2])


def find_images(folder: Path) -> list[Path]:
    """Images in a folder and its subfolders, in order; hidden ones are left out."""
    return [
        Path(parent, name)
        for parent, inner, files in _walk(folder)
        for name in sorted(files)
        if IMAGE.search(name)
    ]


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for parent, inner, files in os.walk(folder, followlinks=False):
        inner[:] = sorted(name for name in inner if name[0] != "." and name != "__MACOSX")
        yield parent, inner, [name for name in files if name[0] != "."]


def _local(name: str) -> str:
    """The path in a URL, or the name itself."""
    if re.match(r"(file|https?|s3|gs)://", name, re.IGNORECASE):
        return unquote(urlsplit(name).path)
    return name


class Files:
    """Files of a folder, found by the names that tables have."""

    def __init__(self, root: Path, anywhere: bool):
        self.root = root
        self.anywhere = anywhere  # whether absolute paths and .. are followed
        self.renamed = 0

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """Paths by name in NFC and lower case, with and without suffix."""
        index: dict[str, list[Path]] = {}
        for parent, _, files in _walk(self.root):
            for name in sorted(files):
                path, key = Path(parent, name), normalized(name).casefold()
                index.setdefault(key, []).append(path)
                if IMAGE.search(name):
                    index.setdefault(key.rpartition(".")[0], []).append(path)
        return index

    @cached_property
    def _archives(self) -> list[str]:
        return sorted(p.name for p in self.root.iterdir() if p.suffix.lower() in _ARCHIVES)

    def find(self, file: str) -> Path:
        """The path of the image that a table names.

        It is within the folder or its `images/`, perhaps below other folders than the table has,
        in another case or normal form, without its suffix or with that of another format, or
        without the prefix of Label Studio, as long as just one file fits.

        Raises:
            Unclear: if there is no such file, or several.
        """
        try:
            name = _local(file.replace("\\", "/"))
            if not file:
                raise Unclear("no file is named")
            inside = not (name.startswith("/") or re.match("[A-Za-z]:", name)) and (
                ".." not in name.split("/"))  # fmt: skip
            if inside or self.anywhere:
                for path in (self.root / name, self.root / "images" / name):
                    if path.is_file():
                        return path
            return self._search(name)
        except (OSError, ValueError) as error:
            if isinstance(error, Unclear):
                raise
            raise Unclear(f"no file can have this name ({error})") from error

    def _search(self, name: str) -> Path:
        parts = [part for part in name.split("/") if part not in ("", ".", "..")]
        key = normalized(name).casefold()
        stem = key.rpartition(".")[0] if IMAGE.search(key) else key
        names = (key, _UPLOAD.sub("", key), stem)
        paths = next(filter(None, map(self._by_name.get, names)), [])
        exact = [path for path in paths if normalized(path.name) == normalized(name)]
        paths = exact or paths
        for count in range(len(parts), 1, -1):  # those that share the most folders
            ending = unicodedata.normalize("NFC", "/".join(parts[-count:])).casefold()
            same = [p for p in paths if unicodedata.normalize(
                "NFC", p.as_posix()).casefold().endswith(f"/{ending}")]  # fmt: skip
            if same:
                paths = same
                break
        if len(paths) == 1:
            self.renamed += not exact
            return paths[0]
        if paths:
            shown = ", ".join(p.relative_to(self.root).as_posix() for p in paths[:3])
            raise Unclear(f"{len(paths)} files may be meant ({shown}): write the path")
        near = difflib.get_close_matches(key, self._by_name, n=1, cutoff=0.7)
        nearest = self._by_name[near[0]][0].relative_to(self.root).as_posix() if near else ""
        hint = f"; the nearest name is {nearest}" if near else ""
        if self._archives and not near:
            hint = f": unpack {self._archives[0]}"
        place = "" if self.anywhere else f" in {self.root}"
        raise Unclear(f"there is no such image{place}, nor in images/{hint}")
