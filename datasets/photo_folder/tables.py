"""Tables of labels: CSV and TSV in any dialect, XLSX, JSON, JSON lines and plain text."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datasets.photo_folder.rows import Layout, Row, join_objects
from datasets.photo_folder.values import IMAGE, Unclear, clean, parse_label, split_in

SUFFIXES = (".csv", ".tsv", ".xlsx", ".xlsm", ".jsonl", ".ndjson", ".json", ".txt", ".tab")
"""Suffixes of tables, those that are preferred first."""

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
"""Names of columns for each meaning, those that are preferred first."""

_MEASURES = (
    "id index idx count size width height area score confidence conf probability time x y w h page "
    "frame"
)
"""Words in the names of columns of numbers that are no labels."""

_EDGES = ("left", "top", "right", "bottom")
_OTHER_SPREADSHEETS = (".xls", ".xlsb", ".ods", ".numbers")
_ENTRY = re.compile(r"^(.*?\.\w{2,4})[\"']?[\s,;]+(.*)$")
_NUMBERED = list[tuple[int, list[str]]]


def is_table(path: Path) -> bool:
    """Whether a file's suffix is that of a table, or of a spreadsheet that is none."""
    return path.suffix.lower() in (*SUFFIXES, *_OTHER_SPREADSHEETS)


def read_table(path: Path) -> Layout:
    """Read a table of labels.

    Raises:
        ValueError: if the file is no table with a column of images and one of labels.
    """
    suffix, notes = path.suffix.lower(), []
    if suffix in _OTHER_SPREADSHEETS:
        raise ValueError(f"{path} is a spreadsheet of another kind: save it as .xlsx or .csv")
    if suffix in (".xlsx", ".xlsm"):
        cells, kind = _read_xlsx(path)
    elif suffix in (".jsonl", ".ndjson", ".json"):
        cells, kind = _read_json(path), "JSON"
    else:
        text, encoding = read_text(path)
        cells, kind = _read_text(path, text, suffix)
        kind += f", {encoding}" if encoding != "utf-8" else ""
    cells = [(line, row) for line, row in cells if any(clean(cell) for cell in row)]
    cells = [(n, row) for n, row in cells if IMAGE.search(row[0]) or row[0][:1] != "#"]
    if not cells:
        raise ValueError(f"{path} has no rows: it needs the columns file,label")
    columns, header = _find_columns(path, cells)
    if header:
        names = cells[header - 1][1]
        width = max(
            at for at, name in enumerate(names, 1) if clean(name) or at - 1 in columns.values()
        )
        described = [
            role
            if _key(names[at]) == role
            else f"{names[at].strip() or f'column {at + 1}'} as {role}"
            for role, at in columns.items()
        ]
    else:
        ((width, _),) = Counter(len(row) for _, row in cells).most_common(1)
        described = [f"column {at + 1} as {role}" for role, at in columns.items()]
        notes.append("no header")
    rows = [_row(path.name, line, row, columns, width) for line, row in cells[header:]]
    if "left" in columns and "turn" not in columns and len({row.file for row in rows}) < len(rows):
        rows = join_objects(rows)  # a row for each box, as object detection has it
    return Layout(f"{path.name} ({kind}; {', '.join(described)})", rows, notes)


def _row(name: str, line: int, cells: list[str], columns: dict[str, int], width: int) -> Row:
    def cell(role: str) -> str:
        at = columns.get(role, -1)
        text = cells[at].strip() if 0 <= at < len(cells) else ""
        return "" if text == "null" and role != "label" else text  # JSON's

    error, boxes = "", cell("boxes")
    if len(cells) <= max(columns["file"], columns["label"]):
        error = "fewer fields than columns: write an empty label for an image without a number"
    elif len(cells) > width and any(clean(extra) for extra in cells[width:]):
        error = "more fields than columns: put a value that holds the separator in quotes"
    elif all(role in columns for role in _EDGES) and any(cell(edge) for edge in _EDGES):
        try:
            boxes = np.array([[float(cell(edge).replace(",", ".")) for edge in _EDGES]])
        except ValueError:
            error = f"left, top, right and bottom are numbers. Received: {cells}"
    file = re.sub(r"^['\"]|['\"]$", "", cell("file"))
    location, split, turn = f"{name}, line {line}", cell("split"), cell("turn")
    return Row(location, file, cell("label"), boxes, split, error, turn)


def _find_columns(path: Path, cells: _NUMBERED) -> tuple[dict[str, int], int]:
    """Index of the column of each meaning, and the number of rows up to the header's."""
    # Spreadsheets may have titles above their header, which is then found by its names.
    found = [_roles(row) for _, row in cells[:10]]
    start = next((at for at, row in enumerate(found) if {"file", "label"} <= row.keys()), 0)
    first, columns = cells[start][1], found[start]
    has_header = not any(IMAGE.search(clean(cell)) for cell in first)
    if not has_header:
        columns = {}
    for at in columns.values():
        if list(map(_key, first)).count(_key(first[at])) > 1:
            raise ValueError(f"{path}: several columns are named {first[at]!r}: rename all but one")
    start += has_header
    body = [row for _, row in cells[start:][:200]]
    free = [at for at in range(len(first)) if at not in columns.values()]
    if "file" not in columns:
        files = {at: _fraction(body, at, IMAGE.search) for at in free}
        best = max(files, key=files.get, default=None)
        if best is None or files[best] < 0.5:
            raise _no_column(path, "images", "file", first)
        columns["file"] = best
        free.remove(best)
    if "label" not in columns:
        if not body:  # a header alone
            raise _no_column(path, "labels", "label", first)
        columns["label"] = _label_column(path, first, body, free, named=has_header)
    return {role: columns[role] for role in HEADERS if role in columns}, start


def _label_column(
    path: Path, first: Sequence[str], body: Sequence[list[str]], free: Sequence[int], named: bool
) -> int:
    """Index of the column that holds labels, of those without a known name."""
    fit = [at for at in free if _fraction(body, at, _is_label) >= 0.5]
    if named:
        measures = set(_MEASURES.split())
        fit = [at for at in fit if measures.isdisjoint(_key(first[at]).split("_"))]
    if len(fit) > 1:
        fit = [at for at in fit if not _counts_rows(body, at)]
    if len(fit) > 1:
        names = ", ".join(repr(first[at].strip()) if named else str(at + 1) for at in fit)
        cure = "rename one to 'label'" if named else "write a header such as file,label"
        raise ValueError(f"{path}: several columns may be the labels ({names}): {cure}")
    if not fit and len(free) != 1:
        raise _no_column(path, "labels", "label", first)
    return fit[0] if fit else free[0]


def _counts_rows(rows: Sequence[list[str]], at: int) -> bool:
    """Whether a column numbers the rows."""
    values = [clean(row[at]) for row in rows if at < len(row)]
    numbers = [int(value) for value in values if value.isascii() and value.isdigit()]
    return len(numbers) == len(values) and set(np.diff(numbers).tolist()) == {1}


def _roles(cells: Sequence[str]) -> dict[str, int]:
    """Index of the cell that names the column of each meaning, by `HEADERS`."""
    keys, roles = list(map(_key, cells)), {}
    for role, aliases in HEADERS.items():
        if known := [alias for alias in aliases.split() if alias in keys]:
            roles[role] = keys.index(known[0])
    return roles


def _key(header: str) -> str:
    """The name of a column as `HEADERS` has it."""
    return re.sub(r"\W+", "_", clean(header).lower()).strip("_")


def _no_column(path: Path, what: str, role: str, first: Sequence[str]) -> ValueError:
    return ValueError(
        f"{path}, line 1: no column of {what}. Its name is one of {HEADERS[role]}: rename one to "
        f"{role!r}. Received: {', '.join(first)[:200]!r}"
    )


def _fraction(rows: Sequence[list[str]], at: int, fits) -> float:
    values = [clean(row[at]) for row in rows if at < len(row)]
    values = [value for value in values if value]
    return sum(bool(fits(value)) for value in values) / len(values) if values else 0.0


def _is_label(text: str) -> bool:
    try:
        parse_label(text, digits_only=True)
    except Unclear:
        return False
    return not IMAGE.search(text) and not split_in(text)


def read_text(path: Path) -> tuple[str, str]:
    """The text of a file and its encoding: by its mark, else UTF-8, UTF-16 or Windows-1252."""
    data = path.read_bytes()
    marks = {
        codecs.BOM_UTF8: "utf-8-sig",
        codecs.BOM_UTF32_LE: "utf-32",
        codecs.BOM_UTF32_BE: "utf-32",
        codecs.BOM_UTF16_LE: "utf-16",
        codecs.BOM_UTF16_BE: "utf-16",
    }
    encodings = [name for mark, name in marks.items() if data.startswith(mark)][:1]
    if not encodings and b"\0" in data[:200]:
        # ASCII in UTF-16 has a zero in every other byte: the second where the low one is first.
        encodings = [
            "utf-16-le" if data[1:200:2].count(0) >= data[:200:2].count(0) else "utf-16-be"
        ]
    for encoding in [*encodings, "utf-8", "cp1252"]:
        try:
            return data.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"


def _read_text(path: Path, text: str, suffix: str) -> tuple[_NUMBERED, str]:
    lines = text.splitlines()
    filled = [line for line in lines if line.strip()] or [""]
    declared = re.fullmatch(r'"?sep=(.)"?\s*', filled[0], re.IGNORECASE)  # Excel's own first line
    head = filled[1] if declared and len(filled) > 1 else filled[0]
    delimiter = declared.group(1) if declared else max(",;\t|", key=head.count)
    if suffix == ".txt" and "\t" in head:
        delimiter = "\t"
    spaced = not any(mark in line for line in filled[:5] for mark in ",;\t|")
    if spaced or (suffix == ".txt" and (delimiter not in head or not _is_csv(head, delimiter))):
        entries = [(number, line, _ENTRY.match(line)) for number, line in enumerate(lines, 1)]
        return [
            (number, list(match.groups()) if match else line.split(None, 1))
            for number, line, match in entries
            if line.strip()
        ], "text"
    quoting = csv.QUOTE_NONE if delimiter == "\t" and text.count('"') % 2 else csv.QUOTE_MINIMAL
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, quoting=quoting
    )
    cells: _NUMBERED = []
    try:
        for row in reader:
            cells.append((reader.line_num, row))
        if delimiter in head and all(len(row) < 2 for _, row in cells):  # lines quoted as a whole
            cells = [(n, next(csv.reader(row, delimiter=delimiter), [])) for n, row in cells]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from error
    if declared:
        cells = [row for row in cells if not "".join(row[1][:1]).lower().startswith("sep=")]
    return cells, {"\t": "TSV", ",": "CSV"}.get(delimiter, f"CSV with {delimiter!r}")


def _is_csv(line: str, delimiter: str) -> bool:
    """Whether a line of a text file has an image's name before its first delimiter, or after."""
    parts = line.split(delimiter)
    return any(IMAGE.search(clean(part)) for part in parts) or not _ENTRY.match(line)


def _read_xlsx(path: Path) -> tuple[_NUMBERED, str]:
    try:
        import openpyxl
    except ImportError as error:
        raise ValueError(
            f"{path} is a spreadsheet: pip install openpyxl to read such, or save it as CSV"
        ) from error
    try:
        book = openpyxl.load_workbook(path, data_only=True)
        sheets = [sheet for sheet in book.worksheets if sheet.max_row and sheet.max_column]
        formulas = openpyxl.load_workbook(path)[sheets[0].title]
        rows = zip(sheets[0].iter_rows(), formulas.iter_rows(), strict=True)
        cells = [
            (number, [_cell(*pair) for pair in zip(*row, strict=True)])
            for number, row in enumerate(rows, 1)
        ]
    except PermissionError:
        raise
    except Exception as error:  # of any kind: the file is an archive of XML
        raise ValueError(
            f"{path} cannot be read as a spreadsheet: save it as CSV. Received: "
            f"{type(error).__name__}: {error}"
        ) from error
    return cells, f"sheet {sheets[0].title}" if len(book.worksheets) > 1 else "XLSX"


def _cell(cell: Any, written: Any) -> str:
    """A cell of a spreadsheet as its user sees it: 7 in the format 000 is 007.

    Where a program wrote a formula without its value, that is the formula.
    """
    if cell.value is None and written.value is not None:
        return str(written.value)
    if isinstance(cell.value, int) and re.fullmatch("0+", cell.number_format or ""):
        return str(cell.value).zfill(len(cell.number_format))
    return "" if cell.value is None else str(cell.value)


def _read_json(path: Path) -> _NUMBERED:
    """JSON lines, a list of objects, or an object of file names and labels, as a table."""
    text = read_text(path)[0]
    try:
        if path.suffix.lower() == ".json":
            values = json.loads(text)
            if isinstance(values, dict):
                lists = [value for value in values.values() if isinstance(value, list)]
                if all(isinstance(value, dict) for value in values.values()):
                    values = [{"file": key, **value} for key, value in values.items()]
                elif all(not isinstance(value, list | dict) for value in values.values()):
                    values = [{"file": key, "label": value} for key, value in values.items()]
                else:
                    values = lists[0]
            records = list(enumerate(values, 1))
        else:
            lines = enumerate(text.splitlines(), 1)
            records = [(number, json.loads(line)) for number, line in lines if line.strip()]
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON with a row for each image: {error}") from error
    if not all(isinstance(record, dict) for _, record in records):
        raise ValueError(
            f'{path} has no row for each image such as {{"file": "a.png", "label": "7"}}. '
            f"Received: {text[:100]!r}"
        )
    if any({"annotations", "data"} <= record.keys() for _, record in records[:5]):
        raise ValueError(f"{path} is Label Studio's full export: export as CSV or JSON-MIN instead")
    names = list(dict.fromkeys(name for _, record in records for name in record))
    rows = [
        (number, [_json_text(record.get(name, "")) for name in names]) for number, record in records
    ]
    return [(0, names), *rows] if records else []


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
