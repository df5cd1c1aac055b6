"""Latency of a reader in Keras and as an exported file, on the same images, in turn.

    python benchmarks/export_latency.py street_numbers --dataset my_photos --max-glimpses 1

Keras, ONNX Runtime and LiteRT read the same decoded images, one at a time, round by round, so
that whatever else the machine does falls on all of them: the ratios hold even where the
milliseconds do not. `--also NAME=FILE` adds any other ONNX file that takes uint8 images of one
size, which they are resized to with Pillow: benchmarks/plate_reader.py makes such a one.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

QUANTIZED = ("onnx", "int8"), ("litert", "int8")


class Exported:
    """An open file that looks at images, as `evaluation.timing` has readers do."""

    def __init__(self, run: Callable[[np.ndarray], dict[str, np.ndarray]]):
        self._run = run

    def look(self, images: Sequence[np.ndarray]) -> None:
        """Read images one by one, for they have sizes of their own."""
        for image in images:
            self._run(image[None])


class Looking:
    """A reader that does what an exported file does: it leaves the quarters of an image out."""

    def __init__(self, reader):
        self._reader = reader

    def look(self, images: Sequence[np.ndarray]) -> None:
        """Read images, all of each given as the part to look at."""
        parts = [np.float32([0, 0, one.shape[1], one.shape[0]]) for one in images]
        self._reader.look(images, parts)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("weights", nargs="?", default="street_numbers", metavar="NAME|RUN|FILE")
    add("--dataset", metavar="NAME|FOLDER", help="its test images (default: drawn ones)")
    add("--images", type=int, default=40)
    add("--max-glimpses", type=int, help="how often to look at each (default: as the reader does)")
    add("--threads", type=int, default=1)
    add("--also", action="append", default=[], metavar="NAME=FILE", help="another ONNX file")
    return parser.parse_args()


def open_other(file: str, threads: int) -> Exported:
    """Open an ONNX file of unknown making: one input, uint8 (n, height, width, channels)."""
    import onnxruntime

    from datasets.images import prepare_image

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    only = session.get_inputs()[0]
    height, width, channels = only.shape[1:]

    def run(images: np.ndarray):
        prepared = prepare_image(images[0], (height, width), channels)
        return session.run(None, {only.name: prepared[None]})

    return Exported(run)


def exported(reader, threads: int) -> dict[str, Exported]:
    """Write a reader in every format, whole and in eight bits, and open the files."""
    from exporting import formats, sample
    from inference.graph import ReaderGraph

    places = reader.model.output["digits"].shape[1]
    graph, files = ReaderGraph(reader), {}
    with tempfile.TemporaryDirectory() as folder:
        for name, quantize in (*((name, None) for name in formats.FORMATS), *QUANTIZED):
            form = formats.FORMATS[name]
            path = Path(folder) / f"{name}-{quantize or 'whole'}{form.suffix}"
            form.write(graph, path, quantize, lambda: sample.take(None, "train", 50, places).images)
            title = f"{form.runtime}{f', {quantize}' if quantize else ''}"
            files[title] = Exported(form.open(path, threads))
    return files


def main() -> None:
    """Measure and print."""
    options = parse()
    logging.getLogger("absl").setLevel(logging.ERROR)
    from evaluation.timing import limit_threads, time_singles

    limit_threads(options.threads)
    from exporting import sample
    from inference.reader import Reader

    reader = Reader(options.weights, options.max_glimpses)
    places = reader.model.output["digits"].shape[1]
    images = sample.take(options.dataset, "test", options.images, places).images
    readers = {"Keras, predict.py": Looking(reader)} | exported(reader, options.threads)
    for name, file in (one.split("=", 1) for one in options.also):
        readers[name] = open_other(file, options.threads)
    times = time_singles(readers, images)
    glimpses = f"up to {reader.max_glimpses} glimpses" if reader.max_glimpses > 1 else "one glimpse"
    print(f"{options.weights}, {glimpses}, {len(images)} images, {options.threads} thread(s)")
    show(times)


def show(times: dict[str, dict[str, float]]) -> None:
    """Print a table, in Markdown, of how long each takes and how that compares with the first."""
    print("| run by | ms an image | 95 % of them | times Keras's |")
    print("| --- | ---: | ---: | ---: |")
    first = next(iter(times.values()))["latency_ms"]
    for name, one in times.items():
        print(
            f"| {name} | {one['latency_ms']:.1f} | {one['latency_ms_95']:.1f} "
            f"| {one['latency_ms'] / first:.2f} |"
        )


if __name__ == "__main__":
    main()
