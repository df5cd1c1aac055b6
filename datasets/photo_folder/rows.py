"""What every layout is read into: rows of a file's name, its label, boxes and split as written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from datasets.photo_folder.values import class_label

_WHOLE_NUMBER = re.compile(r"[0-9]{2,}")


@dataclass(frozen=True)
class Row:
    """An image and its label, not checked yet.

    Attributes:
        location: where it is written, such as "labels.csv, line 3".
        file: name of the image as written.
        label: its label as written.
        boxes: boxes as written, or float (n, 4), left, top, right, bottom in pixels.
        split: name of the split as written; "" for none.
        turn: quarter turns that make a whole number upright as written; "" for none.
        error: why the row cannot be used, where the layout can tell.
    """

    location: str
    file: str
    label: str
    boxes: str | np.ndarray = ""
    split: str = ""
    error: str = ""
    turn: str = ""


@dataclass(frozen=True)
class Layout:
    """The rows of a folder and how they were found.

    Attributes:
        name: what the layout is, such as "labels.csv (columns file, label)".
        rows: the rows, in order.
        notes: what was assumed.
    """

    name: str
    rows: list[Row]
    notes: list[str] = field(default_factory=list)


def join_objects(rows: Iterable[Row]) -> list[Row]:
    """Join the rows of each file, one for each box, into one label from left to right.

    Boxes are arrays (1, 4). The class of a digit may be a word ("seven"). Rows without a box and
    without a label stand for an image without a number.

    If a tenth of the boxes or more have labels of several digits, all boxes are those of whole
    numbers: the rows stay apart, but for those without a box in files that have others.
    """
    rows = list(rows)
    boxed = [row for row in rows if not isinstance(row.boxes, str)]
    whole = [row for row in boxed if _WHOLE_NUMBER.fullmatch(class_label(row.label))]
    if boxed and len(whole) >= 0.1 * len(boxed):
        with_box = {row.file for row in boxed}
        return [
            replace(row, label=class_label(row.label))
            for row in rows
            if row.error or row.file not in with_box or not isinstance(row.boxes, str)
        ]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.file, []).append(row)
    joined = []
    for objects in groups.values():
        errors = [row.error for row in objects if row.error]
        objects = [row for row in objects if not isinstance(row.boxes, str)] or objects[:1]
        if not isinstance(objects[0].boxes, str):
            objects.sort(key=lambda row: float(row.boxes[0, [0, 2]].sum()))
        label = "".join(class_label(row.label) for row in objects)
        boxes = objects[0].boxes
        if len(objects) > 1:
            boxes = np.concatenate([row.boxes for row in objects])
        joined.append(replace(objects[0], label=label, boxes=boxes, error="".join(errors[:1])))
    return joined
