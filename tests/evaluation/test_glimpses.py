"""Accuracy over how much of the image a model is given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

import evaluation
from number_zoo.predictions import Predictions


class CropReader:
    """Reads "7" in every crop of less than 80 % of an image, and nothing in others."""

    model = SimpleNamespace(input_shape=(None, 8, 16, 3))
    metadata: ClassVar = {"max_digits": 5}

    def predict(self, images, crops=None):
        sizes = np.float32([image.shape[1::-1] for image in images])
        whole = np.concatenate([np.zeros_like(sizes), sizes], axis=1)
        crops = [None] * len(images) if crops is None else crops
        crop = np.float32([w if c is None else c for c, w in zip(crops, whole, strict=True)])
        small = (crop[:, 2:] - crop[:, :2]).prod(axis=1) < 0.8 * sizes.prod(axis=1)
        digits = np.where(small[:, None] & (np.arange(5) == 0), 7, -1).astype(np.int32)
        return Predictions(
            {
                "length": small.astype(np.int32),
                "digits": digits,
                "confidence": np.full(len(images), 0.9, np.float32),
                "crop": crop,
            }
        )


@pytest.fixture
def folder(tmp_path):
    """Four images of 40 x 20 pixels whose number covers a quarter, and two of other numbers."""
    rows = ["file,label,boxes,split"]
    for index, label in enumerate(["7", "7", "7", "7", "8", "8"]):
        Image.new("RGB", (40, 20)).save(tmp_path / f"{index}.png")
        rows.append(f"{index}.png,{label},10 5 30 15,test")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    return str(tmp_path)


def test_accuracy_over_crops_counts_what_is_read_in_each(folder):
    results = evaluation.crop_accuracy({"model": CropReader()}, folder, margins=(0.0, 0.3, 1.0))
    assert results == {
        "model": {
            "true box + 0 %": (4, 6),
            "true box + 30 %": (4, 6),
            "true box + 100 %": (0, 6),
            "whole image": (0, 6),
        }
    }
    axes = evaluation.plot_crop_accuracy(results).axes[0]
    assert axes.lines[0].get_ydata().tolist() == pytest.approx([200 / 3, 200 / 3, 0, 0])


def test_glimpses_are_shown_at_the_size_of_the_model():
    image = np.zeros((20, 40, 3), np.uint8)
    image[5:15, 10:30] = 255
    crops = [np.float32([10, 5, 30, 15]), None]
    figure = evaluation.plot_glimpses(CropReader(), [image, image], ["7", "8"], crops=crops)
    shown = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    assert [array.shape for array in shown] == [(8, 16, 3)] * 2
    assert shown[0].min() > 200 and shown[1][0, 0, 0] == 0
    assert [axes.get_title() for axes in figure.axes] == ["7  90%", "none  90%  is 8"]
