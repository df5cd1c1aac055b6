"""Read a folder of photos in any layout; one error reports all rows that cannot be used."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from datasets.crops import union_box
from datasets.photo_folder import splits, values
from datasets.photo_folder.facts import ImageFacts, measure
from datasets.photo_folder.files import Files
from datasets.photo_folder.layouts import read_layout
from datasets.photo_folder.options import ReadOptions, parse_source
from datasets.photo_folder.rows import Row
from datasets.photo_folder.values import Unclear
from datasets.registry import SPLITS

SHOWN = 20
"""Maximum number of bad rows in an error message."""


@dataclass(frozen=True, slots=True)
class Photo:
    """An image of a folder and its label.

    Attributes:
        file: name of the image as in its table.
        label: the digits, "" for none.
        path: path of the image.
        split: "train", "validation" or "test".
        boxes: float32 (n, 4), left, top, right, bottom of each digit or of the number, in pixels;
            None if the row has none.
        location: where the row is, such as "labels.csv, line 3".
        turn: counter-clockwise quarter turns that make the number upright.
        facts: result of decoding the image; None if it was not decoded.
    """

    file: str
    label: str
    path: Path
    split: str
    boxes: np.ndarray | None = None
    location: str = ""
    turn: int = 0
    facts: ImageFacts | None = None

    @property
    def box(self) -> np.ndarray:
        """float32 (4,), around all boxes; NaN if the row has none."""
        return union_box(np.full(4, np.nan) if self.boxes is None else self.boxes)


class BadRows(ValueError):
    """Rows that cannot be used.

    Attributes:
        rows: all of them.
    """

    def __init__(self, source: Path, rows: Sequence[Row], total: int):
        self.rows = list(rows)
        lines = [f"{row.location}: {row.file}: {row.error}" for row in rows[:SHOWN]]
        more = [f"and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
        cure = "Correct them, or leave them out with --skip-bad (?skip_bad=1 after the name)"
        if len(rows) == total:
            cure = "Correct them"
        head = f"{source}: {len(rows)} of {total} rows cannot be used"
        super().__init__("\n  ".join([f"{head}:", *lines, *more]) + f"\n{cure}")


@dataclass(frozen=True)
class Folder:
    """The interpretation of a folder.

    Attributes:
        source: its path, or that of its table.
        layout: description of its layout.
        photos: the usable images, in order.
        skipped: rows that were left out.
        notes: what was assumed.
        rows: number of all rows, including repeated ones.
    """

    source: Path
    layout: str
    photos: list[Photo]
    skipped: list[Row]
    notes: list[str]
    rows: int

    @property
    def root(self) -> Path:
        """The folder that contains the images."""
        return self.source if self.source.is_dir() else self.source.parent

    @functools.cached_property
    def several(self) -> bool:
        """Whether images have several numbers, each with a separate `Photo`."""
        return len({photo.path for photo in self.photos}) < len(self.photos)

    def duplicates(self) -> list[list[Photo]]:
        """Groups of photos with the same pixels, if the images were decoded."""
        groups: dict[str, list[Photo]] = {}
        for photo in self.photos:
            groups.setdefault(photo.facts.digest, []).append(photo)
        return [group for group in groups.values() if len({photo.path for photo in group}) > 1]

    def summary(self) -> str:
        """One line: layout, images, labels by length, splits, and what was assumed."""
        lengths = Counter(len(photo.label) for photo in self.photos)
        images = {photo.path: photo.split for photo in self.photos}
        counts, numbers = Counter(images.values()), len(self.photos) - lengths[0]
        kinds = [f"{lengths[n]:,} of {n}" for n in sorted(lengths) if n]
        none = [f"{lengths[0]:,} without a number"] if lengths[0] else []
        parts = [
            f"{self.source}: {self.layout}",
            f"{len(images):,} image{'s' if len(images) != 1 else ''}",
            *([f"{numbers:,} numbers"] if self.several else []),
            f"digits: {', '.join(kinds + none)}",
            ", ".join(f"{name} {counts[name]:,}" for name in SPLITS),
            *([f"bad rows left out: {len(self.skipped)}"] if self.skipped else []),
            *self.notes,
        ]
        return "; ".join(parts)


def understand(source: str | Path, several: bool = False, decode: bool = False) -> Folder:
    """Read a folder or table, and check all rows.

    Args:
        source: path, optionally with options as for `options.parse_source`.
        several: whether an image may show several numbers, each in a separate row with the box of
            the whole number; `Folder.photos` then has a photo for each number.
        decode: whether images are decoded as well. `Photo.facts` is then set, and the notes report
            duplicates and files of several frames.

    Raises:
        FileNotFoundError: if the folder or its labels are missing.
        BadRows: if rows cannot be used and are not skipped, or if no row can be used; with
            `decode`, also if an image does not decode or a box is outside of its image.
        ValueError: if no layout matches or there are no rows.
    """
    path, options = parse_source(source)
    layout = read_layout(path, options)
    images, skipped, notes = _check_rows(path, layout.rows, options, several)
    firsts = [photos[0] for photos in images]
    divided, note = splits.divide(
        [photo.file for photo in firsts], [photo.split for photo in firsts], options.fold
    )
    photos = [
        replace(photo, split=split)
        for photos, split in zip(images, divided, strict=True)
        for photo in photos
    ]
    notes = [*layout.notes, *notes, *([note] if note else [])]
    if decode:
        photos, damaged = _decode(photos)
        skipped += damaged
    folder = Folder(path, layout.name, photos, skipped, notes, len(layout.rows))
    if skipped and not (options.skip_bad and photos):
        raise BadRows(path, skipped, folder.rows)
    if not photos:
        raise ValueError(f"{path} has no rows")
    return replace(folder, notes=notes + _image_notes(folder)) if decode else folder


def read_folder(source: str | Path, split: str | None = None, several: bool = False) -> list[Photo]:
    """Read the photos of a folder or table, in order.

    Args:
        source: as for `understand`. With the option `skip_bad`, images are decoded in order to
            leave out damaged ones.
        split: `"train"`, `"validation"` or `"test"`. Defaults to all.
        several: as for `understand`.

    Raises:
        FileNotFoundError: if the folder or its labels are missing.
        ValueError: if rows cannot be used (`BadRows`) or no layout matches.
    """
    folder = understand(source, several, decode=bool(parse_source(source)[1].skip_bad))
    return [photo for photo in folder.photos if split in (None, photo.split)]


def _check_rows(
    path: Path, rows: Sequence[Row], options: ReadOptions, several: bool
) -> tuple[list[list[Photo]], list[Row], list[str]]:
    """The photos of each image, the rows that cannot be used, and notes."""
    notes = []
    if values.float_column([row.label for row in rows]):
        notes.append("labels are floats and may have lost leading zeros")
        rows = [replace(row, label=values.clean(row.label).removesuffix(".0")) for row in rows]
    files = Files(path.parent if path.is_file() else path, anywhere=path.is_file())
    images: dict[Path, list[Photo]] = {}
    bad, repeated, conflicts = [], 0, set()
    for row in rows:
        try:
            photo = _photo(row, files, options.labels == "digits")
            others = images.setdefault(photo.path, [])
            if others and photo.split not in ("", others[0].split):
                raise Unclear(
                    f"split {photo.split!r} here and {others[0].split!r} at "
                    f"{others[0].location}: an image is in one split"
                )
            if any(_is_same(photo, other, several) for other in others):
                repeated += 1
            elif others and not (several and photo.label and others[0].label):
                conflicts.add(photo.path)
                raise Unclear(_conflict(photo, others[0]))
            else:
                others.append(photo)
        except Unclear as error:
            bad.append(replace(row, error=str(error)))
    if files.renamed:
        notes.append(f"names that differ from their files in case, form or suffix: {files.renamed}")
    if conflicts and not several:
        notes.append(f"images with several numbers or labels: {len(conflicts)}")
    if repeated:
        notes.append(f"repeated rows: {repeated}")
    return [*images.values()], bad, notes


def _photo(row: Row, files: Files, digits_only: bool) -> Photo:
    if row.error:
        raise Unclear(row.error)
    path = files.find(row.file)
    label = values.parse_label(row.label, digits_only)
    boxes = values.check_boxes(row.boxes, label) if label and row.boxes is not None else None
    split, turn = values.parse_split(row.split), values.parse_turn(row.turn)
    return Photo(row.file, label, path, split, boxes, row.location, turn)


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


def unusable_splits(folder: Folder, needed: Iterable[str] = ("train", "validation")) -> str:
    """Reason why a folder cannot be used for training, and the correction; "" if it can be used."""
    counts = Counter(photo.split for photo in folder.photos)
    empty = [split for split in needed if not counts[split]]
    if not empty:
        return ""
    count = len(folder.photos)
    if count < splits.FEWEST:
        cure = f"label more, or cross-validate with --fold 1/{count}" if count > 1 else "label more"
        return f"{folder.source} has {count} images, too few to be divided: {cure}"
    cure = "write these words into the split column of some rows"
    cure += ", or evaluate on --split validation" if empty == ["test"] else ""
    return f"{folder.source} has no images in its split {' and '.join(empty)}: {cure}"


def _decode(photos: Sequence[Photo]) -> tuple[list[Photo], list[Row]]:
    """The photos with their facts, and the rows of those that cannot be used."""
    measured = measure(photo.path for photo in photos)
    usable, damaged = [], []
    for photo in photos:
        facts = measured[photo.path]
        try:
            if facts.error:
                raise Unclear(facts.error)
            if photo.boxes is not None:
                values.check_inside(photo.boxes, facts.width, facts.height)
            usable.append(replace(photo, facts=facts))
        except Unclear as error:
            damaged.append(Row(photo.location, photo.file, photo.label, error=str(error)))
    return usable, damaged


def _image_notes(folder: Folder) -> list[str]:
    notes, groups = [], folder.duplicates()
    if animated := sum(photo.facts.frames > 1 for photo in folder.photos):
        notes.append(f"files of several frames or pages, of which the first is used: {animated}")
    if across := [group for group in groups if len({photo.split for photo in group}) > 1]:
        notes.append(
            f"images in several splits: {len(across)} (such as "
            f"{' = '.join(f'{p.file} in {p.split}' for p in across[0][:2])}): give equal images "
            "one split in a split column"
        )
    if unlike := [group for group in groups if len({photo.label for photo in group}) > 1]:
        notes.append(
            f"equal images with several labels: {len(unlike)} (such as "
            f"{', '.join(f'{p.file}: {p.label}' for p in unlike[0][:2])})"
        )
    return notes
