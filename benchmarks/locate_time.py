"""Compare time and memory of the locator and of a text detector on images of several sizes.

    python benchmarks/locate_time.py                       # the published locator
    python benchmarks/locate_time.py --locator my.onnx --environments .peers

The locator, both of its passes, against the detector of PP-OCRv6 as rapidocr installs it, at its
default size (a short side of at least 736 pixels, a long one of at most 2000) and, where that
enlarges an image, at 480. Nothing is read. Images of 0.3, 2 and 12 megapixels contain the page's
eight examples at 150 x 200 pixels. Every measurement runs in a separate process on one thread; the
finders alternate, and the time is the median processor time.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ocr_peers import ROOT, environment, rapidocr_engine, run_command

SIZES = {"0.3": (640, 480), "2": (1632, 1224), "12": (4000, 3000)}
"""Width and height of the images, by megapixels."""

FINDERS = {"locator": "", "PP-OCRv6, 736": "736", "PP-OCRv6, 480": "480"}
"""The measured finders, and the minimum short side of a peer's input."""

RUNS = 3


def locator_finder(weights: str) -> Callable:
    """The locator: from an RGB array to the number of boxes."""
    sys.path.insert(0, str(ROOT))
    from number_zoo.locator import Locator

    locator = Locator(weights or None)
    return lambda image: len(locator.locate(image))


def rapidocr_finder(side: str) -> Callable:
    """The detector of PP-OCRv6: from an RGB array to the number of boxes."""
    engine = rapidocr_engine(int(side))

    def find(image) -> int:
        boxes = engine(image[..., ::-1], use_det=True, use_cls=False, use_rec=False).boxes  # BGR
        return 0 if boxes is None else len(boxes)

    return find


def work(kind: str, setting: str, path: str) -> dict:
    """Run a finder several times on an image: boxes, milliseconds, and peak memory in MiB."""
    import numpy as np
    from PIL import Image

    image = np.ascontiguousarray(Image.open(path))
    find = locator_finder(setting) if kind == "locator" else rapidocr_finder(setting)
    boxes, began = find(image), time.process_time()
    for _ in range(RUNS):
        find(image)
    milliseconds = 1000 * (time.process_time() - began) / RUNS
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"boxes": boxes, "milliseconds": milliseconds, "memory": memory}


def write_image(path: Path, width: int, height: int) -> None:
    """Write an image with the page's examples on a grey ground."""
    from PIL import Image

    image = Image.new("RGB", (width, height), (120, 125, 120))
    examples = sorted((ROOT / "number_zoo/server/static/gallery").glob("*.jpg"))
    for index, example in enumerate(examples):
        place = width * (index % 4) // 4 + 5, height * (index // 4) // 2 + 20
        image.paste(Image.open(example).resize((150, 200)), place)
    image.save(path)


def measure(name: str, path: Path, options: argparse.Namespace) -> dict:
    """Run `work` in a new process, in the environment of the finder."""
    kind, python, setting = "locator", sys.executable, str(options.locator or "")
    if name != "locator":
        kind, setting = "rapidocr", FINDERS[name]
        python = environment(kind, options.environments)
    return run_command([str(python), __file__, "--worker", kind, setting, str(path)])


def main() -> int:
    """Run the benchmark; returns its exit status."""
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(work(*sys.argv[2:])))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--locator", type=Path, metavar="FILE", help="an exported locator")
    add("--turns", type=int, default=3, metavar="N", help="processes of each (default: 3)")
    add("--environments", type=Path, default=Path(".peers"), metavar="FOLDER")
    options = parser.parse_args()
    print("| megapixels | finder | boxes | time | peak memory | times the locator |")
    print("| ---: | --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for megapixels, size in SIZES.items():
            path = Path(folder, f"{megapixels}.png")
            write_image(path, *size)
            finders = [name for name, side in FINDERS.items() if side != "480" or size[1] < 736]
            turns = [
                {name: measure(name, path, options) for name in finders}
                for _ in range(options.turns)
            ]
            for name in finders:
                times = [turn[name]["milliseconds"] for turn in turns]
                ratio = statistics.median(
                    turn[name]["milliseconds"] / turn["locator"]["milliseconds"] for turn in turns
                )
                memory = max(turn[name]["memory"] for turn in turns)
                print(
                    f"| {megapixels} | {name} | {turns[0][name]['boxes']} "
                    f"| {statistics.median(times):.0f} ms | {memory:.0f} MB | {ratio:.1f} |",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
