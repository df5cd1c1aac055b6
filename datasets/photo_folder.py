"""A folder of photos with a `labels.csv`, as a data set.

    photos/
        labels.csv          file,label
        front_door.jpg      front_door.jpg,12
        images/gate.png     gate.png,7

Images are beside `labels.csv` or in `images/`. An empty label marks an image without a number.
Two more columns are optional and may be empty in a row; any others are ignored:

- `boxes`: left, top, right and bottom in pixels of each digit, or of the whole number, joined by
  semicolons: `10 5 18 25;19 5 27 25`;
- `split`: train, validation or test. Without it, a hash of the file's name decides, so that a
  photo stays in its split when others are added or removed.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

import labels
from datasets.registry import SPLITS

LABELS_FILE = "labels.csv"
TEST_FRACTION = 0.15
VALIDATION_FRACTION = 0.10

_COLUMNS = ("file", "label", "boxes", "split")


@dataclass(frozen=True, slots=True)
class Photo:
    """One row of `labels.csv`.

    Attributes:
        file: name of the image as written there.
        label: the digits, "" for none.
        path: path of the image.
        split: "train", "validation" or "test".
        boxes: float32 (n, 4), left, top, right, bottom of each digit or of the number, in pixels;
            None where the row has none.
    """

    file: str
    label: str
    path: Path
    split: str
    boxes: np.ndarray | None = None


def split_of(file: str) -> str:
    """The default split of a file: 15 % test, 10 % validation, 75 % train.

    SHA-256 of the name's last part in UTF-8, its first 8 bytes as a fraction of 2^64:
    below 0.15 is test, below 0.25 validation.
    """
    name = PurePosixPath(file.replace("\\", "/")).name
    fraction = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    if fraction < TEST_FRACTION:
        return "test"
    return "validation" if fraction < TEST_FRACTION + VALIDATION_FRACTION else "train"


def read_folder(folder: str | Path, split: str | None = None) -> list[Photo]:
    """Read the rows of a folder's `labels.csv`, in order.

    Args:
        folder: folder that holds `labels.csv`.
        split: `"train"`, `"validation"` or `"test"`. Defaults to all rows.

    Raises:
        FileNotFoundError: if the folder, its `labels.csv` or an image is missing.
        ValueError: if a row is invalid; names the file and the line.
    """
    folder = Path(folder)
    table = folder / LABELS_FILE
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}")
    if not table.is_file():
        raise FileNotFoundError(
            f"{folder} has no {LABELS_FILE}: a text file with the columns file,label"
        )
    photos, lines = [], {}
    for line, row in _read_rows(table):
        photo = _parse_row(folder, f"{table}, line {line}", row)
        if photo.path in lines:
            raise ValueError(
                f"{table}, line {line}: {photo.file!r} is already on line {lines[photo.path]}"
            )
        lines[photo.path] = line
        photos.append(photo)
    if not photos:
        raise ValueError(f"{table} has no rows")
    return [photo for photo in photos if split is None or photo.split == split]


def _read_rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """Line number and fields of each row; handles a BOM, CRLF, and `;` or tab for `,`."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{table} is not UTF-8 text. Received: {error}") from error
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    columns = [column.strip().lower() for column in reader.fieldnames or []]
    reader.fieldnames = columns
    for required in ("file", "label"):
        if required not in columns:
            raise ValueError(
                f"{table}, line 1: no column {required!r}; the columns are file,label. "
                f"Received: {header.strip()!r}"
            )
    rows = []
    for row in reader:
        if row["file"] is None or row["label"] is None:
            raise ValueError(f"{table}, line {reader.line_num}: fewer fields than columns")
        known = {name: (row.get(name) or "").strip() for name in _COLUMNS}
        rows.append((reader.line_num, known))
    return rows


def _parse_row(folder: Path, location: str, row: dict[str, str]) -> Photo:
    file, label, split = row["file"], row["label"], row["split"]
    parts = PurePosixPath(file.replace("\\", "/")).parts
    if not file or PureWindowsPath(file).anchor or file.startswith("/") or ".." in parts:
        raise ValueError(
            f"{location}: a file is given by its path within the folder, without '..'. "
            f"Received: {file!r}"
        )
    relative = Path(*parts)
    if label:
        try:
            labels.check_label(label)
        except ValueError as error:
            raise ValueError(
                f"{location}: {error}. Write the digits alone (12 for 12A), or leave the label "
                "empty for an image without a number"
            ) from error
    if split and split not in SPLITS:
        raise ValueError(f"{location}: a split is one of {', '.join(SPLITS)}. Received: {split!r}")
    boxes = _parse_boxes(location, row["boxes"], label)
    for path in (folder / relative, folder / "images" / relative):
        if path.is_file():
            return Photo(file, label, path, split or split_of(file), boxes)
    raise FileNotFoundError(f"{location}: there is no image {folder / relative} nor in images/")


def _parse_boxes(location: str, text: str, label: str) -> np.ndarray | None:
    if not text:
        return None
    try:
        boxes = np.array([[float(edge) for edge in box.split()] for box in text.split(";")])
    except ValueError:
        boxes = np.empty(0)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        raise ValueError(
            f"{location}: boxes are left, top, right and bottom in pixels, several joined by "
            f"semicolons. Received: {text!r}"
        )
    if not (boxes[:, 2:] > boxes[:, :2]).all():
        raise ValueError(f"{location}: a box has right > left and bottom > top. Received: {text!r}")
    if len(boxes) not in (1, len(label)):
        raise ValueError(
            f"{location}: {len(label)} digits have as many boxes, or one for all of them. "
            f"Received: {len(boxes)}"
        )
    return boxes.astype(np.float32)
