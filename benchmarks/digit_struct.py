"""Reading `digitStruct.mat`: this project's reader beside following the references in h5py.

    python benchmarks/digit_struct.py --annotations ANNOTATIONS/train.csv

makes a file of full size in the official structure from a table of annotations (columns file,
digits, boxes, as `left top right bottom` joined by `;`), once, and reads it in both ways in one
run. `--growth 1000,10000,33402,202353` shows how the time grows: the annotations are repeated to
make longer files (202,353 entries are as many as `extra` has), read by this project's reader
alone. Every reading runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import itertools
import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import h5py
import numpy as np
from rich.console import Console
from rich.table import Table

from datasets.svhn_numbers.digit_struct import DigitStruct, Entry, read_digit_struct
from datasets.svhn_numbers.write_digit_struct import write_digit_struct


def annotated(path: Path, count: int | None = None) -> Iterator[Entry]:
    """Entries of a table of annotations; begins again under new names if `count` is larger."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(itertools.islice(itertools.cycle(rows), count or len(rows))):
        boxes = [[float(value) for value in box.split()] for box in row["boxes"].split(";")]
        labels = np.array([int(digit) for digit in row["digits"]])
        yield Entry(f"{number + 1}.png", labels, np.array(boxes))


def read_one_by_one(path: Path) -> DigitStruct:
    """What is usually done: follow each reference through h5py's high-level interface."""
    names, counts, values = [], [], []
    with h5py.File(path) as file:
        name_list, box_list = file["digitStruct/name"], file["digitStruct/bbox"]
        for index in range(len(name_list)):
            names.append("".join(chr(code[0]) for code in file[name_list[index, 0]][()]))
            group = file[box_list[index, 0]]
            columns = []
            for field in ("left", "top", "width", "height", "label"):
                data = group[field]
                if len(data) == 1:
                    columns.append([data[0, 0]])
                else:
                    columns.append([file[data[digit, 0]][0, 0] for digit in range(len(data))])
            counts.append(len(columns[0]))
            values.append(np.transpose(columns))
    table = np.concatenate(values)
    boxes = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4]], axis=1)
    return DigitStruct(
        names=np.array(names),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        labels=table[:, 4].astype(np.int32) % 10,
        boxes=boxes.astype(np.float32),
    )


def peak_mib() -> float:
    """Peak memory of this process alone (`getrusage` starts at that of the parent)."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


READERS = {"h5py": read_one_by_one, "ours": read_digit_struct}


def measure(reader: str, path: Path) -> dict:
    """Seconds, peak memory and a digest of what was read, from a process of its own."""
    command = [sys.executable, __file__, "--measure", reader, "--file", str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def _measure_here(reader: str, path: Path) -> dict:
    before = peak_mib()
    started, used = time.perf_counter(), time.process_time()
    structs = READERS[reader](path)
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    arrays = (structs.names, structs.offsets, structs.labels, structs.boxes)
    return {
        "seconds": seconds,
        "cpu": cpu,
        "entries": len(structs),
        "digits": len(structs.labels),
        "result_mib": sum(array.nbytes for array in arrays) / 2**20,
        "peak_mib": peak_mib() - before,
        "digest": hashlib.sha256(b"".join(map(np.ndarray.tobytes, arrays))).hexdigest(),
    }


def make_file(annotations: Path, count: int | None, folder: Path) -> Path:
    """The file of `count` entries, made unless it is there already."""
    path = folder / f"digitStruct-{annotations.stem}-{count or 'all'}.mat"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        write_digit_struct(path, annotated(annotations, count))
        print(f"made {path}: {path.stat().st_size:,} bytes in {time.monotonic() - started:.0f} s")
    return path


def report(rows: list[tuple[str, Path, dict]], console: Console) -> None:
    table = Table(title=f"{platform.machine()}, Python {platform.python_version()}")
    for heading in (
        "reader",
        "entries",
        "digits",
        "file MiB",
        "s",
        "CPU s",
        "result MiB",
        "peak + MiB",
    ):
        table.add_column(heading, justify="left" if heading == "reader" else "right")
    for reader, path, result in rows:
        table.add_row(
            reader,
            f"{result['entries']:,}",
            f"{result['digits']:,}",
            f"{path.stat().st_size / 2**20:,.0f}",
            f"{result['seconds']:.2f}",
            f"{result['cpu']:.2f}",
            f"{result['result_mib']:.1f}",
            f"{result['peak_mib']:.0f}",
        )
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--annotations", type=Path, help="table to make the file from")
    parser.add_argument("--work", type=Path, default=Path("data/benchmarks"), help="for the files")
    parser.add_argument("--growth", default="", help="sizes, in entries, joined by commas")
    parser.add_argument("--measure", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(_measure_here(arguments.measure, arguments.file)))
        return
    if not arguments.annotations:
        parser.error("--annotations is needed: the table to make the file from")
    console = Console()
    if arguments.growth:
        paths = [
            make_file(arguments.annotations, int(size), arguments.work)
            for size in arguments.growth.split(",")
        ]
        report([("ours", path, measure("ours", path)) for path in paths], console)
        return
    path = make_file(arguments.annotations, None, arguments.work)
    results = {reader: measure(reader, path) for reader in READERS}
    report([(reader, path, result) for reader, result in results.items()], console)
    same = results["h5py"]["digest"] == results["ours"]["digest"]
    clock, cpu = (results["h5py"][key] / results["ours"][key] for key in ("seconds", "cpu"))
    console.print(f"same result: {same}; {clock:.0f} times faster ({cpu:.0f} in processor time)")
    if not same:
        raise SystemExit("the two readers do not agree")


if __name__ == "__main__":
    main()
