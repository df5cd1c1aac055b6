"""Read SVHN's `digitStruct.mat`: names, labels and boxes as arrays, in seconds.

    from datasets.svhn_numbers.digit_struct import read_digit_struct

    structs = read_digit_struct("train/digitStruct.mat")
    structs.names[0], structs.number(0), structs.entry(0).boxes
    # '1.png', '19', [[246., 77., 327., 296.], [323., 81., 419., 300.]]

or, as a command, `python -m datasets.svhn_numbers.digit_struct train/digitStruct.mat > train.csv`.

The module needs NumPy and its two neighbours (`hdf5_bulk`, `hdf5_chunks`) only. The file is
MATLAB v7.3, hence HDF5: `digitStruct/name` and `digitStruct/bbox` are lists of references. A name
leads to 16-bit characters; a bbox to a group of `height`, `label`, `left`, `top` and `width`, each
one number where the image has one digit, else a list of references to one number each.

Source: Netzer et al., Reading Digits in Natural Images with Unsupervised Feature Learning, 2011,
http://ufldl.stanford.edu/housenumbers/.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import mmap
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .hdf5_bulk import (
    FLOAT64,
    REFERENCE,
    UINT16,
    Hdf5Error,
    Hdf5Image,
    Positions,
    expand,
)
from .hdf5_chunks import read_references

FIELDS = ("left", "top", "width", "height", "label")

MOST_DIGITS = 64
"""Digits accepted in one image; the longest real number has 6."""

MOST_CHARACTERS = 255
MOST_PIXELS = 1 << 16
"""Farthest that a box may reach, in pixels from the image's corner."""

_SMALLEST = 64  # bytes: less than a name or a digit takes, so a bound on how many there can be
_BLOCK = 4096  # entries read in step: enough to make NumPy's overhead small, few enough to fit


class DigitStructError(ValueError):
    """A `digitStruct.mat` that cannot be read; the message names the file and the entry."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One image: its `name`, and per digit, in the file's order, `labels` and `boxes`."""

    name: str
    labels: np.ndarray
    boxes: np.ndarray


@dataclasses.dataclass(frozen=True)
class DigitStruct:
    """All entries of a `digitStruct.mat`; N images with D digits in all.

    Attributes:
        names: names of the image files, str [N], in the file's order.
        offsets: int64 [N+1]; the digits of image i are `offsets[i]` up to `offsets[i+1]`.
        labels: the digits 0 to 9, int32 [D]; the file's 10 has become 0.
        boxes: float32 [D, 4], pixels: left, top, right, bottom, as the file has them: they may
            leave the image. Right and bottom are left + width and top + height.
        skipped: `{entry: what is wrong with it}` of the broken entries that were left out.
    """

    names: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    skipped: dict[int, str] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Entry]:
        return (self.entry(index) for index in range(len(self)))

    @property
    def digit_counts(self) -> np.ndarray:
        """Digits in each image, int64 [N]."""
        return np.diff(self.offsets)

    def entry(self, index: int) -> Entry:
        """Name, labels and boxes of one image."""
        index = range(len(self))[index]
        digits = slice(self.offsets[index], self.offsets[index + 1])
        return Entry(str(self.names[index]), self.labels[digits], self.boxes[digits])

    def number(self, index: int) -> str:
        """The number in one image: its digits in the file's order.

        Eight of the 46,470 official entries of train and test are not in order from left to
        right. Most of those are boxes drawn wrongly, so the order of the labels is trusted.
        """
        return "".join(map(str, self.entry(index).labels))


def read_digit_struct(path: str | os.PathLike, *, skip_broken: bool = False) -> DigitStruct:
    """Read a `digitStruct.mat`.

    All 33,402 entries of train take about a second. The file is mapped, not loaded: memory grows
    with the result alone. Do not shorten the file while it is being read.

    Args:
        path: the file.
        skip_broken: leave broken entries out and list them in `skipped`; by default the first
            one is an error. A file that is broken as a whole is always an error.

    Returns:
        The entries, in the file's order.

    Raises:
        DigitStructError: if the file or an entry is broken. It names both.
        OSError: if the file cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise DigitStructError(f"{path}: it is empty")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return parse_digit_struct(data, path, skip_broken=skip_broken)


def parse_digit_struct(
    data: bytes | mmap.mmap, source: str | os.PathLike, *, skip_broken: bool = False
) -> DigitStruct:
    """Read a `digitStruct.mat` that is in memory; `source` is what errors call it."""
    try:
        image = Hdf5Image(data)
        names, boxes = _references(image)
        blocks = []
        for start in range(0, len(names), _BLOCK):
            entries = np.arange(start, min(start + _BLOCK, len(names)))
            blocks.append(_read_block(image, entries, names[entries], boxes[entries]))
            if image.problems and not skip_broken:
                entry = min(image.problems)
                name = str(blocks[-1][0][entry - start]) or "name not readable"
                problem = image.problems[entry]
                raise Hdf5Error(f"entry {entry + 1} of {len(names)} ({name}): {problem}")
            if isinstance(data, mmap.mmap) and hasattr(data, "madvise"):
                data.madvise(mmap.MADV_DONTNEED)  # pages that were read need not stay in memory
    except Hdf5Error as error:
        raise DigitStructError(f"{os.fspath(source)}: {error}") from None
    return _join(blocks, image.problems)


def _references(image: Hdf5Image) -> tuple[Positions, Positions]:
    """Addresses of the names and of the box groups of all entries."""
    most = image.size // _SMALLEST
    entry = np.zeros(1, np.int64)
    root = image.members(entry, np.array([image.root]), ("digitStruct",), 128, "the file")
    pair = image.members(entry, root[:, 0], ("name", "bbox"), 128, "digitStruct")
    if image.problems:
        raise Hdf5Error(image.problems[0])
    names, boxes = (
        read_references(image, int(address), most, f"digitStruct/{name}")
        for address, name in zip(pair[0], ("name", "bbox"), strict=True)
    )
    if len(names) != len(boxes):
        raise Hdf5Error(f"digitStruct has {len(names)} names and {len(boxes)} lists of boxes")
    return names, boxes


def _read_block(image: Hdf5Image, entries: Positions, names: Positions, boxes: Positions):
    """Names str [n], digits per entry [n], values [d, 5] in the order of `FIELDS`."""
    text = _read_names(image, entries, names)
    fields = image.members(entries, boxes, FIELDS, 16, "bbox")
    located = [
        image.arrays(entries, fields[:, column], (REFERENCE, FLOAT64), MOST_DIGITS, f"bbox/{name}")
        for column, name in enumerate(FIELDS)
    ]
    counts = np.stack([arrays.count for arrays in located])
    good = np.all([arrays.good for arrays in located], axis=0)
    same = (counts == counts[0]).all(0)
    image.note(entries, good & ~same, "left, top, width, height and label differ in length")
    digits = np.where(good & same, counts[0], 0)
    if digits.sum() > image.size // _SMALLEST:  # many entries share their digits
        raise Hdf5Error(f"a file of {image.size} bytes has no room for {digits.sum()} digits")
    row, turn = expand(digits)
    values = np.empty((len(row), len(FIELDS)))
    for column, (name, arrays) in enumerate(zip(FIELDS, located, strict=True)):
        at = arrays.at[row] + 8 * turn
        far = np.flatnonzero(arrays.kind[row] == REFERENCE)
        owner = entries[row[far]]
        numbers = image.arrays(owner, image.take("<i8", at[far]), (FLOAT64,), 1, f"bbox/{name}")
        at[far] = numbers.at
        values[:, column] = image.take("<f8", at)
    _check_values(image, entries[row], values)
    return text, digits, values


def _read_names(image: Hdf5Image, entries: Positions, addresses: Positions) -> np.ndarray:
    found = image.arrays(entries, addresses, (UINT16,), MOST_CHARACTERS, "name")
    row, turn = expand(found.count)
    letters = np.zeros((len(entries), max(1, found.count.max())), np.uint32)
    codes = image.take("<u2", found.at[row] + 2 * turn)
    odd = (codes < 32) | ((codes >= 0xD800) & (codes < 0xE000)) | np.isin(codes, (0x2F, 0x5C))
    image.note(entries[row], odd, "name holds a slash or something that is no character")
    letters[row, turn] = np.where(odd, ord("?"), codes)
    return letters.view(f"<U{letters.shape[1]}")[:, 0]


def _check_values(image: Hdf5Image, entries: Positions, values: np.ndarray) -> None:
    left, top, width, height, label = values.T
    with np.errstate(invalid="ignore", over="ignore"):
        wrong = ~((label >= 1) & (label <= 10) & (label == np.floor(label)))
        far = ~(np.abs(values[:, :4]) <= MOST_PIXELS).all(1)
        empty = ~((width > 0) & (height > 0))
    for index in np.flatnonzero(wrong | far | empty):
        box = f"left {left[index]:g}, top {top[index]:g}, {width[index]:g} x {height[index]:g}"
        if wrong[index]:
            problem = f"a label is 1 to 9, or 10 for the digit 0. Received: {label[index]:g}"
        elif far[index]:
            problem = f"a box reaches at most {MOST_PIXELS} pixels. Received: {box}"
        else:
            problem = f"a box has a width and a height above 0. Received: {box}"
        image.problems.setdefault(int(entries[index]), problem)


def _join(blocks: list, problems: dict[int, str]) -> DigitStruct:
    names = np.concatenate([block[0] for block in blocks])
    counts = np.concatenate([block[1] for block in blocks])
    values = np.concatenate([block[2] for block in blocks])
    keep = np.ones(len(names), bool)
    keep[list(problems)] = False
    values = values[np.repeat(keep, counts)]
    boxes = np.concatenate([values[:, :2], values[:, :2] + values[:, 2:4]], axis=1)
    return DigitStruct(
        names=names[keep],
        offsets=np.concatenate([[0], np.cumsum(counts[keep])]),
        labels=values[:, 4].astype(np.int32) % 10,
        boxes=boxes.astype(np.float32),
        skipped=dict(sorted(problems.items())),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a `digitStruct.mat` as CSV: file, digits, and `left top right bottom` of each."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("path", type=Path, help="a digitStruct.mat")
    parser.add_argument("--skip-broken", action="store_true", help="leave out broken entries")
    chosen = parser.parse_args(arguments)
    try:
        structs = read_digit_struct(chosen.path, skip_broken=chosen.skip_broken)
    except (DigitStructError, OSError) as error:
        parser.exit(1, f"{error}\n")
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(("file", "digits", "boxes"))
    for index, entry in enumerate(structs):
        boxes = ";".join(" ".join(f"{value:g}" for value in box) for box in entry.boxes.tolist())
        table.writerow((entry.name, structs.number(index), boxes))
    for entry, problem in structs.skipped.items():
        print(f"{chosen.path}: left out entry {entry + 1}: {problem}", file=sys.stderr)


if __name__ == "__main__":
    main()
