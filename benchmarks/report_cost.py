"""Time and memory of a report's statistics and charts, beside those of inference.

    python benchmarks/report_cost.py

Random predictions of many images by many models go through every statistic and chart of a report.
For scale, one model of the zoo reads images in the same run.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from artifacts.startup import quiet_tensorflow

PLACES = 5


def random_truth(rng: np.random.Generator, images: int) -> dict[str, np.ndarray]:
    """Labels of one to five digits, as arrays."""
    length = rng.integers(1, PLACES + 1, images)
    digits = rng.integers(0, 10, (images, PLACES))
    digits[np.arange(PLACES) >= length[:, None]] = -1
    return {"length": length, "digits": digits}


def random_outputs(rng: np.random.Generator, truth: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs of a model with a sequence accuracy of about 0.9."""
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
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=13_000)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--read", type=int, default=640, help="images to really read, for scale")
    options = parser.parse_args()

    quiet_tensorflow()
    import models
    from evaluation import charts, figures, mistakes, paired
    from models.decoding import decode_predictions
    from models.metrics import negative_log_likelihood, sequence_correct

    rng = np.random.default_rng(0)
    truth = random_truth(rng, options.images)
    outputs = {f"model {n + 1}": random_outputs(rng, truth) for n in range(options.models)}
    texts = ["".join(map(str, row[row >= 0])) for row in truth["digits"]]
    before, started = peak_mib(), time.perf_counter()
    scores, correct = {}, {}
    for name, logits in outputs.items():
        decoded = decode_predictions(logits)
        loss = negative_log_likelihood(logits, truth)
        scores[name] = figures.prediction_figures(decoded, truth, texts, loss)
        scores[name] |= mistakes.mistake_figures(texts, decoded.numbers())
        correct[name] = sequence_correct(decoded, truth)
    pairs = paired.compare_pairs(correct)
    computed = time.perf_counter() - started
    drawn = {
        "coverage": charts.plot_coverage({n: f["coverage_curve"] for n, f in scores.items()}),
        "reliability": charts.plot_reliability({n: f["reliability"] for n, f in scores.items()}),
    } | {name: charts.plot_confusion(f["digit_confusion"]) for name, f in scores.items()}
    for name, figure in drawn.items():
        charts.svg(figure, name)
    plotted = time.perf_counter() - started - computed
    grown = peak_mib() - before

    model = models.create("residual_cnn")
    batch = rng.uniform(0, 255, (64, *model.input_shape[1:])).astype("float32")
    model.predict_on_batch(batch)
    started = time.perf_counter()
    for _ in range(options.read // 64):
        model.predict_on_batch(batch)
    reading = (time.perf_counter() - started) / (options.read // 64 * 64) * options.images
    print(
        f"{options.images:,} images, {options.models} models, {len(pairs)} pairs: statistics "
        f"{computed:.1f} s, charts {plotted:.1f} s, {grown:.0f} MiB more; one glimpse of "
        f"residual_cnn at as many images takes {reading:.0f} s per model"
    )


if __name__ == "__main__":
    main()
