"""Images composed of MNIST digits."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow_datasets as tfds

import datasets
from datasets import tfds_data
from datasets.crops import union_box
from datasets.mnist_numbers import compose as composing
from datasets.mnist_numbers import mnist_numbers_dataset_builder as mnist_numbers
from datasets.mnist_numbers.compose import compose


def strokes(count: int, seed: int = 0) -> list[np.ndarray]:
    """Digits of sorts: 28 x 28, a bar and a dot of ink."""
    rng = np.random.default_rng(seed)
    digits = np.zeros((count, 28, 28), np.uint8)
    for digit in digits:
        left, width = rng.integers(4, 12), rng.integers(3, 14)
        digit[4:24, left : left + 3] = 255
        digit[4:8, left : left + width] = 200
    return list(digits)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8])
def test_digits_are_apart_and_within_the_image(count, monkeypatch):
    monkeypatch.setattr(composing, "NOISE", (-1.0, -1.0))
    monkeypatch.setattr(composing, "BACKGROUND", (10.0, 10.0))
    for seed in range(40):
        rng = np.random.default_rng(seed)
        image, boxes = compose(strokes(count, seed), rng)
        assert image.shape == (48, 128)
        assert image.dtype == np.uint8
        assert boxes.shape == (count, 4)
        assert (boxes >= 0).all() and (boxes <= [128, 48, 128, 48]).all()
        assert (np.diff(boxes[:, 0]) > 0).all()
        # Nothing but background outside of the boxes, and ink inside each.
        outside = np.ones(image.shape, bool)
        for left, top, right, bottom in boxes.astype(int):
            assert image[top:bottom, left:right].max() > 100
            outside[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = False
        assert image[outside].max() <= 10


def test_an_image_is_a_function_of_its_seed():
    images = [compose(strokes(3), np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    assert np.array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])


def test_no_digit_is_in_two_splits():
    """Train and validation share no MNIST digit, and test uses the test digits alone."""
    expected = {"train": "train[:55000]", "validation": "train[55000:]", "test": "test"}
    assert expected == mnist_numbers.DIGITS_OF


def test_building_loading_and_cropping(shared_data, tmp_path, monkeypatch):
    (tmp_path / "mnist").symlink_to(shared_data / "tensorflow_datasets" / "mnist")
    few = {"train": "train[:300]", "validation": "train[-200:]", "test": "test[:300]"}
    monkeypatch.setattr(mnist_numbers, "DIGITS_OF", few)
    counts = {"train": 120, "validation": 20, "test": 40}
    config = mnist_numbers.MnistNumbersConfig(name="few", counts=counts)
    built = mnist_numbers.Builder(data_dir=tmp_path, config=config)
    built.download_and_prepare()
    monkeypatch.setattr(tfds_data, "_builder", lambda name, data_dir: built)

    splits = ("train", "validation", "test")
    assert [datasets.size("mnist_numbers", split) for split in splits] == [120, 20, 40]
    rows = {row["id"]: row for s in splits for row in tfds.as_numpy(built.as_dataset(split=s))}
    assert len(rows) == 180
    assert {row["image"].shape for row in rows.values()} == {(48, 128, 1)}
    lengths = np.bincount([len(row["label"]) for row in rows.values()], minlength=6)
    assert lengths[0] == 0
    assert lengths[1:].min() > 15
    for example in datasets.examples("mnist_numbers", "test"):
        row = rows[example.id.encode()]
        assert example.label == row["label"].decode() == "".join(map(str, row["digits"]["label"]))
        assert np.array_equal(example.box, union_box(row["digits"]["box"]))
    ((images, labels),) = datasets.load("mnist_numbers", "test")
    names = [name.encode() for name, _ in datasets.labels("mnist_numbers", "test")]
    for image, name in zip(images.numpy(), names, strict=True):
        assert np.array_equal(image, rows[name]["image"])
    assert labels["length"].numpy().tolist() == [len(rows[name]["label"]) for name in names]

    # Cropped to the boxes, ink reaches the edges of the crop without its margin.
    options = {"image_size": (40, 40), "limit": 30}
    ((whole, _),) = datasets.load("mnist_numbers", "test", **options)
    ((cropped, _),) = datasets.load("mnist_numbers", "test", crop="union", margin=0.0, **options)
    for axis in (1, 2):
        ink = [batch.numpy()[..., 0] > 110 for batch in (cropped, whole)]
        filled, before = (part.any(axis=axis).mean() for part in ink)
        assert filled > 1.3 * before
