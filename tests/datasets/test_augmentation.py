"""Augmentation: in range, of every kind, repeatable, and never mirrored."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from datasets.augmentation import MOVES, Augmentation
from datasets.distort import augment, distort
from datasets.geometry import DRAWS

SIZE = (32, 48)


def images(count: int = 6, size: tuple[int, int] = (39, 58), channels: int = 3) -> np.ndarray:
    """Images without any symmetry: a bright corner, a dark top, a spot; with fine stripes."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0 : size[0], 0 : size[1]] / max(size)
    spot = np.exp(-((x - 0.25) ** 2 + (y - 0.2) ** 2) * 60)
    base = 50 + 20 * (np.arange(size[1]) % 4 == 0) + 50 * x + 50 * y + 80 * spot
    colours = rng.uniform(0.6, 1.0, (count, 1, 1, channels))
    return (base[None, ..., None] * colours).astype(np.uint8)


STRENGTHS = dataclasses.asdict(Augmentation.strong())
del STRENGTHS["erase_size"]


def augmented(batch, augmentation, seed, fraction=1.0):
    result, _ = augment(tf.constant(batch), augmentation, tf.constant(seed), SIZE, fraction)
    return result.numpy()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("preset", ["none", "light", "photo", "strong"])
def test_range_and_type(preset, channels):
    batch = images(20, size=SIZE, channels=channels)
    result = augmented(batch, getattr(Augmentation, preset)(), [1, 2])
    assert np.array_equal(result, batch) == (preset == "none")
    assert result.shape == (20, *SIZE, channels)
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert 60 < result.max() <= 255
    assert 30 < result.mean() < 220


@pytest.mark.parametrize("name", STRENGTHS)
def test_each_change_has_an_effect_alone(name):
    """With all amounts near their extreme, and every probability's draw below it."""
    batch = images(size=SIZE)
    only = Augmentation(**{name: STRENGTHS[name]}, erase_size=0.5)
    likely = {"random_crop", "crop_size", "background_crop", "invert", "grey", "blur"}
    likely |= {"downscale", "compress", "erase"}
    draws = np.array([[0.03 if draw in likely else 0.97 for draw in DRAWS]], np.float32)
    draws = draws.repeat(len(batch), axis=0)
    noise = np.random.default_rng(0).integers(0, 256, (len(batch), 8000), np.uint8)
    boxes = np.tile(np.float32([0.4, 0.3, 0.7, 0.8]), (len(batch), 1))
    before, _ = distort(batch, draws, noise, Augmentation.none(), SIZE, 1.0, boxes)
    after, _ = distort(batch, draws, noise, only, SIZE, 1.0, boxes)
    assert np.array_equal(before, batch)
    assert np.abs(after - before).max() > 3


def test_the_seed_determines_the_batch():
    strong = Augmentation.strong()
    first, again, other = (augmented(images(), strong, seed) for seed in ([1, 2], [1, 2], [1, 3]))
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 5
    result = augmented(np.repeat(images(1), 8, axis=0), strong, [0, 0])
    for index in range(1, 8):  # the images of a batch change independently
        assert np.abs(result[index] - result[0]).mean() > 2


def test_one_image_changes_as_within_a_batch():
    rng = np.random.default_rng(0)
    batch, strong = images(), Augmentation.strong()
    arrays = (
        batch,
        rng.random((len(batch), len(DRAWS)), np.float32),
        rng.integers(0, 256, (len(batch), 8000), np.uint8),
    )
    boxes = np.full((len(batch), 4), np.nan, np.float32)
    together, _ = distort(*arrays, strong, SIZE, 1.0, boxes)
    for index in range(len(batch)):
        row = slice(index, index + 1)
        alone, _ = distort(*(array[row] for array in arrays), strong, SIZE, 1.0, boxes[row])
        assert np.array_equal(alone[0], together[index])


def test_nothing_is_mirrored_or_upside_down():
    moves = {name: STRENGTHS[name] for name in MOVES if not name.endswith("crop")}
    batch = np.repeat(images(1, channels=1), 200, axis=0)
    still = augmented(batch, Augmentation(zoom=1e-9), [0, 0])
    moved = augmented(batch, Augmentation(**moves), [4, 4])

    def likeness(other):
        pairs = zip(moved, other, strict=True)
        return np.array([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs])

    for mirrored in (still[:, :, ::-1], still[:, ::-1], still[:, ::-1, ::-1]):
        assert (likeness(still) > likeness(mirrored)).all()


def test_the_middle_is_visible_and_shifts_show_its_surroundings():
    """A frame of white around a black middle appears only when something moves."""
    framed = np.full((4, 40, 60, 1), 255, np.uint8)
    framed[:, 4:36, 6:54] = 0
    still = augmented(framed, Augmentation(zoom=1e-9), [1, 1], 0.8)
    assert still.max() < 1
    moved = augmented(framed, Augmentation(shift=0.1), [1, 1], 0.8)
    assert (moved.max(axis=(1, 2, 3)) > 200).all()


def test_resizing_alone_keeps_positions():
    """The middle of the stored image lands in the middle of the result."""
    stored = np.zeros((1, 41, 61, 1), np.uint8)
    stored[0, 18:23, 28:33] = 255
    still = augmented(stored, Augmentation(zoom=1e-9), [1, 1])
    rows, columns = np.nonzero(still[0, ..., 0] > 60)
    assert (rows.min() + rows.max()) / 2 == (SIZE[0] - 1) / 2
    assert (columns.min() + columns.max()) / 2 == (SIZE[1] - 1) / 2


@pytest.mark.parametrize(
    ("strength", "error"),
    [
        ({"zoom": -0.1}, ValueError),
        ({"rotation": 90}, ValueError),
        ({"invert": 1.5}, ValueError),
        ({"noise": float("nan")}, ValueError),
        ({"blur": "much"}, TypeError),
        ({"blur": True}, TypeError),
        ({"flip": 0.5}, TypeError),
    ],
)
def test_strengths_are_checked(strength, error):
    with pytest.raises(error, match=next(iter(strength))):
        Augmentation(**strength)


def test_strengths_go_through_json():
    strong = Augmentation.strong()
    assert Augmentation(**json.loads(json.dumps(dataclasses.asdict(strong)))) == strong
    assert not Augmentation().changes and Augmentation(noise=1.0).changes
    assert not Augmentation(noise=1.0).moves and Augmentation(shift=0.1).moves
