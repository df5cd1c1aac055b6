#!/usr/bin/env python3
"""Read the numbers in images."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from inference.files import batches, find_images, is_folder

EXAMPLES = """examples:
  predict.py photo.jpg
  predict.py photos/ --format csv > numbers.csv
  predict.py photos/ --min-confidence 0.9 --weights runs/my_run
  predict.py photos/ --draw seen        images with the box, the number and how sure

A number that is not shown was read with less confidence than asked for. In a folder, files that end
as images do are read, and what is hidden is passed over. The exit status is 1 when a file could
not be read; the others are read all the same."""


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
    add("images", nargs="+", metavar="IMAGE|FOLDER|-", help="images, folders of images, "
        "or - for one image from standard input")  # fmt: skip
    add("--weights", default="street_numbers", metavar="NAME|RUN|FILE",
        help="published weights, a run or a .keras file (default: street_numbers)")  # fmt: skip
    add("--format", choices=("table", "csv", "json"), default="table",
        help="json has an object on each line (default: table)")  # fmt: skip
    add("--min-confidence", type=float, default=0.0, metavar="P",
        help="show only numbers that are right with this probability, 0 to 1")  # fmt: skip
    add("--draw", type=Path, metavar="FOLDER",
        help="write each image with what was read in it to this folder")  # fmt: skip
    options = parser.parse_args(arguments)
    if not 0 <= options.min_confidence <= 1:
        parser.error(f"--min-confidence is from 0 to 1. Received: {options.min_confidence}")
    return options


def read_files(
    files: Iterable[str], weights: str, min_confidence: float, draw: Path | None = None
) -> Iterator[Row]:
    """Read images batch by batch, decoding the next while the model reads the last.

    Args:
        files: paths, or "-" for standard input.
        weights: as `inference.Reader` takes them.
        min_confidence: below it a row has no number.
        draw: folder for images with what was read in them; None for none.

    Yields:
        A row for each file, in order; one that does not decode has `error`.
    """
    pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    groups = batches(files)
    start = lambda: [_decode_beside(pool, file) for file in next(groups, [])]  # noqa: E731
    try:
        ahead, reader = start(), None
        while batch := ahead:
            ahead = start()
            if reader is None and any(one.exception() is None for _, one in batch):
                # Only now: a mistyped name is told at once, and decoding goes on meanwhile.
                from inference import Reader

                reader = Reader(weights)
            yield from _read_batch(reader, batch, min_confidence, pool, draw)
    finally:
        pool.shutdown(cancel_futures=True)


def _decode_beside(pool: ThreadPoolExecutor, file: str) -> tuple[str, Future]:
    from datasets.images import decode_image

    if file == "-":  # read here, for a thread that waits for input cannot be stopped
        return file, pool.submit(decode_image, sys.stdin.buffer.read(), name="standard input")
    if is_folder(file):
        return file, pool.submit(os.listdir, file)  # which fails, and says why
    return file, pool.submit(decode_image, file)


def _read_batch(
    reader,
    batch: list[tuple[str, Future]],
    min_confidence: float,
    pool: ThreadPoolExecutor,
    draw: Path | None,
) -> Iterator[Row]:
    good = [(file, future.result()) for file, future in batch if future.exception() is None]
    found = reader.read([image for _, image in good]) if good else []
    readings = dict(zip((file for file, _ in good), found, strict=True))
    drawn = {}
    if draw is not None:
        drawn = {
            file: pool.submit(_draw, draw, file, image, readings[file], min_confidence)
            for file, image in good
        }
    for file, future in batch:
        if (error := future.exception()) is not None:
            yield Row(file, error=str(error) or f"{file}: {type(error).__name__}")
            continue
        if file in drawn:
            drawn[file].result()
        reading = readings[file]
        number = reading.number if reading.confidence >= min_confidence else None
        box = reading.box and [round(edge, 1) for edge in reading.box]
        yield Row(file, number, round(reading.confidence, 4), box)


def _draw(folder: Path, file: str, image, reading, min_confidence: float) -> None:
    from artifacts.files import replacing
    from inference.draw import draw_reading

    path = folder / _drawn_name(file)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            drawn = draw_reading(image, reading, min_confidence=min_confidence)
            drawn.save(part, compress_level=3)  # a quarter of the time, a tenth more bytes
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from error


def _drawn_name(file: str) -> str:
    # The whole path makes the name, for two folders may each have a 1.jpg.
    if file == "-":
        return "standard_input.png"
    parts = ("up" if part == ".." else part for part in Path(file).parts)
    name = "_".join(part for part in parts if part != Path(file).anchor)
    # File systems take 255 bytes, and some of them no others than UTF-8.
    return name.encode(errors="surrogateescape")[-200:].decode(errors="replace") + ".png"


def show(rows: Iterable[Row], form: str, step: Callable[[], None] = lambda: None) -> int:
    """Print rows as they come, with a `step` after each; returns how many could not be read."""
    failed = 0
    for index, row in enumerate(rows):
        if form == "csv" and index == 0:
            print("file,number,confidence,left,top,right,bottom")
        if row.error:
            failed += 1
            print(f"predict.py: {row.error}", file=sys.stderr)
        elif form == "json":
            print(json.dumps({k: v for k, v in vars(row).items() if k != "error"}), flush=True)
        elif form == "csv":
            print(_csv_line(row), flush=True)
        else:
            number = "(unsure)" if row.number is None else row.number or "(none)"
            print(f"{number:>8}  {row.confidence:6.1%}  {row.file}", flush=True)
        step()
    return failed


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar, where the rows do not show on the terminal but go to a file or another command."""
    if total < 2 or sys.stdout.isatty() or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True)
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)


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
    warnings.filterwarnings("ignore", module="PIL")  # of what it reads all the same
    # File names are bytes of any kind, and are given back as they were.
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    try:
        return _run(options)
    except BrokenPipeError:  # whoever reads the rows has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        print(f"predict.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("predict.py: stopped", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    files = list(find_images(options.images, options.draw))
    if not files:
        print(f"predict.py: no images in {', '.join(options.images)}", file=sys.stderr)
        return 2
    rows = read_files(files, options.weights, options.min_confidence, options.draw)
    with _progress(len(files)) as step, contextlib.closing(rows):
        failed = show(rows, options.format, step)
    if failed and len(files) > 1:
        print(f"predict.py: {failed} of {len(files)} could not be read", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
