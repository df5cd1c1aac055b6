"""Read a folder of photos in the layout that it has; all rows that cannot be used are one error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from datasets.photo_folder import splits, values
from datasets.photo_folder.files import Files
from datasets.photo_folder.layouts import read_layout
from datasets.photo_folder.options import ReadOptions, parse_source
from datasets.photo_folder.rows import Row
from datasets.photo_folder.values import Unclear
from datasets.registry import SPLITS

SHOWN = 20
"""Bad rows that an error shows."""


@dataclass(frozen=True, slots=True)
class Photo:
    """An image of a folder and its label.

    Attributes:
        file: name of the image as its table has it.
        label: the digits, "" for none.
        path: path of the image.
        split: "train", "validation" or "test".
        boxes: float32 (n, 4), left, top, right, bottom of each digit or of the number, in pixels;
            None where the row has none.
        location: where the row is, such as "labels.csv, line 3".
        turn: counter-clockwise quarter turns that make the number upright.
    """

    file: str
    label: str
    path: Path
    split: str
    boxes: np.ndarray | None = None
    location: str = ""
    turn: int = 0

    @property
    def box(self) -> np.ndarray:
        """float32 (4,), around all boxes; NaN where the row has none."""
        if self.boxes is None:
            return np.full(4, np.nan, np.float32)
        return np.concatenate([self.boxes[:, :2].min(axis=0), self.boxes[:, 2:].max(axis=0)])


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: where it is, its file, and what is wrong and what to do."""

    location: str
    file: str
    reason: str


class BadRows(ValueError):
    """Rows that cannot be used.

    Attributes:
        rows: all of them.
    """

    def __init__(self, source: Path, rows: Sequence[BadRow], total: int):
        self.rows = list(rows)
        lines = [f"{row.location}: {row.file}: {row.reason}" for row in rows[:SHOWN]]
        more = [f"and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
        cure = "Correct them, or leave them out with --skip-bad"
        if len(rows) == total:
            cure = "Correct them"
        head = f"{source}: {len(rows)} of {total} rows cannot be used"
        super().__init__("\n  ".join([f"{head}:", *lines, *more]) + f"\n{cure}")


@dataclass(frozen=True)
class Folder:
    """A folder as it was understood.

    Attributes:
        source: its path, or that of its table.
        layout: what its layout is.
        photos: the usable images, in order.
        skipped: rows that were left out.
        notes: what was assumed.
        rows: number of all rows, repeated ones as well.
    """

    source: Path
    layout: str
    photos: list[Photo]
    skipped: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: int = 0

    def summary(self) -> str:
        """One line: layout, images, labels by length, splits, and what was assumed."""
        lengths = Counter(len(photo.label) for photo in self.photos)
        splits = {photo.path: photo.split for photo in self.photos}
        counts, numbers = Counter(splits.values()), len(self.photos) - lengths[0]
        kinds = [f"{lengths[n]:,} of {n}" for n in sorted(lengths) if n]
        none = [f"{lengths[0]:,} without a number"] if lengths[0] else []
        parts = [
            f"{self.source}: {self.layout}",
            f"{len(splits):,} image{'s' if len(splits) != 1 else ''}",
            *([f"{numbers:,} numbers"] if len(self.photos) > len(splits) else []),
            f"digits: {', '.join(kinds + none)}",
            ", ".join(f"{name} {counts[name]:,}" for name in SPLITS),
            *([f"bad rows left out: {len(self.skipped)}"] if self.skipped else []),
            *self.notes,
        ]
        return "; ".join(parts)


def understand(source: str | Path, several: bool = False) -> Folder:
    """Read a folder or table, with every row checked but its image not decoded.

    Args:
        source: path, perhaps with options as `options.parse_source` takes them.
        several: whether an image may show several numbers, each in a row of its own with the
            box of the whole number; `Folder.photos` then has as many photos of the same path.

    Raises:
        FileNotFoundError: if the folder or its labels are missing.
        BadRows: if rows cannot be used and are not to be skipped, or none can be used.
        ValueError: if no layout fits.
    """
    path, options = parse_source(source)
    layout, root = read_layout(path, options)
    files, notes = Files(root, anywhere=path.is_file()), list(layout.notes)
    rows = layout.rows
    if values.float_column([row.label for row in rows]):
        notes.append("labels are floats and may have lost leading zeros")
        rows = [replace(row, label=values.clean(row.label).removesuffix(".0")) for row in rows]
    photos: dict[Path, list[Photo]] = {}
    bad, repeated, conflicts = [], 0, set()
    for row in rows:
        try:
            photo = _photo(row, files, options)
            known = photos.setdefault(photo.path, [])
            if any(_is_same(photo, other, several) for other in known):
                repeated += 1
            else:
                if known and not (several and photo.label and known[0].label):
                    conflicts.add(photo.path)
                    raise Unclear(_conflict(photo, known[0]))
                known.append(photo)
        except Unclear as error:
            bad.append(BadRow(row.location, row.file, str(error)))
    if bad and (not options.skip_bad or not photos):
        raise BadRows(path, bad, len(rows))
    if not photos:
        raise ValueError(f"{path} has no rows")
    if files.renamed:
        notes.append(f"names that differ from their files in case, form or suffix: {files.renamed}")
    if conflicts and not several:
        notes.append(f"images with several numbers or labels: {len(conflicts)}")
    if repeated:
        notes.append(f"repeated rows: {repeated}")
    chosen, note = splits.divide(
        [numbers[0].file for numbers in photos.values()],
        [numbers[0].split for numbers in photos.values()],
        options.fold,
    )
    divided = [
        replace(photo, split=split)
        for numbers, split in zip(photos.values(), chosen, strict=True)
        for photo in numbers
    ]
    return Folder(path, layout.name, divided, bad, [*notes, *filter(None, [note])], len(rows))


def _is_same(photo: Photo, other: Photo, several: bool) -> bool:
    """Whether two rows of an image label the same number."""
    if photo.label != other.label:
        return False
    if not several or photo.boxes is None or other.boxes is None:
        return True
    return np.array_equal(photo.boxes, other.boxes)


def _conflict(photo: Photo, first: Photo) -> str:
    text = f"labelled {photo.label!r} here and {first.label!r} at {first.location}: "
    text += "delete one of the rows"
    if photo.label and first.label:
        text += (
            ". If the image has several numbers, of which a reader learns one, keep that of the "
            "largest; evaluate.py and a locator take all of them"
        )
    return text


def _photo(row: Row, files: Files, options: ReadOptions) -> Photo:
    if row.error:
        raise Unclear(row.error)
    path = files.find(row.file)
    label = values.parse_label(row.label, options.labels == "digits")
    if isinstance(row.boxes, str):
        boxes = values.parse_boxes(row.boxes, label) if label else None
    else:
        boxes = values.check_boxes(row.boxes, label) if label else None
    split, turn = values.parse_split(row.split), values.parse_turn(row.turn)
    return Photo(row.file, label, path, split, boxes, row.location, turn)


def unusable_splits(folder: Folder, needed: Iterable[str] = ("train", "validation")) -> str:
    """Why a folder cannot be trained on, and what to do; "" where it can."""
    counts = Counter(photo.split for photo in folder.photos)
    empty = [split for split in needed if not counts[split]]
    if not empty:
        return ""
    count = len(folder.photos)
    if count < splits.FEWEST:
        cure = f"label more, or cross-validate with --fold 1/{count}" if count > 1 else "label more"
        return f"{folder.source} has {count} images, too few to be divided: {cure}"
    return (
        f"{folder.source} has no images in its split {' and '.join(empty)}: write these words into "
        "the split column of some rows"
    )
