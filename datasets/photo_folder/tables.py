"""Tables of labels: CSV and TSV in any dialect, XLSX, JSON, JSON lines and plain text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets.photo_folder.columns import HEADERS, Grid, find_columns, key_of, named_columns
from datasets.photo_folder.files import read_text
from datasets.photo_folder.rows import Layout, Row, join_objects
from datasets.photo_folder.values import IMAGE, Unclear, clean, parse_boxes

SUFFIXES = (".csv", ".tsv", ".xlsx", ".xlsm", ".jsonl", ".ndjson", ".json", ".txt", ".tab")
"""Suffixes of tables, in descending order of preference."""

ENTRY = re.compile(rf"(.*?{IMAGE.pattern[:-1]})[\"']?[\s,;|]+(.*)", re.IGNORECASE)
"""A line of text with the name of an image and its label."""

_LITERAL = re.compile(r'"[^"]*"|\[[^]]*\]|[\\_*].| ')
_EDGES = ("left", "top", "right", "bottom")
_OTHER_SPREADSHEETS = (".xls", ".xlsb", ".ods", ".numbers")


def is_table(path: Path) -> bool:
    """Whether a file has the suffix of a table, or of a spreadsheet in an unsupported format."""
    return path.suffix.lower() in (*SUFFIXES, *_OTHER_SPREADSHEETS)


def read_table(path: Path) -> Layout:
    """Read a table of labels.

    Raises:
        ValueError: if the file is not a table with a column of images and a column of labels.
    """
    suffix = path.suffix.lower()
    if suffix in _OTHER_SPREADSHEETS:
        raise ValueError(f"{path} is a spreadsheet of another kind: save it as .xlsx or .csv")
    if suffix in (".xlsx", ".xlsm"):
        grid, kind = _read_xlsx(path)
    elif suffix in (".jsonl", ".ndjson", ".json"):
        grid, kind = _read_json(path), "JSON"
    else:
        grid, kind = _read_text(path)
    grid = [(line, cells) for line, cells in grid if any(map(clean, cells))]
    grid = [(line, cells) for line, cells in grid if not _is_comment(cells)]
    if not grid:
        raise ValueError(f"{path} has no rows: it needs the columns file,label")
    columns, names, body = find_columns(path, grid)
    if any(names):
        used = [at for at, name in enumerate(names) if name.strip() or at in columns.values()]
        width = 1 + used[-1]
    else:
        width = Counter(len(cells) for _, cells in grid).most_common(1)[0][0]
    described = [
        role
        if key_of(names[at]) == role
        else f"{names[at].strip() or f'column {at + 1}'} as {role}"
        for role, at in columns.items()
    ]
    rows = [_row(f"{path.name}, line {line}", cells, columns, width) for line, cells in body]
    if "left" in columns and "turn" not in columns and len({row.file for row in rows}) < len(rows):
        rows = join_objects(rows)  # a row for each box, as in object detection
    notes = [] if any(names) else ["no header"]
    return Layout(f"{path.name} ({kind}; {', '.join(described)})", rows, notes)


def _is_comment(cells: Sequence[str]) -> bool:
    """Whether a row starts with "#" and names no image, unlike `#45,a.png`."""
    return cells[0][:1] == "#" and not any(IMAGE.search(clean(cell)) for cell in cells)


def _row(location: str, cells: list[str], columns: dict[str, int], width: int) -> Row:
    values = dict.fromkeys(HEADERS, "")
    for role, at in columns.items():
        text = cells[at].strip() if at < len(cells) else ""
        # null means "absent" in JSON; as a label, it may also mean "unknown".
        values[role] = "" if text == "null" and role != "label" else text
    boxes, error = values["boxes"], ""
    if columns.keys() >= set(_EDGES):
        boxes = " ".join(values[edge].replace(",", ".") for edge in _EDGES).strip() or boxes
    if len(cells) <= max(columns["file"], columns["label"]):
        error = "fewer fields than columns: write an empty label for an image without a number"
    elif any(clean(cell) for cell in cells[width:]):
        error = "more fields than columns: put a value that holds the separator in quotes"
    try:
        boxes = parse_boxes(boxes)
    except Unclear as unclear:
        boxes, error = None, error or str(unclear)
    file, label = values["file"].strip("\"'"), values["label"]
    return Row(location, file, label, boxes, values["split"], error, values["turn"])


def _read_text(path: Path) -> tuple[Grid, str]:
    text, encoding = read_text(path)
    lines = text.splitlines()
    head = [line for line in lines if line.strip()][:6]
    declared = re.fullmatch(r'"?sep=(.)"?\s*', "".join(head[:1]), re.IGNORECASE)  # Excel's
    delimiter = declared[1] if declared else _find_delimiter(head)
    suffix = "" if encoding == "utf-8" else f", {encoding}"
    if not delimiter:
        entries = [(line, ENTRY.fullmatch(line)) for line in lines]
        cells = [list(entry.groups()) if entry else line.split(None, 1) for line, entry in entries]
        return list(enumerate(cells, 1)), f"text{suffix}"
    quoting = csv.QUOTE_NONE if delimiter == "\t" and text.count('"') % 2 else csv.QUOTE_MINIMAL
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, quoting=quoting
    )
    try:
        grid = [(reader.line_num, cells) for cells in reader if any(cells)][bool(declared) :]
        if all(len(cells) == 1 for _, cells in grid):  # whole lines are quoted
            grid = [(line, next(csv.reader(cells, delimiter=delimiter))) for line, cells in grid]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from error
    return grid, {"\t": "TSV", ",": "CSV"}.get(delimiter, f"CSV with {delimiter!r}") + suffix


def _find_delimiter(head: Sequence[str]) -> str:
    """The delimiter of a table; "" if a line is a name, white space and a label."""

    def images(mark: str) -> int:
        # A name in quotes may have the mark in it, between two marks or ends of the line.
        quoted = re.compile(f'(?:^|{re.escape(mark)})"([^"]*)"(?=$|{re.escape(mark)})')
        rows = [[*line.split(mark), *quoted.findall(line)] for line in head]
        return sum(any(IMAGE.search(clean(cell)) for cell in cells) for cells in rows)

    marks = [mark for mark in ",;\t|" if any(mark in line for line in head)]
    best = max(marks, key=lambda mark: (images(mark), head[0].count(mark)), default="")
    if best and not images(best) and any(map(ENTRY.fullmatch, head)):
        return ""  # "a.png 1,234"
    return best


def _read_xlsx(path: Path) -> tuple[Grid, str]:
    try:
        import openpyxl
    except ImportError as error:
        raise ValueError(
            f"{path} is a spreadsheet: pip install openpyxl to read such, or save it as CSV"
        ) from error
    try:
        # Read twice: values without their formulas, and formulas without their values.
        books = [openpyxl.load_workbook(path, data_only=shown) for shown in (True, False)]
        sheets = [book.worksheets[0] for book in books]
        grid = [
            (number, list(map(_cell, *rows)))
            for number, rows in enumerate(zip(*(s.iter_rows() for s in sheets), strict=True), 1)
        ]
    except PermissionError:
        raise
    except Exception as error:  # any error: the file is an archive of XML
        raise ValueError(
            f"{path} cannot be read as a spreadsheet: save it as CSV. Received: "
            f"{type(error).__name__}: {error}"
        ) from error
    return grid, f"sheet {sheets[0].title}" if len(books[0].worksheets) > 1 else "XLSX"


def _cell(cell: Any, written: Any) -> str:
    """A cell of a spreadsheet as displayed: 7 in the format 000 is 007.

    If a program wrote a formula without its value, the result is the formula.
    """
    value = written.value if cell.value is None else cell.value
    # The format of numbers above 0, without texts, spaces, colours and locales.
    shown = _LITERAL.sub("", (cell.number_format or "").partition(";")[0])
    if isinstance(value, int) and re.fullmatch("0+", shown):
        return str(value).zfill(len(shown))
    return "" if value is None else str(value)


def _read_json(path: Path) -> Grid:
    """Read JSON lines, a list of objects, or an object of file names and labels as a table."""
    text = read_text(path)[0]
    try:
        if path.suffix.lower() == ".json":
            records = list(enumerate(_json_records(json.loads(text)), 1))
        else:
            lines = enumerate(text.splitlines(), 1)
            records = [(number, json.loads(line)) for number, line in lines if line.strip()]
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON with a row for each image: {error}") from error
    if not all(isinstance(record, dict) for _, record in records):
        raise ValueError(
            f'{path} has no row for each image such as {{"file": "a.png", "label": "7"}}. '
            f"Received: {text[:100]!r}"
        )
    if any({"annotations", "data"} <= record.keys() for _, record in records[:5]):
        raise ValueError(f"{path} is Label Studio's full export: export as CSV or JSON-MIN instead")
    names = list(dict.fromkeys(name for _, record in records for name in record))
    grid: Grid = [(0, names)]
    for number, record in records:
        values = [record.get(name, "") for name in names]
        grid.append((number, [v if isinstance(v, str) else json.dumps(v) for v in values]))
    return grid


def _json_records(content: Any) -> Any:
    """The records of a JSON file, which may be a list in an object or an object by file names."""
    if not isinstance(content, dict):
        return content
    lists = [value for value in content.values() if isinstance(value, list)]
    if lists and not any(map(IMAGE.search, content)):
        # Records rather than, for example, the names of classes.
        return next((value for value in lists if value and isinstance(value[0], dict)), lists[0])
    roles = named_columns(list(content)).keys()
    if "label" in roles and all(isinstance(column, dict) for column in content.values()):  # pandas
        rows = {row: None for column in content.values() for row in column}
        columns = content if "file" in roles else {"file": {row: row for row in rows}, **content}
        if "file" in roles or all(map(IMAGE.search, rows)):  # the files are its index
            return [{name: cells.get(row, "") for name, cells in columns.items()} for row in rows]
    return [
        {"file": file, **(value if isinstance(value, dict) else {"label": value})}
        for file, value in content.items()
    ]
