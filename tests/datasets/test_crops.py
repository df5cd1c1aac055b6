"""Boxes of crops, and cropping and resizing of images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.crops import crop_box, prepare_image, union_box

coordinates, sides = st.floats(-50, 300, width=32), st.floats(1, 100, width=32)
digit_boxes = st.lists(
    st.tuples(coordinates, coordinates, sides, sides).map(
        lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(digit_boxes, st.floats(0, 2), st.sampled_from(["union", "square"]), st.floats(1, 1.5))
def test_crops_keep_the_centre_and_contain_the_number(boxes, margin, crop, context):
    union = union_box(boxes)
    boxes = np.array(boxes, np.float32)
    assert union.tolist() == [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]
    box = crop_box(boxes, crop, margin, context)
    size, wanted = box[2:] - box[:2], (union[2:] - union[:2]) * (1 + margin) * context
    assert np.allclose(box[:2] + box[2:], union[:2] + union[2:], atol=0.02)
    assert np.allclose(size, wanted if crop == "union" else wanted.max(), rtol=1e-3, atol=0.01)


@pytest.mark.parametrize(
    ("boxes", "crop", "margin", "words"),
    [
        ([], "union", 0.3, "Received: none"),
        ([(5, 5, 5, 9)], "union", 0.3, "right > left"),
        ([(0, 0, 4, 4)], "circle", 0.3, "circle"),
        ([(0, 0, 4, 4)], "full", 0.3, "whole image"),
        ([(0, 0, 4, 4)], "union", -0.1, "margin"),
        ([(0, 0, 4, float("nan"))], "union", 0.3, "nan"),
    ],
)
def test_what_is_no_crop(boxes, crop, margin, words):
    with pytest.raises(ValueError, match=words):
        crop_box(boxes, crop, margin)


def halves(height: int, width: int) -> np.ndarray:
    image = np.full((height, width, 3), 50, np.uint8)
    image[:, width // 2 :] = 150
    return image


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(20, 40), (20, 40, 1), (20, 40, 3)])
def test_stretch_shows_the_whole_image(shape, channels):
    image = np.full(shape, 50, np.uint8)
    image[:, 20:] = 150
    result = prepare_image(image, (10, 10), channels)
    assert result.shape == (10, 10, channels)
    assert result.dtype == np.uint8
    assert (result[:, :4] == 50).all()
    assert (result[:, 6:] == 150).all()


def test_a_crop_repeats_the_edges_outside_of_the_image():
    image = halves(10, 40)
    assert (prepare_image(image, (8, 8), 3, box=(22, 2, 38, 9)) == 150).all()
    result = prepare_image(image, (10, 40), 3, box=(-20, 0, 20, 10))
    assert (result == 50).all()
    result = prepare_image(image, (10, 10), 1, box=(-100, -100, -90, -90))
    assert (result == 50).all()


def test_shrinking_averages():
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::2] = 200
    result = prepare_image(stripes, (8, 8), 1)
    assert np.abs(result.astype(int) - 100).max() < 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros((4, 4, 3), np.float32), (4, 4), 3), "float32"),
        ((np.zeros(4, np.uint8), (4, 4), 3), "shape"),
        ((np.zeros((4, 4, 3), np.uint8), (4, 4), 2), "channels"),
    ],
)
def test_what_is_no_image(arguments, words):
    with pytest.raises(ValueError, match=words):
        prepare_image(*arguments)
