#!/usr/bin/env python3
"""Read the numbers in images."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from artifacts.startup import quiet_tensorflow
from inference.files import batches, find_images, is_folder

EXAMPLES = """examples:
  predict.py photo.jpg
  predict.py photos/ --format csv > numbers.csv
  predict.py photos/ --min-confidence 0.9 --weights runs/my_run
  predict.py photos/ --draw drawn       copies with the box, the number and its confidence

Numbers below --min-confidence are withheld. In folders, files with the suffix of an image are read
and hidden files are skipped. An image that cannot be read does not stop the others.

Exit status: 0 if all images were read; 1 if some could not be; 2 if none could be, or for wrong
usage."""


@dataclass(frozen=True)
class Row:
    """One line of the output.

    Attributes:
        file: the path as given, or "-".
        number: the digits; "" where there is none, None below the least confidence or on an error.
        confidence: probability in [0, 1] that the number is correct.
        box: left, top, right, bottom of the number in pixels, where the model predicts it.
        error: why the file could not be read.
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
    add("--weights", metavar="NAME|RUN|FILE",
        help="published weights, a run or a .keras file (default: the most accurate published "
        "ones)")  # fmt: skip
    add("--format", choices=("table", "csv", "json"), default="table",
        help="json is one object a line (default: table)")  # fmt: skip
    add("--min-confidence", type=float, default=0.0, metavar="P",
        help="withhold numbers of a lower confidence, 0 to 1 (default: 0)")  # fmt: skip
    add("--draw", type=Path, metavar="FOLDER",
        help="write each image with its box, number and confidence to this folder")  # fmt: skip
    options = parser.parse_args(arguments)
    if not 0 <= options.min_confidence <= 1:
        parser.error(f"--min-confidence is from 0 to 1. Received: {options.min_confidence}")
    return options


def read_files(
    files: Sequence[str], weights: str | None, min_confidence: float, draw: Path | None = None
) -> Iterator[Row]:
    """Read image files in batches; the next batch is decoded while the model reads this one.

    Args:
        files: paths, or "-" for standard input.
        weights: as `inference.Reader` takes them; None for its default.
        min_confidence: below it a row has no number.
        draw: folder for copies of the images with their readings; None for none.

    Yields:
        A row for each file, in order; a file that cannot be decoded has an `error`.
    """
    pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    groups = batches(files)
    drawn = drawn_paths(files, draw) if draw else {}

    def decode_next() -> list[tuple[str, Future]]:
        return [(file, _decode(pool, file)) for file in next(groups, [])]

    try:
        following, reader = decode_next(), None
        while batch := following:
            following = decode_next()
            decoded = {
                file: future.result() for file, future in batch if future.exception() is None
            }
            if reader is None and decoded:
                # Only now, so that a missing file is reported without waiting for TensorFlow.
                quiet_tensorflow()
                from inference import Reader

                reader = Reader(weights)
            readings = dict(
                zip(decoded, reader.read(list(decoded.values())) if decoded else [], strict=True)
            )
            drawings = [
                pool.submit(_draw, drawn[file], decoded[file], reading, min_confidence)
                for file, reading in readings.items()
                if draw
            ]
            for drawing in drawings:
                drawing.result()
            for file, future in batch:
                yield _row(file, readings.get(file), future.exception(), min_confidence)
    finally:
        pool.shutdown(cancel_futures=True)


def _row(file: str, reading, error: BaseException | None, min_confidence: float) -> Row:
    if error is not None:
        return Row(file, error=str(error) or f"{file}: {type(error).__name__}")
    number = reading.number if reading.confidence >= min_confidence else None
    box = reading.box and [round(edge, 1) for edge in reading.box]
    return Row(file, number, round(reading.confidence, 4), box)


def _decode(pool: ThreadPoolExecutor, file: str) -> Future:
    from datasets.images import decode_image

    if file == "-":  # read here, for a thread that waits for input cannot be stopped
        return pool.submit(decode_image, sys.stdin.buffer.read(), name="standard input")
    if is_folder(file):
        return pool.submit(os.listdir, file)  # which fails, and says why
    return pool.submit(decode_image, file)


def _draw(path: Path, image, reading, min_confidence: float) -> None:
    from artifacts.files import atomic_path
    from inference.draw import draw_reading

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as part:
            drawn = draw_reading(image, reading, min_confidence=min_confidence)
            drawn.save(part, compress_level=3)  # a quarter of the time, a tenth more bytes
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from error


def drawn_paths(files: Iterable[str], folder: Path) -> dict[str, Path]:
    """Path of the drawing of each image: as below the folder that all images lie in.

    `a.jpg` is drawn to `a.png`; to `a.jpg.png` where another image is drawn to `a.png` or where
    images lie in the folder of drawings, which must not be overwritten.
    """
    paths = {file: Path(os.path.normpath(Path(file).absolute())) for file in files if file != "-"}
    root = os.path.commonpath([path.parent for path in paths.values()]) if paths else ""
    names = {file: path.relative_to(root) for file, path in paths.items()}
    # A name has at most 255 bytes.
    short = {file: name.with_name(f"{name.stem[-120:]}.png") for file, name in names.items()}
    long = {file: name.with_name(f"{name.name[-120:]}.png") for file, name in names.items()}
    standard_input = Path("standard_input.png")
    claims = Counter(name for file in names for name in {short[file], long[file]})
    claims[standard_input] += 1
    occupied = {os.path.realpath(path.parent) for path in paths.values()}

    def is_free(name: Path) -> bool:
        return claims[name] == 1 and os.path.realpath((folder / name).parent) not in occupied

    chosen = {file: short[file] if is_free(short[file]) else long[file] for file in names}
    return {file: folder / name for file, name in (chosen | {"-": standard_input}).items()}


def show(rows: Iterable[Row], form: str, step: Callable[[], None] = lambda: None) -> int:
    """Print rows, and call `step` after each; returns the number of files with an error."""
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
    """A progress bar on stderr, where stdout is not the terminal."""
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
    warnings.filterwarnings("ignore", module="PIL")  # about files that it can read
    # File names are bytes of any encoding; they are printed unchanged.
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    try:
        return _run(options)
    except BrokenPipeError:  # the reader of the pipe has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        print(f"predict.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("predict.py: stopped", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    if options.draw and options.draw.exists() and not options.draw.is_dir():
        raise ValueError(f"--draw takes a folder. Received: {options.draw}, which is a file")
    files = list(find_images(options.images, options.draw))
    if not files:
        print(f"predict.py: no images in {', '.join(options.images)}", file=sys.stderr)
        return 2
    rows = read_files(files, options.weights, options.min_confidence, options.draw)
    with _progress(len(files)) as step, contextlib.closing(rows):
        failed = show(rows, options.format, step)
    if failed and len(files) > 1:
        print(f"predict.py: {failed} of {len(files)} could not be read", file=sys.stderr)
    if failed == len(files):
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
