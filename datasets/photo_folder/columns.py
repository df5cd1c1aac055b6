"""Find the columns of a table that have files, labels, boxes and splits: by name, or by content."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datasets.photo_folder.values import IMAGE, Unclear, clean, parse_label, split_in

Grid = list[tuple[int, list[str]]]
"""Line number and cells of each row of a table."""

HEADERS = {
    "file": "file filename file_name filepath file_path image image_path image_file image_name "
    "img img_path img_name path name photo picture image_id images img_id source uri url "
    "image_url photo_url",
    "label": "label number text plate_text labels digits reading transcription value ground_truth "
    "gt plate word words class class_name category target label_text ocr",
    "split": "split subset set partition",
    "boxes": "boxes box bbox bboxes",
    "left": "left xmin x_min x1",
    "top": "top ymin y_min y1",
    "right": "right xmax x_max x2",
    "bottom": "bottom ymax y_max y2",
    "turn": "turn turns",
}
"""Names of columns for each meaning, in descending order of preference."""

MEASURES = (
    "id index idx count size width height area score confidence conf probability time x y w h page "
    "frame"
)
"""Words in the names of numeric columns that are not labels."""


def find_columns(path: Path, grid: Grid) -> tuple[dict[str, int], list[str], Grid]:
    """The index of each meaning's column, names of all columns, and the rows below the header.

    Names are empty if there is no header.
    """
    # Spreadsheets may have titles above their header; the names of columns identify it.
    named = [named_columns(cells) for _, cells in grid[:10]]
    start = next((n for n, columns in enumerate(named) if {"file", "label"} <= columns.keys()), 0)
    first = names = grid[start][1]
    columns, body = named[start], grid[start + 1 :]
    if any(IMAGE.search(clean(cell)) for cell in first):
        columns, names, body = {}, [""] * len(first), grid[start:]
    keys = list(map(key_of, names))
    for at in columns.values():
        if keys.count(keys[at]) > 1:
            raise ValueError(f"{path}: several columns are named {names[at]!r}: rename all but one")
    contents: dict[int, list[str]] = {
        at: [clean(cells[at]) for _, cells in body[:200] if at < len(cells) and clean(cells[at])]
        for at in range(len(names))
        if at not in columns.values()
    }
    if "file" not in columns:
        fractions = {at: _fraction(texts, IMAGE.search) for at, texts in contents.items()}
        columns["file"] = max(fractions, key=fractions.get, default=-1)
        if fractions.get(columns["file"], 0.0) < 0.5:
            raise _no_column(path, "images", "file", first)
        del contents[columns["file"]]
    if "label" not in columns:
        fit = _label_columns(names, contents)
        if len(fit) > 1:
            shown = ", ".join(repr(names[at].strip()) if any(names) else str(at + 1) for at in fit)
            cure = "rename one to 'label'" if any(names) else "write a header such as file,label"
            raise ValueError(f"{path}: several columns may be the labels ({shown}): {cure}")
        fit = fit or list(contents)
        if not body or len(fit) != 1:
            raise _no_column(path, "labels", "label", first)
        columns["label"] = fit[0]
    return {role: columns[role] for role in HEADERS if role in columns}, names, body


def _label_columns(names: Sequence[str], contents: dict[int, list[str]]) -> list[int]:
    """Indices of the columns that may be labels, among those without a known name."""
    measures = set(MEASURES.split())
    fit = [
        at
        for at, texts in contents.items()
        if _fraction(texts, _is_label) >= 0.5 and measures.isdisjoint(key_of(names[at]).split("_"))
    ]
    return fit if len(fit) < 2 else [at for at in fit if not _counts_rows(contents[at])]


def _counts_rows(texts: Sequence[str]) -> bool:
    """Whether a column is the number of its row."""
    numbers = [int(text) for text in texts if text.isascii() and text.isdigit()]
    return len(numbers) == len(texts) and set(np.diff(numbers).tolist()) == {1}


def named_columns(cells: Sequence[str]) -> dict[str, int]:
    """Index of the column for each meaning in `HEADERS`, from the cells of a header."""
    keys, columns = list(map(key_of, cells)), {}
    for role, aliases in HEADERS.items():
        if known := [alias for alias in aliases.split() if alias in keys]:
            columns[role] = keys.index(known[0])
    return columns


def key_of(header: str) -> str:
    """The name of a column in the form used in `HEADERS`."""
    return re.sub(r"\W+", "_", clean(header).lower()).strip("_")


def _no_column(path: Path, what: str, role: str, first: Sequence[str]) -> ValueError:
    return ValueError(
        f"{path}, line 1: no column of {what}. Its name is one of {HEADERS[role]}: rename one to "
        f"{role!r}. Received: {', '.join(first)[:200]!r}"
    )


def _fraction(texts: Sequence[str], fits: Callable[[str], Any]) -> float:
    return sum(bool(fits(text)) for text in texts) / max(1, len(texts))


def _is_label(text: str) -> bool:
    try:
        parse_label(text, digits_only=True)
    except Unclear:
        return False
    return not IMAGE.search(text) and not split_in(text)
