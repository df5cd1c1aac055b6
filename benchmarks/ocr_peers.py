"""Compare the published readers with general OCR engines on the same images.

    python benchmarks/ocr_peers.py my_photos                          # rapidocr
    python benchmarks/ocr_peers.py my_photos --peers rapidocr ddddocr tesseract

Each engine is installed into a separate environment under --environments (Tesseract is that of the
system: apt install tesseract-ocr). For an engine with several settings, the best one on up to 200
images of the validation split is used; the test split is read once. The result is the most
confident run of digits in the recognized text, without a decimal point or comma. All engines run on
one thread, and time is processor time.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

Runs = Callable[[str], list[tuple[float, str]]]
"""From the path of an image to (confidence, text) of what was recognized."""

PACKAGES = {
    "number_zoo": [str(ROOT)],
    "rapidocr": ["rapidocr", "onnxruntime"],
    "ddddocr": ["ddddocr"],
    "tesseract": [],
}
SETTINGS = {
    "rapidocr": ["96", "224", "96+224", "recognizer", "96+224+recognizer"],
    "ddddocr": ["default"],
    "tesseract": ["6", "7", "8", "13"],
}
VALIDATION_LIMIT = 200

ONE_THREAD = os.environ | {
    "OMP_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Environment variables that limit the OpenMP threads of Tesseract. Threads wait passively, since
active waiting makes it ten times as slow if a core has other work."""


def number_zoo_runs(setting: str) -> Runs:
    """Published weights of this project."""
    import number_zoo

    reader = number_zoo.Reader(setting, threads=1)

    def recognize(path: str) -> list[tuple[float, str]]:
        reading = reader.read(path)
        return [(reading.confidence, reading.number)]

    return recognize


def rapidocr_engine(side: int):
    """PP-OCR whose detector enlarges images to a short side of at least `side` pixels."""
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Det.limit_type": "min",
            "Det.limit_side_len": side,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def rapidocr_runs(setting: str) -> Runs:
    """PP-OCR: the detector at some short sides, and the recognizer on the whole image."""
    parts = setting.split("+")
    sides = [int(part) for part in parts if part.isdigit()]
    engines = list(map(rapidocr_engine, sides or [96]))

    def recognize(path: str) -> list[tuple[float, str]]:
        results = [engine(path) for engine in engines] if sides else []
        if "recognizer" in parts:
            results.append(engines[0](path, use_det=False, use_cls=False, use_rec=True))
        return [
            (float(score), text)
            for result in results
            for score, text in zip(result.scores or [], result.txts or [], strict=True)
        ]

    return recognize


def ddddocr_runs(setting: str) -> Runs:
    """ddddocr's classifier for captchas."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # ddddocr itself has no such setting
    onnxruntime.InferenceSession = functools.partial(
        onnxruntime.InferenceSession, sess_options=options
    )
    import ddddocr

    engine = ddddocr.DdddOcr(show_ad=False)
    return lambda path: [(1.0, engine.classification(Path(path).read_bytes()))]


def tesseract_command(path: str, setting: str) -> list[str]:
    """The command that reads an image."""
    digits = "tessedit_char_whitelist=0123456789"
    return ["tesseract", path, "-", "--psm", setting, "-c", digits]


def tesseract_runs(setting: str) -> Runs:
    """Tesseract with a page segmentation mode; `ONE_THREAD` limits its threads."""

    def recognize(path: str) -> list[tuple[float, str]]:
        command = tesseract_command(path, setting)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return [(1.0, line) for line in done.stdout.splitlines()]

    return recognize


ENGINES = {
    "number_zoo": number_zoo_runs,
    "rapidocr": rapidocr_runs,
    "ddddocr": ddddocr_runs,
    "tesseract": tesseract_runs,
}


def best_number(runs: Iterable[tuple[float, str]]) -> str:
    """The most confident run of digits, the longest among equals; "" where there is none."""
    numbers = [
        (score, re.sub(r"\D", "", match))
        for score, text in runs
        for match in re.findall(r"\d+(?:[.,]\d+)*", text)
    ]
    return max(numbers, key=lambda number: (number[0], len(number[1])), default=(0.0, ""))[1]


def work(engine: str, setting: str, paths: list[str]) -> dict:
    """Read images with an engine, in its own environment."""
    recognize = ENGINES[engine](setting)
    numbers = [best_number(recognize(paths[0]))]
    began, processor = time.perf_counter(), time.process_time()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    numbers += [best_number(recognize(path)) for path in paths[1:]]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = time.process_time() - processor
    spent += after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    per_image = 1000 / max(1, len(paths) - 1)
    return {
        "numbers": numbers,
        "milliseconds": per_image * spent,
        "wall_milliseconds": per_image * (time.perf_counter() - began),
    }


def environment(engine: str, folder: Path) -> Path:
    """The Python of an engine's environment, which is created if it is missing.

    This project is installed again.
    """
    if not PACKAGES[engine]:
        return Path(sys.executable)
    python = folder / engine / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / engine / "installed").exists():
        print(f"installing {engine} into {folder / engine}", file=sys.stderr)
        venv.create(folder / engine, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES[engine]], check=True)
        (folder / engine / "installed").touch()
    elif str(ROOT) in PACKAGES[engine]:  # which may have changed
        again = ["--quiet", "--force-reinstall", "--no-deps"]
        subprocess.run([python, "-m", "pip", "install", *again, ROOT], check=True)
    return python


def worker_command(python: Path, engine: str, setting: str) -> list[str]:
    """The command that runs `work` in an engine's environment, on paths from standard input."""
    return [str(python), __file__, "--worker", engine, setting]


def run_command(command: list[str], paths: list[str] | None = None) -> dict:
    """Run a command on one thread, with paths on its standard input; returns the JSON it prints."""
    done = subprocess.run(
        command,
        input=json.dumps(paths),
        capture_output=True,
        text=True,
        check=False,
        env=ONE_THREAD,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.splitlines()[-1])


def count_correct(numbers: list[str], labels: list[str]) -> int:
    """Number of readings that equal the labels."""
    return sum(number == label for number, label in zip(numbers, labels, strict=True))


def best_setting(engine: str, python: Path, paths: list[str], labels: list[str]) -> str:
    """The setting of an engine with the highest accuracy on some images."""
    settings, correct = SETTINGS[engine], {}
    for setting in settings if len(settings) > 1 else []:
        numbers = run_command(worker_command(python, engine, setting), paths)["numbers"]
        correct[setting] = count_correct(numbers, labels)
    return max(correct, key=correct.get, default=settings[0])


def compare(options: argparse.Namespace) -> None:
    """Read the test split with everything and print the table."""
    from artifacts.startup import quiet_tensorflow

    quiet_tensorflow()
    from rich.console import Console

    from artifacts.console import table
    from datasets import sources
    from evaluation.intervals import wilson_interval

    with tempfile.TemporaryDirectory() as folder:
        splits: dict[str, tuple[list[str], list[str]]] = {}
        for split, limit in (("validation", VALIDATION_LIMIT), (options.split, options.limit)):
            examples = list(sources.examples(options.dataset, split, options.data_dir, limit))
            paths = [str(Path(folder, f"{split}_{n:05d}.img")) for n in range(len(examples))]
            for path, example in zip(paths, examples, strict=True):
                Path(path).write_bytes(example.read())
            splits[split] = paths, [example.label for example in examples]
        paths, labels = splits[options.split]
        rows = []
        readers = [("number_zoo", weights) for weights in options.weights]
        for engine, setting in readers + [(peer, None) for peer in options.peers]:
            python = environment(engine, options.environments)
            setting = setting or best_setting(engine, python, *splits["validation"])
            result = run_command(worker_command(python, engine, setting), paths)
            correct = count_correct(result["numbers"], labels)
            low, high = wilson_interval(correct, len(labels))
            rows.append(
                (engine, setting, f"{correct / len(labels):.1%}", f"{low:.1%} – {high:.1%}",
                 f"{result['milliseconds']:.1f} ms")
            )  # fmt: skip
    columns = ("reader", "setting", "accuracy", "95 % interval", "time")
    title = f"{options.dataset}, {options.split}: {len(labels)} images, whole, one thread"
    Console(width=120).print(table(title, columns, rows, right=columns[2:]))


def main() -> int:
    """Run the benchmark; returns its exit status."""
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(work(*sys.argv[2:], json.load(sys.stdin))))
        return 0
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("dataset", help="data set or folder of photos")
    add("--peers", nargs="*", default=["rapidocr"], choices=sorted(SETTINGS))
    add("--weights", nargs="*", default=["text_transformer.any10", "conv_transformer_small.any10"])
    add("--split", default="test", choices=("validation", "test"))
    add("--limit", type=int, default=None, metavar="N", help="only the first N images")
    add("--environments", type=Path, default=Path(".peers"), metavar="FOLDER")
    add("--data-dir", type=Path, metavar="FOLDER", help="folder of TFDS data sets")
    compare(parser.parse_args())
    return 0


if __name__ == "__main__":
    sys.exit(main())
