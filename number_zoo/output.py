"""The output of the command: a table, CSV or JSON lines, on a terminal or in a file to resume."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:  # importing NumPy takes a tenth of a second
    from number_zoo.predictions import Reading

FORMATS = ("table", "csv", "json")

SUFFIXES = {".csv": "csv", ".json": "json", ".jsonl": "json"}
"""Formats of output files; JSON is one object a line."""

_KEYS = ("file", "number", "confidence", "box", "turn")
_COLUMNS = ("file", "number", "confidence", "left", "top", "right", "bottom", "turn")
"""Names in JSON and CSV; `turn` only if all numbers are read."""


@dataclass(frozen=True)
class Row:
    """One line of the output.

    Attributes:
        file: the path as given, or "-".
        number: the digits; "" if there is no number, None below the minimum confidence.
        confidence: probability in [0, 1] that the number is correct; None if all numbers are read
            and there is none.
        box: left, top, right, bottom of the number in pixels, if the model predicts it.
        turn: counter-clockwise quarter turns that make it upright, if all numbers are read.
    """

    file: str
    number: str | None
    confidence: float | None
    box: list[float] | None = None
    turn: int | None = None

    def line(self, form: str, all_numbers: bool) -> str:
        """The row in one of `FORMATS`, with `turn` (and the box in a table) for all numbers."""
        if form == "json":
            keys = _KEYS if all_numbers else _KEYS[:-1]
            return json.dumps({key: getattr(self, key) for key in keys})
        if form == "csv":
            # An empty number means no number; "?" is refused as a label until it is corrected.
            number = "?" if self.number is None else self.number
            turn = [self.turn] if all_numbers else []
            return _csv(self.file, number, self.confidence, *(self.box or [""] * 4), *turn)
        number = "(unsure)" if self.number is None else self.number or "(none)"
        confidence = "" if self.confidence is None else f"{self.confidence:.1%}"
        box = ",".join(f"{edge:.0f}" for edge in self.box or [])
        return f"{number:>8}  {confidence:>6}  {f'{box:<19}  ' * all_numbers}{self.file}"


def rows_of(file: str, readings: Reading | Sequence[Reading], min_confidence: float) -> list[Row]:
    """The row of the reading of an image; or one row for each of several numbers, in order, and one
    empty row if there is none. Below the minimum confidence the number of a row is None."""
    rows = []
    for reading in readings if isinstance(readings, Sequence) else [readings]:
        number = reading.number if reading.confidence >= min_confidence else None
        box = reading.box and [round(edge, 1) for edge in reading.box]
        rows.append(Row(file, number, round(reading.confidence, 4), box, reading.turn))
    return rows or [Row(file, "", None)]


def _csv(*values: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(values)  # ends with "\r\n", so names with either are quoted
    return text.getvalue().removesuffix("\r\n")


class Writer:
    """Writes rows to a stream, all rows of an image in one call.

    Args:
        stream: a text stream.
        form: one of `FORMATS`.
        header: whether CSV begins with a line of column names.
        all_numbers: whether an image has a row for each of its numbers.
    """

    def __init__(self, stream: TextIO, form: str, header: bool = True, all_numbers: bool = False):
        self._stream, self._form, self._all_numbers = stream, form, all_numbers
        self._header = header and form == "csv"

    def __call__(self, rows: Sequence[Row]) -> None:
        if self._header:
            print(_csv(*(_COLUMNS if self._all_numbers else _COLUMNS[:-1])), file=self._stream)
            self._header = False
        lines = [row.line(self._form, self._all_numbers) for row in rows]
        print(*lines, sep="\n", file=self._stream, flush=True)


def output_format(path: Path, form: str | None) -> str:
    """Format of an output file, by its suffix.

    Raises:
        ValueError: if there is no such format, or `form` is another one.
    """
    by_suffix = SUFFIXES.get(path.suffix.lower(), form)
    if by_suffix not in ("csv", "json") or form not in (None, by_suffix):
        raise ValueError(
            f"--output is a .csv, .json or .jsonl file, or --format says csv or json. Received: "
            f"{path}{f' with --format {form}' if form else ''}"
        )
    return by_suffix


def open_output(
    path: Path, form: str, resume: bool, all_numbers: bool = False
) -> tuple[TextIO, set[str]]:
    """Open an output file to append to, and list the files that are in it.

    Args:
        path: the file; it need not exist.
        form: "csv" or "json".
        resume: whether it may exist. An incomplete last line of a killed process is removed.
        all_numbers: whether a file has a row for each of its numbers. All rows of the last file are
            then removed, since some may be missing.

    Raises:
        ValueError: if the file exists and `resume` is False, has another format, or is being
            written by another process.
        OSError: if it cannot be written.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"--output is a file. Received: {path}, which is a folder or a device")
    if path.exists() and not resume and path.stat().st_size:
        raise ValueError(
            f"{path} exists: resume it with --skip-done, or delete it, or name another --output"
        )
    if not path.parent.is_dir():
        raise ValueError(f"There is no folder {path.parent} for --output {path}: make it first")
    stream = path.open("a+", encoding="utf-8", errors="surrogateescape", newline="")
    try:
        _lock(stream, path)
        stream.seek(0)
        text = stream.read()
        rows = _whole_rows(text, form, path, all_numbers)
        if all_numbers:
            last, _ = rows[-1]
            while len(rows) > 1 and rows[-1][0] == last != "-":  # which cannot be read again
                rows.pop()
        _, end = rows[-1]
        if end < len(text):
            stream.truncate(len(text[:end].encode("utf-8", "surrogateescape")))
            stream.seek(0, os.SEEK_END)
    except BaseException:
        stream.close()
        raise
    return stream, {file for file, _ in rows[1:]}


def _lock(stream: TextIO, path: Path) -> None:
    """Lock a file until it is closed: a second process would write every row a second time."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError(
            f"{path} is being written by another process: wait for it, or name another --output"
        ) from None
    except OSError:  # a file system without locks
        return


def _whole_rows(text: str, form: str, path: Path, all_numbers: bool) -> list[tuple[str, int]]:
    """The file of each complete row, and the end of the row in the text; the first entry is that of
    the CSV header."""
    stream = io.StringIO(text[: text.rfind("\n") + 1], newline="")
    rows = [("", 0)]
    try:
        if form == "json":
            for line in stream:
                row = json.loads(line)
                if len(rows) == 1 and set(row) != set(_KEYS if all_numbers else _KEYS[:-1]):
                    raise ValueError(f"the keys of the first line are {', '.join(row)}")
                rows.append((row["file"], stream.tell()))
            return rows
        reader = csv.reader(stream, strict=True)
        header = next(reader, None)
        if header and tuple(header) != (_COLUMNS if all_numbers else _COLUMNS[:-1]):
            raise ValueError(f"the first line is {','.join(header)!r}")
        rows = [("", stream.tell())]
        # A name may contain line breaks: a row cut there ends inside a quoted value.
        with contextlib.suppress(csv.Error):
            for row in reader:
                rows.append((row[0], stream.tell()))
        return rows
    except (ValueError, KeyError, TypeError, IndexError, csv.Error) as error:
        raise ValueError(
            f"{path} has no rows of this command in {form}: {error}. Name another --output"
        ) from error


def progress(total: int, show: bool) -> Callable[[int], None]:
    """A function that shows the number of images read, of `total`, the rate and the time left."""
    begun = time.monotonic()

    def update(count: int) -> None:
        if not show or total < 2:
            return
        rate = count / max(time.monotonic() - begun, 1e-9)
        minutes, seconds = divmod(round((total - count) / rate), 60)
        end = " \n" if count == total else " "
        left = f"{minutes}:{seconds:02d} left"
        print(
            f"\r{count:,} of {total:,}  {rate:.0f}/s  {left}", end=end, file=sys.stderr, flush=True
        )

    return update
