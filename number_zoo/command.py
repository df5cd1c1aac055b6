"""Read the numbers in images."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import sys
import threading
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import number_zoo
from number_zoo.files import find_images, message
from number_zoo.output import FORMATS, Writer, open_output, output_format, progress, rows_of

if TYPE_CHECKING:  # importing NumPy takes a tenth of a second
    from number_zoo.lexicon import Lexicon

EXAMPLES = """examples:
  %(prog)s photo.jpg
  %(prog)s photos/ --format csv > numbers.csv
  %(prog)s photos/ --output numbers.csv --skip-done    resumes a stopped run
  %(prog)s photos/ --min-confidence 0.9 --weights conv_transformer_small.any10
  %(prog)s photos/ --draw drawn       copies with the box, the number and its confidence
  %(prog)s photo.jpg --all            all numbers, in reading order
  %(prog)s race/ --all --lexicon start_list.txt
  %(prog)s serve                      a web page and an API; serve --help has its options

Numbers below --min-confidence are withheld: "?" in CSV, null in JSON. With --all every number has a
row with its box, and an image without a number has an empty row. In folders, files with the suffix
of an image are read and hidden files are skipped. An image that cannot be read does not stop the
command.

Exit status: 0 if all images were read; 1 if some could not be read; 2 if none could be read, or for
wrong usage."""


def parse(arguments: list[str] | None, prog: str) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE|FOLDER|-", help="images, folders of images, "
        "or - for one image from standard input")  # fmt: skip
    add("--weights", metavar="NAME|FILE|RUN",
        help="published weights or an exported .onnx file, or, with the project's training "
        "requirements, a run or a .keras file (default: the most accurate published)")  # fmt: skip
    add("--all", action="store_true",
        help="read all numbers in each image instead of the most likely")  # fmt: skip
    add("--locator", metavar="NAME|FILE|RUN",
        help="what finds all numbers, and small ones: of the same kinds as --weights (default: "
        "the published locator)")  # fmt: skip
    add("--lexicon", type=Path, metavar="FILE",
        help="read only the numbers of this text file, one in each line, such as a start "
        "list")  # fmt: skip
    add("--format", choices=FORMATS,
        help="json: one object per line (default: table; with --output by its suffix)")  # fmt: skip
    add("--min-confidence", type=float, default=0.0, metavar="P",
        help="withhold numbers of a lower confidence, 0 to 1 (default: 0)")  # fmt: skip
    add("--draw", type=Path, metavar="FOLDER",
        help="write each image with its box, number and confidence to this folder")  # fmt: skip
    add("--output", type=Path, metavar="FILE",
        help="write to this .csv, .json or .jsonl file instead of standard output")  # fmt: skip
    add("--skip-done", action="store_true",
        help="append to --output, and skip images that it already contains")  # fmt: skip
    add("--threads", type=int, metavar="N",
        help="threads that decode, and that read (default: the available cores)")  # fmt: skip
    add("--version", action="version", version=f"number-zoo {number_zoo.__version__}")
    options = parser.parse_args(arguments)
    if not 0 <= options.min_confidence <= 1:
        parser.error(f"--min-confidence is from 0 to 1. Received: {options.min_confidence}")
    if options.threads is not None and options.threads < 1:
        parser.error(f"--threads is 1 or more. Received: {options.threads}")
    if options.skip_done and not options.output:
        parser.error("--skip-done needs --output FILE, the file to resume")
    return options


def main(arguments: list[str] | None = None, prog: str = "number-zoo") -> int:
    """Run the command; returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed, as desktops and services start programs
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115
    if arguments[:1] == ["serve"]:
        from number_zoo.server.__main__ import main as serve

        return serve(arguments[1:])
    options = parse(arguments, prog)
    warnings.filterwarnings("ignore", module="PIL")  # its warnings are about files that it can read
    # File names are bytes of any encoding; they are printed unchanged.
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    try:
        return _run(options, prog)
    except BrokenPipeError:  # the reader of the pipe has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        print(f"{prog}: {_text(error, options.output)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{prog}: stopped", file=sys.stderr)
        return 130


def _text(error: BaseException, output: Path | None = None) -> str:
    """Message of an error; an OSError without a file name is one of writing the output."""
    if not isinstance(error, OSError) or not error.strerror or error.filename is not None:
        return message(error)
    resume = ". Rows that are complete are kept: rerun with --skip-done" if output else ""
    return f"{output or 'standard output'} cannot be written: {error.strerror}{resume}"


def _run(options: argparse.Namespace, prog: str) -> int:
    if options.draw and options.draw.exists() and not options.draw.is_dir():
        raise ValueError(f"--draw takes a folder. Received: {options.draw}, which is a file")
    lexicon = None
    if options.lexicon:  # before the output is opened
        from number_zoo.lexicon import read_lexicon

        lexicon = read_lexicon(options.lexicon)
    files = list(find_images(options.images, options.draw))
    if not files:
        print(
            f"{prog}: no images in {', '.join(options.images)}: no file there has the suffix of an "
            "image that is read, such as .jpg or .png, or all are hidden",
            file=sys.stderr,
        )
        return 2
    # Before the files that are done are left out, since names depend on all of them.
    drawings = drawn_paths(files, options.draw) if options.draw else {}
    total = len(files)
    with contextlib.ExitStack() as stack:
        write = Writer(sys.stdout, options.format or "table", all_numbers=options.all)
        if options.output:
            form = output_format(options.output, options.format)
            stream, done = open_output(options.output, form, options.skip_done, options.all)
            header = not stream.tell()
            write = Writer(stack.enter_context(stream), form, header, options.all)
            files = [file for file in files if file not in done or file == "-"]  # another image
        failed = _read(files, drawings, options, lexicon, write, prog)
    if failed and total > 1:
        print(f"{prog}: {failed} of {total} could not be read", file=sys.stderr)
    return 0 if not failed else 2 if failed == total else 1


def _read(
    files: list[str],
    drawings: dict[str, Path],
    options: argparse.Namespace,
    lexicon: Lexicon | None,
    write: Writer,
    prog: str,
) -> int:
    """Read files and write their rows; returns the number of files with an error."""
    from number_zoo.reader import open_reader
    from number_zoo.stream import read_files

    draw = functools.partial(_draw, drawings, options.min_confidence) if drawings else None
    opened = functools.partial(
        open_reader, options.weights, options.threads, locator=options.locator
    )
    visible = sys.stderr.isatty() and (options.output or not sys.stdout.isatty())
    show = progress(len(files), bool(visible))
    failed = 0
    results = read_files(files, opened, options.threads, draw, options.all, lexicon)
    with contextlib.closing(results):
        for index, (file, reading, error) in enumerate(results, 1):
            if reading is None:
                failed += 1
                print(f"{prog}: {_text(error) if error else file}", file=sys.stderr)
            else:
                write(rows_of(file, reading, options.min_confidence))
            show(index)
    return failed


def _draw(paths: dict[str, Path], min_confidence: float, file: str, image, reading) -> None:
    from number_zoo.draw import draw_all, draw_reading

    path = paths[file]
    # An image that is given by two names is drawn by two threads.
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        drawing = draw_all if isinstance(reading, list) else draw_reading
        drawn = drawing(image, reading, min_confidence=min_confidence)
        drawn.save(part, "PNG", compress_level=3)  # a quarter of the time, a tenth more bytes
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from error


def drawn_paths(files: Iterable[str], folder: Path) -> dict[str, Path]:
    """Path of the drawing of each image, in the same subfolders as the images.

    `a.jpg` is drawn to `a.png`, or to `a.jpg.png` if another image is drawn to `a.png` or if the
    folder of drawings contains images, which must not be overwritten.
    """
    paths = {file: Path(os.path.normpath(Path(file).absolute())) for file in files if file != "-"}
    images = set(paths.values())
    # With the drive as a folder: images may be on several.
    names = {
        path: Path(path.drive.replace(":", "").strip("\\"), *path.parts[1:]) for path in images
    }
    root = os.path.commonpath([name.parent for name in names.values()]) if names else ""
    names = {path: name.relative_to(root) for path, name in names.items()}
    short = {path: name.with_name(f"{_limited(name.stem)}.png") for path, name in names.items()}
    long = {path: name.with_name(f"{_limited(name.name)}.png") for path, name in names.items()}
    standard_input = Path("standard_input.png")
    # Names that differ in case alone are the same on macOS and Windows.
    claims = Counter(str(name).lower() for path in images for name in {short[path], long[path]})
    claims[str(standard_input)] += 1
    occupied = {os.path.realpath(path.parent) for path in images}

    def is_free(name: Path) -> bool:
        return (
            claims[str(name).lower()] == 1
            and os.path.realpath((folder / name).parent) not in occupied
        )

    chosen = {path: short[path] if is_free(short[path]) else long[path] for path in images}
    drawn = {file: folder / chosen[path] for file, path in paths.items()}
    return drawn | {"-": folder / standard_input}


def _limited(name: str) -> str:
    """A name of at most 200 bytes: of a longer one its end, after a digest. File systems accept 255
    bytes, and temporary files have longer names."""
    data = os.fsencode(name)
    if len(data) <= 200:
        return name
    return f"{zlib.crc32(data):08x}_{data[-190:].decode(errors='ignore')}"
