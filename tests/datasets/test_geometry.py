"""Random crops, background crops, and boxes under transforms."""

import numpy as np
import pytest
import tensorflow as tf

from datasets import Augmentation, geometry
from datasets.distort import augment

SIZE, KEPT = (48, 96), (80, 160)


def draws(count):
    return geometry.Draws(np.random.default_rng(0).random((len(geometry.DRAWS), count)))


def some_boxes(count=400, seed=1):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 0.6, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(0.05, 0.4, (count, 2))], 1).astype("f")


@pytest.mark.parametrize("fraction", [1.0, 0.8])
def test_random_crops_contain_the_number_and_stay_in_the_image(fraction):
    boxes = some_boxes()
    crops = geometry.random_crops(draws(len(boxes)), 1.0, boxes, fraction)
    assert (crops[:, :2] >= -1e-6).all() and (crops[:, 2:] <= 1 + 1e-6).all()
    size = crops[:, 2:] - crops[:, :2]
    assert (size <= fraction + 1e-6).all()
    fits = (boxes[:, 2:] - boxes[:, :2] <= fraction / geometry.MIN_CROP_SCALE).all(axis=1)
    assert (crops[fits, :2] <= boxes[fits, :2] + 1e-6).all()
    assert (crops[fits, 2:] >= boxes[fits, 2:] - 1e-6).all()
    # Of every size, from close to the number to the whole image.
    relative = np.log(size[:, 0]) / np.log(geometry.MIN_CROP_SCALE * (boxes[:, 2] - boxes[:, 0]))
    assert np.quantile(relative, 0.9) > 0.7 and np.quantile(relative, 0.1) < 0.3 + (1 - fraction)
    # By the probability, and where there is a box.
    boxes[::2] = np.nan
    shown = geometry.random_crops(draws(len(boxes)), 0.5, boxes, 1.0)
    whole = (shown == [0, 0, 1, 1]).all(axis=1)
    assert whole[::2].all()
    assert 0.4 < (~whole[1::2]).mean() < 0.6
    assert np.isfinite(shown).all()


@pytest.mark.parametrize("fraction", [1.0, 0.8])
def test_boxes_follow_the_pixels(fraction):
    """A white patch on black, moved without a change of light, lies in the box it comes with."""
    boxes = some_boxes(64)
    # Not at the edge, whose pixels go on beyond it.
    boxes = np.round(boxes * [160, 80, 160, 80]).clip(1, [159, 79, 159, 79])
    batch = np.zeros((len(boxes), *KEPT, 1), np.uint8)
    for image, (left, top, right, bottom) in zip(batch, boxes.astype(int), strict=True):
        image[top:bottom, left:right] = 255
    fractions = (boxes / [160, 80, 160, 80]).astype(np.float32)
    moves = Augmentation(
        random_crop=0.7, zoom=0.1, stretch=0.2, shift=0.05, rotation=6, shear=0.1, perspective=0.1
    )
    moved, moved_boxes = augment(
        tf.constant(batch), moves, tf.constant([3, 4]), SIZE, fraction, tf.constant(fractions)
    )
    compared = 0
    for image, box in zip(moved.numpy()[..., 0], moved_boxes.numpy(), strict=True):
        if np.isnan(box).any():
            assert image.max() < 128, "only a patch that is not shown has no box"
            continue
        if (box == 0).any() or (box == 1).any():
            continue  # of a turned patch that is cut, less may be visible than its corners span
        compared += 1
        rows, columns = np.nonzero(image > 127)
        measured = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(measured - box * [96, 48, 96, 48]).max() <= 1.01
    assert compared > 30


def test_a_box_is_clipped_to_the_image_and_unknown_outside():
    boxes = np.float32([[0.1, 0.1, 0.5, 0.5], [0.9, 0.9, 1.0, 1.0], [np.nan] * 4])
    shift = np.tile(np.eye(3), (3, 1, 1))
    shift[:, 0, 2] = 0.3 * 96  # the result begins at 0.3 of the width
    moved_boxes = geometry.move_boxes(boxes, shift, SIZE, SIZE)
    np.testing.assert_allclose(moved_boxes[0], [0, 0.1, 0.2, 0.5], atol=1e-6)
    np.testing.assert_allclose(moved_boxes[1], [0.6, 0.9, 0.7, 1.0], atol=1e-6)
    assert np.isnan(moved_boxes[2]).all()
    shift[:, 0, 2] = 0.6 * 96
    assert np.isnan(geometry.move_boxes(boxes, shift, SIZE, SIZE)[0]).all()


def test_background_crops_never_touch_the_number_and_are_on_every_side():
    boxes = some_boxes(2000)
    boxes[::4] = np.nan
    boxes[1::4] = [0.05, 0.05, 0.95, 0.95]
    crops = geometry.background_crops(draws(len(boxes)), 0.5, boxes)
    chosen = np.isfinite(crops).all(axis=1)
    assert not chosen[::4].any(), "the box is unknown"
    assert not chosen[1::4].any(), "there is no room"
    assert 0.35 < chosen[2::4].mean() < 0.55
    crops, boxes = crops[chosen], boxes[chosen]
    assert (crops[:, :2] >= -1e-6).all() and (crops[:, 2:] <= 1 + 1e-6).all()
    assert (crops[:, 2:] - crops[:, :2] >= geometry.MIN_BACKGROUND - 1e-6).all()
    before, after = crops[:, 2:] <= boxes[:, :2] + 1e-6, crops[:, :2] >= boxes[:, 2:] - 1e-6
    assert (before | after).any(axis=1).all()
    assert np.concatenate([before, after], axis=1).any(axis=0).all(), "left, above, right, below"
