"""Windows around numbers, and boxes that go where the pixels go."""

import numpy as np
import pytest
import tensorflow as tf

from datasets import Augmentation, geometry
from datasets.distort import augment

SIZE, KEPT = (48, 96), (80, 160)


class Draws:
    """Random numbers as `windows` asks for them."""

    def __init__(self, count, seed=0):
        self.rng, self.count = np.random.default_rng(seed), count

    def between(self, name, low, high):
        return self.rng.uniform(low, high, self.count)

    def happens(self, name, probability):
        return self.rng.random(self.count) < probability


def some_boxes(count=400, seed=1):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 0.6, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(0.05, 0.4, (count, 2))], 1).astype("f")


@pytest.mark.parametrize("view", [1.0, 0.8])
def test_windows_hold_the_number_and_stay_in_the_image(view):
    boxes = some_boxes()
    shown = geometry.windows(Draws(len(boxes)), 1.0, boxes, view)
    assert (shown[:, :2] >= -1e-6).all() and (shown[:, 2:] <= 1 + 1e-6).all()
    size = shown[:, 2:] - shown[:, :2]
    assert (size <= view + 1e-6).all()
    fits = (boxes[:, 2:] - boxes[:, :2] <= view / geometry.TIGHT).all(axis=1)
    assert (shown[fits, :2] <= boxes[fits, :2] + 1e-6).all()
    assert (shown[fits, 2:] >= boxes[fits, 2:] - 1e-6).all()
    # Of every size, from near to the whole image.
    relative = np.log(size[:, 0]) / np.log(geometry.TIGHT * (boxes[:, 2] - boxes[:, 0]))
    assert np.quantile(relative, 0.9) > 0.7 and np.quantile(relative, 0.1) < 0.3 + (1 - view)


def test_windows_come_as_often_as_asked_and_only_where_the_box_is_known():
    boxes = some_boxes(2000)
    boxes[::2] = np.nan
    shown = geometry.windows(Draws(len(boxes)), 0.5, boxes, 1.0)
    whole = (shown == [0, 0, 1, 1]).all(axis=1)
    assert whole[::2].all()
    assert 0.4 < (~whole[1::2]).mean() < 0.6
    assert np.isfinite(shown).all()


@pytest.mark.parametrize("view", [1.0, 0.8])
def test_boxes_go_where_the_pixels_go(view):
    """A white patch on black, moved without a change of light, lies in the box it comes with."""
    boxes = some_boxes(64)
    # Not at the edge, whose pixels go on beyond it.
    boxes = np.round(boxes * [160, 80, 160, 80]).clip(1, [159, 79, 159, 79])
    batch = np.zeros((len(boxes), *KEPT, 1), np.uint8)
    for image, (left, top, right, bottom) in zip(batch, boxes.astype(int), strict=True):
        image[top:bottom, left:right] = 255
    shares = (boxes / [160, 80, 160, 80]).astype(np.float32)
    moves = Augmentation(
        random_crop=0.7, zoom=0.1, stretch=0.2, shift=0.05, rotation=6, shear=0.1, perspective=0.1
    )
    moved, found = augment(
        tf.constant(batch), moves, tf.constant([3, 4]), SIZE, view, tf.constant(shares)
    )
    compared = 0
    for image, box in zip(moved.numpy()[..., 0], found.numpy(), strict=True):
        if np.isnan(box).any():
            assert image.max() < 128, "only a patch that is not shown has no box"
            continue
        if (box == 0).any() or (box == 1).any():
            continue  # of a turned patch that is cut, less may be seen than its corners span
        compared += 1
        rows, columns = np.nonzero(image > 127)
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(seen - box * [96, 48, 96, 48]).max() <= 1.01
    assert compared > 30


def test_a_box_that_leaves_the_image_is_cut_and_one_outside_is_unknown():
    boxes = np.float32([[0.1, 0.1, 0.5, 0.5], [0.9, 0.9, 1.0, 1.0], [np.nan] * 4])
    shift = np.tile(np.eye(3), (3, 1, 1))
    shift[:, 0, 2] = 0.3 * 96  # the result begins at 0.3 of the width
    found = geometry.move_boxes(boxes, shift, SIZE, SIZE)
    np.testing.assert_allclose(found[0], [0, 0.1, 0.2, 0.5], atol=1e-6)
    np.testing.assert_allclose(found[1], [0.6, 0.9, 0.7, 1.0], atol=1e-6)
    assert np.isnan(found[2]).all()
    shift[:, 0, 2] = 0.6 * 96
    assert np.isnan(geometry.move_boxes(boxes, shift, SIZE, SIZE)[0]).all()


def test_parts_beside_never_touch_the_number_and_lie_on_every_side():
    boxes = some_boxes(2000)
    boxes[::4] = np.nan
    boxes[1::4] = [0.05, 0.05, 0.95, 0.95]
    parts = geometry.parts_beside(Draws(len(boxes)), 0.5, boxes)
    chosen = np.isfinite(parts).all(axis=1)
    assert not chosen[::4].any(), "nobody knows where the number is"
    assert not chosen[1::4].any(), "there is no room"
    assert 0.35 < chosen[2::4].mean() < 0.55
    parts, boxes = parts[chosen], boxes[chosen]
    assert (parts[:, :2] >= -1e-6).all() and (parts[:, 2:] <= 1 + 1e-6).all()
    assert (parts[:, 2:] - parts[:, :2] >= geometry.ROOM_BESIDE - 1e-6).all()
    before, after = parts[:, 2:] <= boxes[:, :2] + 1e-6, parts[:, :2] >= boxes[:, 2:] - 1e-6
    assert (before | after).any(axis=1).all()
    assert np.concatenate([before, after], axis=1).any(axis=0).all(), "left, above, right, below"


def test_a_part_beside_the_number_shows_none_of_it():
    """A white number on black is gone from the image, and its box with it."""
    batch = np.zeros((64, *KEPT, 1), np.uint8)
    batch[:, 30:50, 60:100] = 255
    boxes = np.tile(np.array([60, 30, 100, 50], np.float32) / [160, 80, 160, 80], (64, 1))
    moved, found = augment(
        tf.constant(batch),
        Augmentation(background_crop=1.0, zoom=0.1, shift=0.05, rotation=5),
        tf.constant([5, 6]),
        SIZE,
        1.0,
        tf.constant(boxes.astype(np.float32)),
    )
    assert np.isnan(found.numpy()).all()
    assert (moved.numpy() < 128).mean() > 0.97
