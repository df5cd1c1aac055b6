"""Run every step for SVHN at full size on drawn images, and measure each.

    python benchmarks/svhn_rehearsal.py --annotations ANNOTATIONS --work data/rehearsal

ANNOTATIONS holds `train.csv` and `test.csv` (columns file, width, height, digits, boxes) of the
official splits: 33,402 and 13,068 images. The archives have the official structure, sizes, digits
and boxes, and a drawing in place of each photo. Each step is a process of its own; `--steps train
evaluate` runs only these. The result is a table of time, memory and disk.

The accuracy is that of one epoch on simple drawings: it shows that all parts work together.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

STEPS = ("archives", "build", "load", "train", "evaluate")


def draw_digits() -> list:
    """Masks of the ten digits, cut to their edges, float32 in [0, 1]."""
    import cv2
    import numpy as np

    masks = []
    for digit in range(10):
        canvas = np.zeros((160, 160), np.uint8)
        cv2.putText(canvas, str(digit), (30, 120), cv2.FONT_HERSHEY_SIMPLEX, 4, 255, 14)
        left, top, width, height = cv2.boundingRect(canvas)
        masks.append(canvas[top : top + height, left : left + width].astype(np.float32) / 255)
    return masks


def draw_image(entry, size: tuple[int, int], masks: list, seed: int) -> bytes:
    """The digits of `entry` in their boxes on a noisy background, as a PNG of a photo's size."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(seed)
    width, height = size
    coarse = rng.uniform(60, 200, (3, 4, 3)).astype(np.float32)
    image = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    ink = (image.mean((0, 1)) + 128 + rng.uniform(-30, 30, 3)) % 256
    for digit, (left, top, right, bottom) in zip(entry.label, entry.boxes, strict=True):
        box_size = (max(1, round(right - left)), max(1, round(bottom - top)))
        mask = cv2.resize(masks[int(digit)], box_size, interpolation=cv2.INTER_AREA)
        x, y = round(left), round(top)
        mask = mask[max(0, -y) : max(0, height - y), max(0, -x) : max(0, width - x), None]
        y, x = max(0, y), max(0, x)
        part = image[y : y + mask.shape[0], x : x + mask.shape[1]]
        part += (ink - part) * mask
    image += rng.normal(0, 1.5, image.shape).astype(np.float32)
    return cv2.imencode(".png", image.clip(0, 255).astype(np.uint8))[1].tobytes()


def write_archive(annotations: Path, path: Path, limit: int | None) -> None:
    """Write one split's archive with all its images and its `digitStruct.mat`."""
    from datasets.svhn_numbers.digit_struct import Entry
    from datasets.svhn_numbers.write_digit_struct import write_digit_struct

    split, masks, struct = annotations.stem, draw_digits(), path.with_name("digitStruct.mat")
    with annotations.open(newline="") as file:
        rows = list(itertools.islice(csv.DictReader(file), limit))
    entries, sizes = [], []
    for row in rows:
        boxes = [[float(value) for value in box.split()] for box in row["boxes"].split(";")]
        entries.append(Entry(row["file"], row["digits"], boxes))
        sizes.append((int(row["width"]), int(row["height"])))
    write_digit_struct(struct, entries)
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for index, (entry, size) in enumerate(zip(entries, sizes, strict=True)):
            data = draw_image(entry, size, masks, index)
            header = tarfile.TarInfo(f"{split}/{entry.name}")
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
        tar.add(struct, f"{split}/digitStruct.mat")
    struct.unlink()


def write_archives(options: argparse.Namespace) -> None:
    folder = options.work / "archives"
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "test"):
        table = options.annotations / f"{split}.csv"
        write_archive(table, folder / f"{split}.tar.gz", options.limit)


def build(options: argparse.Namespace) -> None:
    import tensorflow_datasets as tfds

    from datasets.svhn_numbers.svhn_numbers_dataset_builder import Builder

    builder = Builder(data_dir=options.work / "tensorflow_datasets", config="train_test")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=options.work / "archives")
    )


def load(options: argparse.Namespace) -> None:
    """Decode and crop the whole training split once, without a cache."""
    import datasets

    data_dir = options.work / "tensorflow_datasets"
    stream = datasets.load("svhn_numbers", "train", crop="union", data_dir=data_dir)
    print(f"{sum(len(images) for images, _ in stream):,} images")


def command(step: str, options: argparse.Namespace) -> list[str]:
    """The command line of a step."""
    run, data_dir = options.work / "runs/rehearsal", options.work / "tensorflow_datasets"
    data = ["--dataset", "svhn_numbers", "--crop", "union", "--data-dir", str(data_dir)]
    if step == "train":
        # One epoch of many small steps, with a moving average short enough for so few.
        short = ["--epochs", "1", "--batch-size", "16", "--set", "ema_momentum=0.99"]
        return ["train.py", "residual_cnn_small", *data, *short, "--run", str(run)]
    if step == "evaluate":
        report = ["--report", str(options.work / "report"), "--corruption-samples", "0"]
        return ["evaluate.py", str(run), *data, *report]
    folders = ["--annotations", str(options.annotations), "--work", str(options.work)]
    limit = ["--limit", str(options.limit)] if options.limit else []
    return [__file__, *folders, *limit, "--only", step]


def disk_mib(folder: Path) -> float:
    """Size of all files under a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20


def main() -> None:
    """Run the steps and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("data/rehearsal"))
    parser.add_argument("--limit", type=int, help="images of each split, to try it out")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS, help="defaults to all")
    parser.add_argument("--only", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.annotations, options.work = options.annotations.resolve(), options.work.resolve()
    if options.only:
        {"archives": write_archives, "build": build, "load": load}[options.only](options)
        return
    options.work.mkdir(parents=True, exist_ok=True)
    lines = ["| step | s | CPU s | peak MiB | disk + MiB |", "| --- | ---: | ---: | ---: | ---: |"]
    for step in options.steps:
        before, started = disk_mib(options.work), time.monotonic()
        process = subprocess.Popen([sys.executable, *command(step, options)], cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{step} failed with {process.returncode}")
        figures = (time.monotonic() - started, usage.ru_utime + usage.ru_stime,
                   usage.ru_maxrss / 1024, disk_mib(options.work) - before)  # fmt: skip
        lines.append(f"| {step} | {' | '.join(f'{figure:,.0f}' for figure in figures)} |")
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
