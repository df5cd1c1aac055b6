"""What the figures of a report cost beside the predictions: time and memory.

    python benchmarks/report_cost.py

Random readings of many images by many models go through every statistic and chart of a report.
For scale, one model of the zoo reads some of as many images in the same run.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

PLACES = 5


def random_truth(rng: np.random.Generator, images: int) -> dict[str, np.ndarray]:
    """Numbers of one to five digits, in the form of labels."""
    length = rng.integers(1, PLACES + 1, images)
    digits = rng.integers(0, 10, (images, PLACES))
    digits[np.arange(PLACES) >= length[:, None]] = -1
    return {"length": length, "digits": digits}


def random_outputs(rng: np.random.Generator, truth: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs of a model that is right about nine times of ten."""
    length, digits = truth["length"], truth["digits"]
    images = len(length)
    outputs = {
        "length": rng.normal(size=(images, PLACES + 2)) * 2,
        "digits": rng.normal(size=(images, PLACES, 10)) * 2,
    }
    outputs["length"][np.arange(images), length] += 8
    rows, columns = np.nonzero(digits >= 0)
    outputs["digits"][rows, columns, digits[rows, columns]] += 9
    return outputs


def peak_mib() -> float:
    """Largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=13_000)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--read", type=int, default=640, help="images to really read, for scale")
    options = parser.parse_args()

    import models
    from evaluation import charts, metrics, mistakes, paired
    from models.decoding import decode_predictions
    from models.metrics import negative_log_likelihood

    rng = np.random.default_rng(0)
    names = [f"model {index + 1}" for index in range(options.models)]
    truth = random_truth(rng, options.images)
    made = {name: random_outputs(rng, truth) for name in names}
    before, started = peak_mib(), time.perf_counter()
    numbers = decode_predictions(_certain(truth)).numbers()
    figures, right = {}, {}
    for name, outputs in made.items():
        readings = decode_predictions(outputs)
        loss = negative_log_likelihood(outputs, truth)
        figures[name] = metrics.figures(readings, truth, loss)
        figures[name] |= mistakes.mistake_figures(numbers, readings.numbers())
        right[name] = metrics.sequence_correct(readings, truth)
    pairs = paired.compare_pairs(right)
    figured = time.perf_counter() - started
    charts.coverage({name: one["coverage_curve"] for name, one in figures.items()})
    charts.reliability({name: one["reliability"] for name, one in figures.items()})
    for name, one in figures.items():
        charts.confusion(one["digit_confusion"], name)
    drawn = time.perf_counter() - started - figured
    grown = peak_mib() - before

    model = models.create("residual_cnn")
    batch = rng.uniform(0, 255, (64, *model.input_shape[1:])).astype("float32")
    model.predict_on_batch(batch)
    started = time.perf_counter()
    for _ in range(options.read // 64):
        model.predict_on_batch(batch)
    reading = (time.perf_counter() - started) / (options.read // 64 * 64) * options.images
    print(
        f"{options.images:,} images, {options.models} models, {len(pairs)} pairs: figures "
        f"{figured:.1f} s, charts {drawn:.1f} s, {grown:.0f} MiB more; one look of "
        f"residual_cnn at so many images takes {reading:.0f} s a model"
    )


def _certain(truth: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs that can only be read as the truth."""
    images = len(truth["length"])
    length = np.full((images, PLACES + 2), -50.0)
    length[np.arange(images), truth["length"]] = 0
    digits = np.zeros((images, PLACES, 10))
    rows, columns = np.nonzero(truth["digits"] >= 0)
    digits[rows, columns, truth["digits"][rows, columns]] = 50.0
    return {"length": length, "digits": digits}


if __name__ == "__main__":
    main()
