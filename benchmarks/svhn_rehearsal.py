"""Run every step for SVHN at full size on drawn images, and measure each.

    python benchmarks/svhn_rehearsal.py --annotations ANNOTATIONS --work data/rehearsal

ANNOTATIONS holds `train.csv` and `test.csv` (columns file, width, height, digits, boxes) of the
official splits: 33,402 and 13,068 images. The archives have the official structure, sizes, digits
and boxes, and a drawing in place of each photo. The steps are archives, build, load (and crop),
train and evaluate; each is a process of its own. Rerun the same command to resume after the last
completed step. The result is a table of time, memory and disk, also in `rehearsal.json`.

The accuracy is that of one epoch on simple drawings: it shows that all parts work together.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from artifacts.files import write_json  # noqa: E402

SPLITS = ("train", "test")
FILES = ("archives", "tensorflow_datasets", "runs", "report")


def read_annotations(path: Path) -> Iterator[dict]:
    """Rows of a table of annotations, with `boxes` as lists of four numbers."""
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            boxes = [[float(value) for value in box.split()] for box in row["boxes"].split(";")]
            yield row | {"boxes": boxes}


def draw_digits() -> list:
    """Masks of the ten digits, cut to their edges, float32 in [0, 1]."""
    import cv2
    import numpy as np

    masks = []
    for digit in range(10):
        canvas = np.zeros((160, 160), np.uint8)
        cv2.putText(canvas, str(digit), (30, 120), cv2.FONT_HERSHEY_SIMPLEX, 4, 255, 14)
        rows, columns = np.nonzero(canvas.max(1))[0], np.nonzero(canvas.max(0))[0]
        cut = canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        masks.append(cut.astype(np.float32) / 255)
    return masks


def draw_image(row: dict, masks: list, seed: int) -> bytes:
    """The digits of `row` in their boxes on a noisy background, as a PNG of a photo's size."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(seed)
    width, height = int(row["width"]), int(row["height"])
    coarse = rng.uniform(60, 200, (3, 4, 3)).astype(np.float32)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    ink = (image.mean((0, 1)) + 128 + rng.uniform(-30, 30, 3)) % 256
    for digit, (left, top, right, bottom) in zip(row["digits"], row["boxes"], strict=True):
        size = (max(1, round(right - left)), max(1, round(bottom - top)))
        mask = cv2.resize(masks[int(digit)], size, interpolation=cv2.INTER_AREA)
        x, y = round(left), round(top)
        mask = mask[max(0, -y) : max(0, height - y), max(0, -x) : max(0, width - x), None]
        y, x = max(0, y), max(0, x)
        part = image[y : y + mask.shape[0], x : x + mask.shape[1]]
        part += (ink - part) * mask
    image += rng.normal(0, 1.5, image.shape).astype(np.float32)
    return cv2.imencode(".png", image.clip(0, 255).astype(np.uint8))[1].tobytes()


def make_archive(annotations: Path, folder: Path, limit: int | None) -> None:
    """One split's archive with all its images and its `digitStruct.mat`."""
    import itertools

    from datasets.svhn_numbers.digit_struct import Entry
    from datasets.svhn_numbers.write_digit_struct import write_digit_struct

    split, started = annotations.stem, time.monotonic()
    path, struct_path = folder / f"{split}.tar.gz", folder / f"{split}.mat"
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(itertools.islice(read_annotations(annotations), limit))
    if not struct_path.exists():
        print(f"writing the digitStruct.mat of {split}, {len(rows)} entries", flush=True)
        entries = (Entry(row["file"], row["digits"], row["boxes"]) for row in rows)
        write_digit_struct(struct_path, entries)
        print(f"wrote it in {time.monotonic() - started:.0f} s", flush=True)
    masks, part = draw_digits(), path.with_name(path.name + ".part")
    with tarfile.open(part, "w:gz", compresslevel=1) as tar:
        for index, row in enumerate(rows):
            data = draw_image(row, masks, index)
            header = tarfile.TarInfo(f"{split}/{row['file']}")
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
            if (index + 1) % 5000 == 0:
                print(f"{split}: {index + 1} of {len(rows)} images drawn", flush=True)
        tar.add(struct_path, f"{split}/digitStruct.mat")
    part.replace(path)
    struct_path.unlink()


def step_archives(arguments: argparse.Namespace) -> str:
    for split in SPLITS:
        table = arguments.annotations / f"{split}.csv"
        make_archive(table, arguments.work / "archives", arguments.limit)
    sizes = [(arguments.work / f"archives/{split}.tar.gz").stat().st_size for split in SPLITS]
    return " and ".join(f"{size / 1e6:,.0f} MB" for size in sizes)


def step_build(arguments: argparse.Namespace) -> str:
    import tensorflow_datasets as tfds

    from datasets.svhn_numbers.svhn_numbers_dataset_builder import Builder

    builder = Builder(data_dir=arguments.work / "tensorflow_datasets", config="train_test")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=arguments.work / "archives")
    )
    return ", ".join(f"{name} {info.num_examples:,}" for name, info in builder.info.splits.items())


def step_load(arguments: argparse.Namespace) -> str:
    """Decode and crop the whole training split once, without a cache."""
    import datasets

    images = batches = 0
    started = time.monotonic()
    stream = datasets.load(
        arguments.source,
        "train",
        image_size=(64, 64),
        channels=3,
        max_digits=5,
        batch_size=128,
        crop="union",
        data_dir=arguments.work / "tensorflow_datasets",
    )
    for batch, targets in stream:
        assert batch.shape[1:] == (64, 64, 3), batch.shape
        assert targets["digits"].shape[1:] == (5,), targets
        images, batches = images + len(batch), batches + 1
    rate = images / (time.monotonic() - started)
    return f"{images:,} images in {batches:,} batches, {rate:,.0f} a second"


STEPS = {"archives": step_archives, "build": step_build, "load": step_load}


def commands(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """The command line of every step."""
    here = [sys.executable, __file__, "--annotations", str(arguments.annotations)]
    here += ["--work", str(arguments.work), "--source", arguments.source]
    if arguments.limit:
        here += ["--limit", str(arguments.limit)]
    steps = {step: [*here, "--only", step] for step in STEPS}
    run, data_dir = arguments.work / "runs/rehearsal", arguments.work / "tensorflow_datasets"
    data = ["--dataset", arguments.source, "--crop", "union", "--data-dir", str(data_dir)]
    steps["train"] = [sys.executable, "train.py", arguments.model, *data, "--recipe", "numbers"]
    # One epoch of many small steps, with a moving average short enough for so few.
    steps["train"] += ["--epochs", "1", "--batch-size", "16", "--set", "ema_momentum=0.99"]
    steps["train"] += ["--run", str(run)]
    steps["evaluate"] = [sys.executable, "evaluate.py", str(run), *data, "--split", "test"]
    steps["evaluate"] += ["--report", str(arguments.work / "report"), "--corruption-samples", "0"]
    return steps


def outcome(step: str, work: Path, last_line: str) -> str:
    """The result of a step: a figure from its files, or the last line it printed."""
    if step == "train":
        figures = json.loads((work / "runs/rehearsal/metrics.json").read_text())["validation"]
        return f"{figures['sequence_accuracy']:.1%} validation sequence accuracy after one epoch"
    if step == "evaluate":
        models = json.loads((work / "report/results.json").read_text())["models"]
        figures = next(value for name, value in models.items() if "constant" not in name)
        return f"{figures['sequence_accuracy']:.1%} sequence accuracy, {figures['images']:,} images"
    return last_line


def measure(step: str, command: list[str], work: Path) -> dict:
    """Run one command; measure its time, its processor time, its peak memory and its files."""
    before, started = disk_bytes(work), time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    last = ""
    for line in process.stdout:
        print(line, end="", flush=True)
        last = line.strip() or last
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed with {process.returncode}: {' '.join(command)}")
    return {
        "command": command,
        "seconds": time.monotonic() - started,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
        "disk_mib": (disk_bytes(work) - before) / 2**20,
        "result": outcome(step, work, last),
    }


def disk_bytes(folder: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def report(results: dict[str, dict]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Rehearsal of SVHN at full size, {os.cpu_count()} CPU cores")
    for heading in ("step", "s", "CPU s", "peak MiB", "disk + MiB", "result"):
        side = "left" if heading in ("step", "result") else "right"
        table.add_column(heading, justify=side, overflow="fold")
    for step, result in results.items():
        table.add_row(
            step,
            f"{result['seconds']:,.0f}",
            f"{result['cpu_seconds']:,.0f}",
            f"{result['peak_mib']:,.0f}",
            f"{result['disk_mib']:,.0f}",
            result["result"],
        )
    Console(width=120).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("data/rehearsal"))
    parser.add_argument("--source", default="svhn_numbers", help="data set's name")
    parser.add_argument("--model", default="residual_cnn_small", help="model to train")
    parser.add_argument("--limit", type=int, help="images of each split, to try it out")
    parser.add_argument("--steps", nargs="+", help="defaults to all")
    parser.add_argument("--only", choices=STEPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.annotations = arguments.annotations.resolve()
    arguments.work = arguments.work.resolve()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.only:
        print(STEPS[arguments.only](arguments))
        return
    path = arguments.work / "rehearsal.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for step, command in commands(arguments).items():
        if step in results or (arguments.steps and step not in arguments.steps):
            continue
        print(f"--- {step}", flush=True)
        results[step] = measure(step, command, arguments.work)
        write_json(path, results)
    report(results)


if __name__ == "__main__":
    main()
