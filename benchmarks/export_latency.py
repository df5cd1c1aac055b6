"""Compare the latency of a trained model in Keras and in exported files on the same images.

    python benchmarks/export_latency.py street_numbers --dataset my_photos --max-glimpses 1

Keras, ONNX Runtime, LiteRT and TensorFlow alternate in reading the same decoded images, one at a
time. The figures are processor time, which other load on the machine hardly affects.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from artifacts.startup import quiet_tensorflow

WARM_UP = 5
FILES = (("onnx", None), ("onnx", "float16"), ("onnx", "int8"),
         ("litert", None), ("litert", "int8"), ("saved_model", None))  # fmt: skip


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("weights", nargs="?", default="street_numbers", metavar="NAME|RUN|FILE")
    add("--dataset", metavar="NAME|FOLDER", help="its validation images (default: rendered ones)")
    add("--images", type=int, default=100)
    add("--max-glimpses", type=int, help="most glimpses of an image (default: as predict.py)")
    add("--threads", type=int, default=1)
    return parser.parse_args()


def export_all(options: argparse.Namespace) -> dict[str, Callable[[np.ndarray], object]]:
    """Export the weights in every format and open the files, which read (1, height, width, 3)."""
    from exporting import ExportError, export
    from exporting.formats import FORMATS

    readers = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, quantize in FILES:
            form = FORMATS[name]
            title = f"{form.runtime}{f', {quantize}' if quantize else ''}"
            out = Path(folder) / f"{quantize}{form.suffix}"
            try:
                export(
                    options.weights, name, out, quantize=quantize, max_glimpses=options.max_glimpses
                )
            except ExportError as error:  # the file reads otherwise than Keras does
                print(f"Left out: {title}: {error}", file=sys.stderr)
                continue
            readers[title] = form.open(out, options.threads)
    return readers


def main() -> None:
    """Measure and print a table in Markdown."""
    options = parse()
    quiet_tensorflow()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    from exporting import sample
    from inference.reader import Reader

    reader = Reader(options.weights, options.max_glimpses)
    max_digits = reader.model.output["digits"].shape[1]
    images = sample.take(options.dataset, options.images, max_digits).images
    readers = {"Keras, predict.py": reader.predict} | export_all(options)
    times = {name: [] for name in readers}
    for turn in range(-WARM_UP, len(images)):
        for name, read in readers.items():
            start = time.process_time()
            read(images[turn % len(images)][None])
            if turn >= 0:
                times[name].append(1000 * (time.process_time() - start))
    print(f"{options.weights}, {len(images)} images, {options.threads} thread(s)")
    print("| run by | ms an image, median | 95th percentile | times Keras's |")
    print("| --- | ---: | ---: | ---: |")
    first = np.median(next(iter(times.values())))
    for name, values in times.items():
        median, high = np.median(values), np.quantile(values, 0.95)
        print(f"| {name} | {median:.1f} | {high:.1f} | {median / first:.2f} |")


if __name__ == "__main__":
    main()
