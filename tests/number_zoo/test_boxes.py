"""Crops around boxes, and suppression."""

import numpy as np
import pytest

from number_zoo.boxes import crop_around, suppress


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((100, 50, 120, 60), (93, 46.5, 127, 63.5)),
        ((100, 50, 102, 52), (97, 47, 105, 55)),  # 8 pixels wide and high
        ((0, 0, 20, 10), (0, 0, 27, 13.5)),
        ((180, 90, 200, 100), (173, 86.5, 200, 100)),
    ],
)
def test_a_crop_is_larger_than_its_box_and_within_the_image(box, expected):
    np.testing.assert_allclose(crop_around(box, 200, 100), expected, atol=1e-4)


def test_of_boxes_that_exclude_each_other_the_first_of_the_highest_score_remains():
    pairs = np.arange(40)[:, None] // 2 == np.arange(40) // 2
    assert suppress(pairs, np.ones(40)).tolist() == list(range(0, 40, 2))
    assert suppress(pairs, np.arange(40)).tolist() == list(range(39, 0, -2))
    alternating = suppress(np.eye(40, dtype=bool), np.arange(40) % 2)
    assert alternating.tolist() == [*range(1, 40, 2), *range(0, 40, 2)]
