"""A folder of one's own photos with a `labels.csv`, as a data set.

    photos/
        labels.csv          file,label
        front_door.jpg      front_door.jpg,12
        images/gate.png     gate.png,7

Pictures lie beside `labels.csv` or in `images/`. Further columns are ignored; an empty label
says that the picture shows no number. Train, validation and test are told apart by a hash of the
file's name alone, so that a photo never changes sides when others are added or removed.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import labels

LABELS_FILE = "labels.csv"
TEST_SHARE = 0.15
VALIDATION_SHARE = 0.10


@dataclass(frozen=True, slots=True)
class Photo:
    """One row of `labels.csv`: `file` as written there, the number and where the picture is."""

    file: str
    number: str
    path: Path


def split_of(file: str) -> str:
    """The split that a file's name puts it in: 15 % test, 10 % validation, 75 % train.

    The rule: SHA-256 of the name's last part in UTF-8, its first 8 bytes as a fraction of 2^64;
    below 0.15 is test, below 0.25 validation.
    """
    name = PurePosixPath(file.replace("\\", "/")).name
    fraction = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    if fraction < TEST_SHARE:
        return "test"
    return "validation" if fraction < TEST_SHARE + VALIDATION_SHARE else "train"


def read_folder(folder: str | Path, split: str | None = None) -> list[Photo]:
    """Read the rows of a folder's `labels.csv`, in their order.

    Args:
        folder: folder that holds `labels.csv`.
        split: `"train"`, `"validation"` or `"test"`. Defaults to all rows.

    Raises:
        FileNotFoundError: if the folder, its `labels.csv` or a picture is missing.
        ValueError: if a row is wrong; names the file and the line.
    """
    folder = Path(folder)
    table = folder / LABELS_FILE
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}")
    if not table.is_file():
        raise FileNotFoundError(
            f"{folder} has no {LABELS_FILE}: a text file with the columns file,label"
        )
    photos, seen = [], {}
    for line, file, label in _rows(table):
        photo = _check_row(folder, f"{table}, line {line}", file, label)
        if photo.path in seen:
            raise ValueError(
                f"{table}, line {line}: {file!r} is already on line {seen[photo.path]}"
            )
        seen[photo.path] = line
        photos.append(photo)
    if not photos:
        raise ValueError(f"{table} has no rows")
    return [photo for photo in photos if split is None or split_of(photo.file) == split]


def _rows(table: Path) -> list[tuple[int, str, str]]:
    """Line number, file and label of each row; handles a BOM, CRLF, and `;` or tab for `,`."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{table} is not UTF-8 text. Received: {error}") from error
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    columns = [column.strip().lower() for column in reader.fieldnames or []]
    reader.fieldnames = columns
    for wanted in ("file", "label"):
        if wanted not in columns:
            raise ValueError(
                f"{table}, line 1: no column {wanted!r}; the columns are file,label. "
                f"Received: {header.strip()!r}"
            )
    rows = []
    for row in reader:
        if row["file"] is None or row["label"] is None:
            raise ValueError(f"{table}, line {reader.line_num}: fewer fields than columns")
        rows.append((reader.line_num, row["file"].strip(), row["label"].strip()))
    return rows


def _check_row(folder: Path, where: str, file: str, label: str) -> Photo:
    parts = PurePosixPath(file.replace("\\", "/")).parts
    if not file or PureWindowsPath(file).anchor or file.startswith("/") or ".." in parts:
        raise ValueError(
            f"{where}: a file is given by its path within the folder, without '..'. "
            f"Received: {file!r}"
        )
    relative = Path(*parts)
    if label:
        try:
            labels.check_number(label)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
    for path in (folder / relative, folder / "images" / relative):
        if path.is_file():
            return Photo(file, label, path)
    raise FileNotFoundError(f"{where}: there is no picture {folder / relative} nor in images/")
