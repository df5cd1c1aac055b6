"""Pipelines over images with boxes: crops, random crops, background crops."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import datasets
from datasets import sources
from datasets.augmentation import Augmentation

SMALL = {"image_size": (12, 20), "channels": 3, "max_digits": 3}


@pytest.fixture
def boxed(monkeypatch):
    """A source of two images with the same boxes; only the first has a label."""
    image = np.full((20, 40, 3), 50, np.uint8)
    image[5:15, 10:20] = 200
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    boxes = np.array([[10, 5, 14, 15], [14, 5, 20, 14]], np.float32)
    examples = [
        sources.Example("number", "12", file.getvalue(), boxes),
        sources.Example("none", "", file.getvalue(), boxes),
    ]
    monkeypatch.setattr(sources, "size", lambda *_: len(examples))
    monkeypatch.setattr(sources, "examples", lambda *_: iter(examples))
    monkeypatch.setattr(sources, "state", lambda *_: "state")


def test_an_image_without_a_number_is_never_cropped(boxed):
    ((images, labels),) = datasets.load("svhn_numbers", "train", crop="union", margin=0.0, **SMALL)
    assert labels["length"].numpy().tolist() == [2, 0]
    assert images.numpy()[0].min() > 150
    assert images.numpy()[1].mean() < 80


@pytest.mark.parametrize("cached", [False, True])
def test_boxes_are_fractions_of_the_visible_part(boxed, cached, tmp_path):
    options = SMALL | {"cache_dir": tmp_path if cached else None, "with_boxes": True}
    for _ in range(2):  # the second time from the file
        ((_, labels),) = datasets.load("svhn_numbers", "train", **options)
        np.testing.assert_allclose(labels["box"][0], [0.25, 0.25, 0.5, 0.75])
        assert np.isnan(labels["box"][1]).all()
    ((_, labels),) = datasets.load("svhn_numbers", "train", crop="union", margin=0.25, **options)
    np.testing.assert_allclose(labels["box"][0], [0.1, 0.1, 0.9, 0.9], atol=1e-6)


def test_random_crops_contain_the_number_and_move_its_box(boxed):
    stream = datasets.load_training(
        "svhn_numbers", epochs=1, seed=0, steps_per_epoch=8, batch_size=16, with_boxes=True,
        augmentation=Augmentation(random_crop=1.0), **SMALL,
    )  # fmt: skip
    sizes = []
    for images, labels in stream.as_numpy_iterator():
        known = labels["length"] == 2
        assert np.isfinite(labels["box"][known]).all()
        assert np.isnan(labels["box"][~known]).all()
        for image, (left, top, right, bottom) in zip(
            images[known], labels["box"][known], strict=True
        ):
            height, width = image.shape[:2]
            rows, columns = np.nonzero(image[..., 0] > 125)
            measured = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            stated = [left * width, top * height, right * width, bottom * height]
            assert np.abs(np.subtract(measured, stated)).max() < 1.1
            sizes.append(right - left)
    assert min(sizes) < 0.3 and max(sizes) > 0.65


def test_a_background_crop_is_labelled_as_without_a_number(boxed):
    stream = datasets.load_training(
        "svhn_numbers", epochs=1, seed=0, steps_per_epoch=8, batch_size=16, with_boxes=True,
        augmentation=Augmentation(background_crop=0.5), **SMALL,
    )  # fmt: skip
    numbers = emptied = 0
    for images, labels in stream.as_numpy_iterator():
        light = (images[..., 0] > 125).any(axis=(1, 2))
        shown = labels["length"] == 2
        assert light[shown].all()
        assert (labels["digits"][shown, :2] == [1, 2]).all()
        assert (labels["length"][~shown] == 0).all()
        assert (labels["digits"][~shown] == -1).all()
        assert np.isnan(labels["box"][~shown]).all()
        assert not light[~shown & np.isnan(labels["box"][:, 0])].all()
        numbers, emptied = numbers + shown.sum(), emptied + (~shown & ~light).sum()
    assert numbers > 20 and emptied > 20
