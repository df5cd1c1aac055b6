"""The influence of crops: accuracy over the margin of crops, and figures of glimpses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from artifacts.plot_style import colour, new_axes, styled
from datasets.crops import prepare_image
from evaluation.charts import plot_readings
from evaluation.intervals import wilson_interval
from inference.over_dataset import run_inference
from inference.reader import Reader

WHOLE = "whole image"

CropAccuracy = dict[str, dict[str, tuple[int, int]]]
"""By model and by crop: number of images that are read correctly, and number of images."""


def crop_accuracy(
    readers: Mapping[str, Reader],
    dataset: str,
    *,
    margins: Sequence[float] = (0.0, 0.3, 1.0, 2.0),
    split: str = "test",
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> CropAccuracy:
    """Read crops around the true boxes with several margins, and the whole images.

    Args:
        readers: by name.
        dataset: name, folder or mix, with boxes.
        margins: fractions by which the true boxes are enlarged.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: folder of prepared TFDS data.
        limit: maximum number of images of each source, from the first.

    Returns:
        By name of the reader and by crop (such as `"true box + 30 %"`): the number of images that
        are read correctly, and the number of all images.

    Raises:
        ValueError: if an image with a number has no boxes.
    """
    crops = {f"true box + {100 * margin:.0f} %": margin for margin in margins}
    results: CropAccuracy = {}
    for name, reader in readers.items():
        results[name] = {}
        for title, margin in {**crops, WHOLE: None}.items():
            given = {"crop": "full"} if margin is None else {"crop": "union", "margin": margin}
            outputs = run_inference(reader, dataset, split, data_dir=data_dir, limit=limit, **given)
            numbers = outputs.predictions.decoded.numbers()
            correct = np.equal(numbers, outputs.labels).sum()
            results[name][title] = (int(correct), len(numbers))
    return results


@styled
def plot_crop_accuracy(results: CropAccuracy) -> Figure:
    """Sequence accuracy of each model over crops, with 95 % intervals.

    Args:
        results: from `crop_accuracy`.
    """
    figure, axes = new_axes((7.0, 3.6))
    for index, (name, crops) in enumerate(results.items()):
        accuracy = 100 * np.array([correct / images for correct, images in crops.values()])
        low, high = 100 * np.transpose([wilson_interval(*counts) for counts in crops.values()])
        errors = [accuracy - low, high - accuracy]
        axes.errorbar(
            range(len(crops)), accuracy, yerr=errors, marker="o", capsize=3, color=colour(index),
            label=name,
        )  # fmt: skip
        axes.set_xticks(range(len(crops)), list(crops))
    axes.set(ylabel="sequence accuracy, %", xlabel="crop", ylim=(0, 100))
    axes.legend(loc="lower left")
    return figure


def plot_glimpses(
    reader: Reader,
    images: Sequence[np.ndarray],
    labels: Sequence[str] | None = None,
    *,
    crops: Sequence[np.ndarray | None] | None = None,
    columns: int = 6,
    title: str | None = None,
) -> Figure:
    """Read images, and show the last glimpse of each at the size of the model's input.

    Args:
        reader: the reader, whose model has 1 or 3 channels. images: uint8 (height, width, 3), RGB.
        labels: text of each label. Defaults to unknown. crops: the first glimpse of each image, as
            for
        `Reader.predict`.
        columns: images in a row.
        title: of the figure.
    """
    predictions = reader.predict(images, crops)
    height, width, channels = reader.model.input_shape[1:]
    glimpses = [
        prepare_image(image, (height, width), channels, box=tuple(crop))
        for image, crop in zip(images, predictions.crops, strict=True)
    ]
    numbers = predictions.decoded.numbers()
    confidences = np.exp(predictions.decoded.log_probability)
    return plot_readings(glimpses, numbers, confidences, labels, columns=columns, title=title)
