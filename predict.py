#!/usr/bin/env python3
"""Read the numbers in pictures."""

from __future__ import annotations

import argparse
import csv
import io
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

EXAMPLES = """examples:
  predict.py photo.jpg
  predict.py photos/ --format csv > numbers.csv
  predict.py photos/ --min-confidence 0.9 --weights runs/my_run
  predict.py photos/ --draw seen        pictures with the box, the number and how sure

A number that is not shown was read with less confidence than asked for. The exit status is 1 when
a file could not be read; the others are read all the same."""

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
"""Files of a folder that are taken for pictures; a file named on its own may have any name."""


@dataclass(frozen=True)
class Row:
    """One line of the output: `number` is None where it is too unsure, or for an error.

    `box` is left, top, right and bottom of the number in pixels, where the model says it.
    """

    file: str
    number: str | None = None
    confidence: float | None = None
    box: list[float] | None = None
    error: str | None = None


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURE|FOLDER|-", help="pictures, folders of pictures, "
        "or - for one picture from standard input")  # fmt: skip
    add("--weights", default="street_numbers", metavar="NAME|RUN|FILE",
        help="published weights, a run or a .keras file (default: street_numbers)")  # fmt: skip
    add("--format", choices=("table", "csv", "json"), default="table", help="default: table")
    add("--min-confidence", type=float, default=0.0, metavar="P",
        help="show only numbers that are right with this probability, 0 to 1")  # fmt: skip
    add("--draw", type=Path, metavar="FOLDER",
        help="write each picture with what was read in it to this folder")  # fmt: skip
    options = parser.parse_args(arguments)
    if not 0 <= options.min_confidence <= 1:
        parser.error(f"--min-confidence is from 0 to 1. Received: {options.min_confidence}")
    return options


def find_pictures(names: Iterable[str]) -> Iterator[str]:
    """The files that are named, and the pictures in the folders that are named, sorted."""
    for name in names:
        if name != "-" and Path(name).is_dir():
            found = (p for p in Path(name).rglob("*") if p.suffix.lower() in SUFFIXES)
            yield from map(str, sorted(found))
        else:
            yield name


def read_files(
    files: Iterable[str], weights: str, min_confidence: float, draw: Path | None = None
) -> Iterator[Row]:
    """Read pictures batch by batch, decoding the next while the model reads the last.

    Args:
        files: paths, or "-" for standard input.
        weights: as `reading.Reader` takes them.
        min_confidence: below it a row has no number.
        draw: folder for pictures with what was read in them; None for none.

    Yields:
        A row for each file, in order; one that does not decode has `error`.
    """
    from reading.reader import BATCH, Reader

    reader, files = Reader(weights), iter(files)
    with ThreadPoolExecutor(max_workers=2) as pool:
        start = lambda: [(f, pool.submit(_decode, f)) for f in islice(files, BATCH)]  # noqa: E731
        ahead = start()
        while batch := ahead:
            ahead = start()
            yield from _read_batch(reader, batch, min_confidence, draw)


def _decode(file: str):
    from datasets.pictures import decode_picture

    if file == "-":
        return decode_picture(sys.stdin.buffer.read(), name="standard input")
    return decode_picture(file)


def _read_batch(
    reader, batch: list[tuple[str, Future]], min_confidence: float, draw: Path | None
) -> list[Row]:
    good = [(file, future.result()) for file, future in batch if future.exception() is None]
    readings = dict(zip((f for f, _ in good), reader.read([p for _, p in good]), strict=True))
    rows = []
    for file, future in batch:
        if future.exception() is not None:
            rows.append(Row(file, error=str(future.exception())))
            continue
        reading = readings[file]
        if draw is not None:
            _draw(draw, file, future.result(), reading, min_confidence)
        number = reading.number if reading.confidence >= min_confidence else None
        box = reading.box and [round(edge, 1) for edge in reading.box]
        rows.append(Row(file, number, round(reading.confidence, 4), box))
    return rows


def _draw(folder: Path, file: str, picture, reading, min_confidence: float) -> None:
    from reading.draw import draw_reading

    # The whole path makes the name, for two folders may each have a 1.jpg.
    name = "_".join(part for part in Path(file).parts if part not in ("/", "..", "."))
    folder.mkdir(parents=True, exist_ok=True)
    drawn = draw_reading(picture, reading, min_confidence=min_confidence)
    drawn.save(folder / f"{'standard_input' if file == '-' else name}.png")


def show(rows: Iterable[Row], form: str) -> int:
    """Print rows as they come; returns how many files could not be read."""
    failed = 0
    for index, row in enumerate(rows):
        if row.error:
            failed += 1
            print(f"predict.py: {row.error}", file=sys.stderr)
        elif form == "json":
            print(json.dumps({k: v for k, v in vars(row).items() if k != "error"}), flush=True)
        elif form == "csv":
            if index - failed == 0:
                print("file,number,confidence,left,top,right,bottom")
            print(_csv_line(row), flush=True)
        else:
            number = "(unsure)" if row.number is None else row.number or "(none)"
            print(f"{number:>8}  {row.confidence:6.1%}  {row.file}", flush=True)
    return failed


def _csv_line(row: Row) -> str:
    text = io.StringIO()
    number = "" if row.number is None else row.number
    box = row.box or [""] * 4
    csv.writer(text, lineterminator="").writerow([row.file, number, row.confidence, *box])
    return text.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("absl").setLevel(logging.WARNING)
    files = list(find_pictures(options.pictures))
    if not files:
        print(f"predict.py: no pictures in {', '.join(options.pictures)}", file=sys.stderr)
        return 2
    try:
        rows = read_files(files, options.weights, options.min_confidence, options.draw)
        return 1 if show(rows, options.format) else 0
    except (ValueError, OSError) as error:
        print(f"predict.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
