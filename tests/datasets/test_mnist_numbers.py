"""Images composed of MNIST digits."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow_datasets as tfds

import datasets
from datasets import sources
from datasets.mnist_numbers import mnist_numbers_dataset_builder as mnist_numbers
from datasets.mnist_numbers.compose import Layout, compose


def strokes(count: int, seed: int = 0) -> list[np.ndarray]:
    """Digits of sorts: 28 x 28, a bar and a dot of ink."""
    rng = np.random.default_rng(seed)
    digits = []
    for _ in range(count):
        digit = np.zeros((28, 28), np.uint8)
        left, width = rng.integers(4, 12), rng.integers(3, 14)
        digit[4:24, left : left + 3] = 255
        digit[4:8, left : left + width] = 200
        digits.append(digit)
    return digits


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8])
def test_digits_are_apart_and_within_the_image(count):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        quiet = Layout(noise=(-1.0, -1.0), background=(10.0, 10.0))
        image, boxes = compose(strokes(count, seed), rng, quiet)
        assert image.shape == (48, 128)
        assert image.dtype == np.uint8
        assert boxes.shape == (count, 4)
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2] <= 128).all()
        assert (boxes[:, 3] <= 48).all()
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
    parts = mnist_numbers.DIGITS_OF
    assert parts["train"] == "train[:55000]"
    assert parts["validation"] == "train[55000:]"
    assert parts["test"] == "test"


@pytest.fixture
def built(shared_data, tmp_path, monkeypatch):
    """A small data set, of few digits so that reading them is quick; its builder."""
    (tmp_path / "mnist").symlink_to(shared_data / "tensorflow_datasets" / "mnist")
    few = {"train": "train[:300]", "validation": "train[-200:]", "test": "test[:300]"}
    monkeypatch.setattr(mnist_numbers, "DIGITS_OF", few)
    config = mnist_numbers.MnistNumbersConfig(name="few", train=120, validation=20, test=40)
    builder = mnist_numbers.Builder(data_dir=tmp_path, config=config)
    builder.download_and_prepare()
    monkeypatch.setattr(sources, "_builder", lambda name, data_dir: builder)
    return builder


def test_building_and_loading(built):
    sizes = [datasets.size("mnist_numbers", split) for split in ("train", "validation", "test")]
    assert sizes == [120, 20, 40]
    rows = {
        row["id"]: row
        for split in ("train", "validation", "test")
        for row in tfds.as_numpy(built.as_dataset(split=split))
    }
    assert len(rows) == 180
    assert {row["image"].shape for row in rows.values()} == {(48, 128, 1)}
    lengths = np.bincount([len(row["label"]) for row in rows.values()], minlength=6)
    assert lengths[0] == 0
    assert lengths[1:].min() > 15
    for row in rows.values():
        assert row["label"].decode() == "".join(str(digit) for digit in row["digits"]["label"])
        assert row["digits"]["box"].shape == (len(row["label"]), 4)

    examples = list(sources.examples("mnist_numbers", "test"))
    for example in examples:
        row = rows[example.id.encode()]
        assert example.label == row["label"].decode()
        assert np.array_equal(example.boxes, row["digits"]["box"])
    (images, labels, ids), *_ = datasets.load("mnist_numbers", "test", with_ids=True)
    assert images.shape == (40, 48, 128, 1)
    for image, name in zip(images.numpy(), ids.numpy(), strict=True):
        assert np.array_equal(image, rows[name]["image"])
    assert labels["length"].numpy().tolist() == [len(example.label) for example in examples]


def test_crops_use_the_boxes(built):
    """Cut to the number, ink reaches the edges of the crop without its margin."""
    options = {"image_size": (40, 40), "limit": 30}
    whole = datasets.load("mnist_numbers", "test", **options)
    cropped = datasets.load("mnist_numbers", "test", crop="union", margin=0.0, **options)
    ((whole, _),), ((cropped, _),) = whole, cropped

    def spread(images):
        images = images.numpy()[..., 0]
        middle = (images.min(axis=(1, 2)) + images.max(axis=(1, 2))) / 2
        ink = images > middle[:, None, None]
        return ink.any(axis=1).mean(), ink.any(axis=2).mean()

    assert spread(cropped)[0] > 1.3 * spread(whole)[0]
    assert spread(cropped)[1] > 1.3 * spread(whole)[1]


def test_training_crops_have_room_that_only_moves_show(built):
    from datasets.augmentation import Augmentation

    options = {
        "image_size": (40, 40),
        "crop": "union",
        "limit": 30,
        "batch_size": 30,
        "epochs": 1,
        "seed": 1,
        "split": "test",
    }
    still = datasets.load_training("mnist_numbers", augmentation=Augmentation.none(), **options)
    barely = datasets.load_training(
        "mnist_numbers", augmentation=Augmentation(zoom=1e-6), **options
    )
    ((still, first),), ((barely, second),) = still, barely
    assert np.array_equal(first["digits"], second["digits"])
    assert np.abs(still.numpy() - barely.numpy()).mean() < 12
