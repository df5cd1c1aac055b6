"""Compare start, memory, size and speed of the package with general OCR engines.

    python benchmarks/startup_peers.py my_photos        # a folder of photos

Everything is measured in new processes on one thread: one that reads one photo (start and memory),
and one that reads the same photo repeatedly. The engines alternate, so that other load on the
machine affects all of them, and the median of all turns is reported with its range. The
environments are those of ocr_peers.py, which measures the accuracy of the engines; the settings are
the most accurate ones on street photos.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ocr_peers import (
    ONE_THREAD,
    PACKAGES,
    environment,
    run_command,
    tesseract_command,
    worker_command,
)

SETTINGS = {
    "number_zoo": ["conv_transformer_small.any10", "text_transformer.any10"],
    "rapidocr": ["224", "96+224+recognizer"],
    "ddddocr": ["default"],
    "tesseract": ["7"],
}
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
WARM = 20
"""Number of times that a process reads the same photo."""

TESSERACT = ["tesseract-ocr", "tesseract-ocr-eng", "tesseract-ocr-osd", "libtesseract5", "liblept5"]
"""Debian packages of the engine without an environment."""


def run_process(command: Sequence[str], photo: str) -> dict[str, float]:
    """Run a command with the path of a photo as JSON on its standard input, and measure it.

    The peak memory counts this process, too, where it is larger, since the new one starts as its
    copy: nothing large is imported here.

    Returns:
        Seconds on the clock (`start`) and of processors (`start_processor`), and peak `memory` in
        MiB.

    Raises:
        RuntimeError: if the command fails.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=ONE_THREAD
    )
    process.stdin.write(json.dumps([photo]).encode())
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed")
    processor, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    return {"start": wall, "start_processor": processor, "memory": memory}


def command_for(engine: str, setting: str, python: Path, photo: str) -> list[str]:
    """The command that reads a photo: that of the engine, if it has one."""
    if engine == "number_zoo":
        command = python.parent / "number-zoo"
        return [str(command), photo, "--weights", setting, "--threads", "1"]
    if engine == "tesseract":
        return tesseract_command(photo, setting)
    return worker_command(python, engine, setting)


def installed_size(engine: str, python: Path) -> float:
    """Size of an engine's environment in MB, without pip, or of its Debian packages."""
    if engine == "tesseract":
        query = ["dpkg-query", "-W", "-f=${Installed-Size}\n", *TESSERACT]
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
    """Measure all engines alternately; returns lists of figures by name, by engine and setting."""
    photos = sorted(p for p in options.photos.iterdir() if p.suffix.lower() in SUFFIXES)
    if not photos:
        raise SystemExit(f"{options.photos} has no photos ({', '.join(sorted(SUFFIXES))})")
    photo, engines = str(photos[0]), ("number_zoo", *options.peers)
    pythons = {engine: environment(engine, options.environments) for engine in engines}
    readers = [(engine, setting) for engine in engines for setting in SETTINGS[engine]]
    figures: dict[tuple[str, str], dict[str, list[float]]] = {
        (engine, setting): {"size": [installed_size(engine, pythons[engine])]}
        for engine, setting in readers
    }
    # The first turn, which compiles modules and loads files into the cache, is discarded.
    for turn, (engine, setting) in itertools.product(range(options.turns + 1), readers):
        python = pythons[engine]
        cold = run_process(command_for(engine, setting, python, photo), photo)
        if turn == 0:
            continue
        again = [photo] * (WARM + 1)
        warm = run_command(worker_command(python, engine, setting), again)["wall_milliseconds"]
        for name, value in (cold | {"warm": warm}).items():
            figures[engine, setting].setdefault(name, []).append(value)
    return figures


ROWS = {
    "size": ("installed", ".0f", "MB"),
    "start": ("one photo, new process", ".2f", "s"),
    "start_processor": ("the same, processor time", ".2f", "s"),
    "memory": ("the same, peak memory", ".0f", "MiB"),
    "warm": ("one photo, warm", ".1f", "ms"),
}
"""Title, format and unit of each figure."""


def markdown(figures: dict[tuple[str, str], dict[str, list[float]]]) -> str:
    """A table: medians with their ranges, and their ratios to those of the first reader."""
    heads = [f"{engine} `{setting}`" for engine, setting in figures]
    lines = [f"| | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(heads)}"]
    for name, (title, form, unit) in ROWS.items():
        cells, baseline = [], statistics.median(next(iter(figures.values()))[name])
        for values in (reader[name] for reader in figures.values()):
            median, low, high = statistics.median(values), min(values), max(values)
            spread = f" ({low:{form}} – {high:{form}})" if low < high else ""
            cells.append(f"{median:{form}} {unit}{spread}, {median / baseline:.2g} ×")
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Run the benchmark; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("photos", type=Path, help="folder of photos")
    peers = [engine for engine in PACKAGES if engine != "number_zoo"]
    add("--peers", nargs="*", default=["rapidocr", "tesseract"], choices=peers)
    add("--turns", type=int, default=7, metavar="N", help="how often one photo is measured")
    add("--environments", type=Path, default=Path(".peers"), metavar="FOLDER")
    options = parser.parse_args()
    print(markdown(measure(options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
