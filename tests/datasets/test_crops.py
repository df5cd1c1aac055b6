"""Boxes of crops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.crops import crop_box, union_box

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
def test_wrong_arguments(boxes, crop, margin, words):
    with pytest.raises(ValueError, match=words):
        crop_box(boxes, crop, margin)
