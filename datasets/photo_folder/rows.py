"""Rows, the common form of all layouts: file name, label, boxes and split as written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from datasets.photo_folder.values import class_label, split_in

_WHOLE_NUMBER = re.compile(r"[0-9]{2,}")


@dataclass(frozen=True)
class Row:
    """An image and its label, not checked yet.

    Attributes:
        location: location of the row, such as "labels.csv, line 3".
        file: name of the image as written.
        label: its label as written.
        boxes: float (n, 4), left, top, right, bottom in pixels; None if the row has none.
        split: name of the split as written; "" for none.
        error: reason why the row cannot be used, and the correction; "" if it can be used.
        turn: quarter turns that make a whole number upright as written; "" for none.
    """

    location: str
    file: str
    label: str
    boxes: np.ndarray | None = None
    split: str = ""
    error: str = ""
    turn: str = ""


@dataclass(frozen=True)
class Layout:
    """The rows of a folder and its layout.

    Attributes:
        name: description of the layout, such as "labels.csv (columns file, label)".
        rows: the rows, in order.
        notes: what was assumed.
    """

    name: str
    rows: list[Row]
    notes: list[str] = field(default_factory=list)


def image_row(image: Path, root: Path, label: str = "", error: str = "", location: str = "") -> Row:
    """The row of an image without a table; the names of its folders may give the split."""
    file = image.relative_to(root)
    split = split_in(file.parent.as_posix())
    return Row(location or file.as_posix(), file.as_posix(), label, split=split, error=error)


def join_objects(rows: Iterable[Row]) -> list[Row]:
    """Join the rows of each file, one for each box, from left to right into one label.

    Boxes are arrays (1, 4). The class of a digit may be a word ("seven"). A row without a box and
    without a label means an image without a number.

    If at least a tenth of the boxes have labels of several digits, all boxes are those of whole
    numbers: the rows are not joined, and rows without a box are dropped from files with boxes.
    """
    rows = [replace(row, label=class_label(row.label)) for row in rows]
    boxed = [row for row in rows if row.boxes is not None]
    numbers = [row for row in boxed if _WHOLE_NUMBER.fullmatch(row.label)]
    if boxed and len(numbers) >= 0.1 * len(boxed):
        files = {row.file for row in boxed}
        return [row for row in rows if row.error or row.boxes is not None or row.file not in files]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.file, []).append(row)
    return [_join(group) for group in groups.values()]


def _join(rows: list[Row]) -> Row:
    for row in rows:
        if row.error:
            return row
    digits = [row for row in rows if row.boxes is not None]
    if not digits:
        return rows[0]
    digits.sort(key=lambda row: row.boxes[0, 0] + row.boxes[0, 2])
    for row, other in pairwise(digits):
        if np.array_equal(row.boxes, other.boxes):
            return replace(other, error=f"the box of {row.location} once more: delete one of them")
    label = "".join(row.label for row in digits)
    return replace(digits[0], label=label, boxes=np.concatenate([row.boxes for row in digits]))
