"""Compare start, memory, size and speed of the package with general OCR engines.

    python benchmarks/startup_peers.py my_photos        # a folder of photos

Everything is measured in a fresh process: one that reads one photo (start and memory), one that
reads the same photo again and again, and one that reads many photos, on one thread and on two. The
engines take turns, so that other load on the machine meets all of them, and the median of all turns
is reported with its range. The environments are those of ocr_peers.py, where an engine's accuracy
is measured, too: the settings here are those that were the most accurate on street photos.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ocr_peers import (
    PACKAGES,
    environment,
    run_worker,
    tesseract_command,
    thread_limit,
    worker_command,
)

SETTINGS = {
    "number_zoo": ["conv_transformer_small.any10", "conv_transformer.any10"],
    "rapidocr": ["224", "96+224+recognizer"],
    "ddddocr": ["default"],
    "tesseract": ["7"],
}
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
WARM = 20
"""How often a process reads one photo."""

SYSTEM_PACKAGES = {
    "tesseract": [
        "tesseract-ocr",
        "tesseract-ocr-eng",
        "tesseract-ocr-osd",
        "libtesseract5",
        "liblept5",
    ]
}
"""Debian packages of an engine that has no environment."""


@dataclass(frozen=True)
class Process:
    """What a process took: seconds on the clock and of processors, and peak memory in MiB."""

    wall: float
    processor: float
    memory: float


def run_process(command: Sequence[str], threads: int, paths: Sequence[str] = ()) -> Process:
    """Run a command with paths as JSON on its standard input, and measure it.

    The peak memory counts this process, too, where it is larger, since the new one starts as its
    copy: nothing large is imported here.

    Raises:
        RuntimeError: if the command fails.
    """
    with tempfile.TemporaryFile() as sent, tempfile.TemporaryFile() as errors:
        sent.write(json.dumps(paths).encode())
        sent.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=sent, stdout=subprocess.DEVNULL, stderr=errors, env=thread_limit(threads)
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed: {errors.read().decode()[-500:]}")
    return Process(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def command_for(
    engine: str, setting: str, python: Path, threads: int, paths: Sequence[str], folder: Path
) -> list[str]:
    """The command that reads images as a user would: the engine's own, where it has one."""
    if engine == "number_zoo":
        own = python.parent / "number-zoo"
        return [str(own), *paths, "--weights", setting, "--threads", str(threads)]
    if engine == "tesseract":
        images = folder / "images.txt"
        images.write_text("\n".join(paths))
        return tesseract_command(str(images), setting)
    return worker_command(python, engine, setting, threads)


def installed_size(engine: str, python: Path) -> float:
    """Size of an engine's environment in MB, without pip; of its packages where it has none."""
    if engine in SYSTEM_PACKAGES:
        query = ["dpkg-query", "-W", "-f=${Installed-Size}\n", *SYSTEM_PACKAGES[engine]]
        sizes = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()
        return sum(map(int, sizes)) * 1024 / 1e6
    site = next(python.parent.parent.glob("[Ll]ib*/**/site-packages"))
    return sum(
        path.stat().st_size
        for path in site.rglob("*")
        if path.is_file() and path.relative_to(site).parts[0].split("-")[0] not in _NOT_COUNTED
    ) / 1e6  # fmt: skip


_NOT_COUNTED = {"pip", "setuptools", "pkg_resources", "_distutils_hack"}


def measure(options: argparse.Namespace) -> dict[tuple[str, str], dict[str, list[float]]]:
    """Measure all engines in turns: lists of figures by name, by engine and setting."""
    photos = sorted(p for p in options.photos.iterdir() if p.suffix.lower() in SUFFIXES)
    if not photos:
        raise SystemExit(f"{options.photos} has no photos ({', '.join(sorted(SUFFIXES))})")
    many = [str(path) for path in itertools.islice(itertools.cycle(photos), options.images)]
    photo, engines = many[0], ("number_zoo", *options.peers)
    pythons = {engine: environment(engine, options.environments) for engine in engines}
    readers = [(engine, setting) for engine in engines for setting in SETTINGS[engine]]
    figures: dict[tuple[str, str], dict[str, list[float]]] = {
        (engine, setting): {"size": [installed_size(engine, pythons[engine])]}
        for engine, setting in readers
    }

    with tempfile.TemporaryDirectory() as folder:

        def run(reader: tuple[str, str], threads: int, paths: list[str]) -> Process:
            command = command_for(*reader, pythons[reader[0]], threads, paths, Path(folder))
            return run_process(command, threads, paths)

        def add(reader: tuple[str, str], **values: float) -> None:
            for name, value in values.items():
                figures[reader].setdefault(name, []).append(value)

        for reader in readers:  # compiles Python's modules, and loads files into memory
            run(reader, 1, [photo])
        for _, reader in itertools.product(range(options.turns), readers):
            cold = run(reader, 1, [photo])
            add(reader, start=cold.wall, start_processor=cold.processor, memory=cold.memory)
            result = run_worker(pythons[reader[0]], *reader, [photo] * (WARM + 1))
            add(reader, warm=result["wall_milliseconds"])
        for turn, threads, reader in itertools.product(range(options.long_turns), (1, 2), readers):
            print(f"long run {turn + 1}, {threads} threads: {reader[0]}", file=sys.stderr)
            result, name = run(reader, threads, many), f"many_{threads}"
            add(reader, **{name: result.wall, f"{name}_processor": result.processor,
                           f"{name}_memory": result.memory})  # fmt: skip
    return figures


ROWS = {
    "size": ("installed", ".0f", "MB"),
    "start": ("one photo, new process", ".2f", "s"),
    "start_processor": ("the same, processor time", ".2f", "s"),
    "memory": ("the same, peak memory", ".0f", "MiB"),
    "warm": ("one photo, warm", ".1f", "ms"),
    "many_1": ("{images} photos, 1 thread", ".1f", "s"),
    "many_1_processor": ("the same, processor time", ".1f", "s"),
    "many_2": ("{images} photos, 2 threads", ".1f", "s"),
    "many_2_memory": ("the same, peak memory", ".0f", "MiB"),
}
"""What is reported of each figure: its title, format and unit."""


def markdown(figures: dict[tuple[str, str], dict[str, list[float]]], images: int) -> str:
    """A table: medians with their ranges, and their ratios to those of the first reader."""
    heads = [f"{engine} `{setting}`" for engine, setting in figures]
    lines = [f"| | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(heads)}"]
    for name, (title, form, unit) in ROWS.items():
        cells, baseline = [], statistics.median(next(iter(figures.values()))[name])
        for values in (reader[name] for reader in figures.values()):
            median, low, high = statistics.median(values), min(values), max(values)
            spread = f" ({low:{form}} – {high:{form}})" if low < high else ""
            cells.append(f"{median:{form}} {unit}{spread}, {median / baseline:.2g} ×")
        lines.append(f"| {title.format(images=images)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Run the benchmark; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("photos", type=Path, help="folder of photos")
    peers = [engine for engine in PACKAGES if engine != "number_zoo"]
    add("--peers", nargs="*", default=["rapidocr", "tesseract"], choices=peers)
    add("--images", type=int, default=500, metavar="N", help="photos of the long run")
    add("--turns", type=int, default=7, metavar="N", help="how often one photo is measured")
    add("--long-turns", type=int, default=3, metavar="N", help="how often many are")
    add("--environments", type=Path, default=Path(".peers"), metavar="FOLDER")
    options = parser.parse_args()
    print(markdown(measure(options), options.images))
    return 0


if __name__ == "__main__":
    sys.exit(main())
