"""Boxes of crops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.crops import crop_box, union_box

coordinates = st.floats(-50, 300, width=32)
sides = st.floats(1, 100, width=32)
digit_boxes = st.lists(
    st.tuples(coordinates, coordinates, sides, sides).map(
        lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(digit_boxes)
def test_the_union_is_the_smallest_box_that_contains_all(boxes):
    union, boxes = union_box(boxes), np.array(boxes, np.float32)
    assert (union[:2] <= boxes[:, :2]).all()
    assert (union[2:] >= boxes[:, 2:]).all()
    assert set(union[:2]) <= set(boxes[:, :2].ravel())
    assert set(union[2:]) <= set(boxes[:, 2:].ravel())


@settings(deadline=None)
@given(digit_boxes, st.floats(0, 2), st.sampled_from(["union", "square"]), st.floats(1, 1.5))
def test_crops_keep_the_centre_and_contain_the_number(boxes, margin, crop, context):
    union = union_box(boxes)
    box = crop_box(boxes, crop, margin, context)
    size, wanted = box[2:] - box[:2], (union[2:] - union[:2]) * (1 + margin) * context
    assert np.allclose(box[:2] + box[2:], union[:2] + union[2:], atol=0.02)
    if crop == "union":
        assert np.allclose(size, wanted, rtol=1e-3, atol=0.01)
    else:
        assert np.allclose(size, wanted.max(), rtol=1e-3, atol=0.01)


def test_an_example():
    boxes = [(10, 20, 30, 60), (30, 24, 50, 60)]
    assert crop_box(boxes, "union", 0.0).tolist() == [10, 20, 50, 60]
    assert crop_box(boxes, "union", 0.5).tolist() == [0, 10, 60, 70]
    assert crop_box([(0, 0, 20, 10)], "square", 0.0).tolist() == [0, -5, 20, 15]
    assert crop_box(boxes, "union", 0.0, 2.0).tolist() == [-10, 0, 70, 80]


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
def test_wrong_arguments(boxes, crop, margin, words):
    with pytest.raises(ValueError, match=words):
        crop_box(boxes, crop, margin)
