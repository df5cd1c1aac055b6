"""The figure of a batch of images."""

import numpy as np
import pytest

import datasets

ARRAYS = {
    "length": np.array([2, 0]),
    "digits": np.array([[1, 7, -1], [-1, -1, -1]]),
    "box": np.array([[0.25, 0.0, 0.75, 0.5], [np.nan] * 4]),
}


@pytest.mark.parametrize("channels", [1, 3])
def test_a_batch_is_shown_with_its_labels_and_boxes(channels):
    figure = datasets.show(np.full((2, 20, 40, channels), 255.0), ARRAYS)
    first, second = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["17", "none"]
    (box,) = first.patches
    assert box.get_bbox().extents.tolist() == [9.5, -0.5, 29.5, 9.5]
    assert not second.patches
    assert first.images[0].norm.vmax == 255


def test_images_of_any_size_with_labels_as_text():
    images = [np.zeros((10, 20, 3), np.uint8), np.zeros((30, 12), np.uint8)]
    figure = datasets.show(images, ["1", ""], boxes=[[[1, 2, 3, 4], [5, 6, 7, 8]], None], count=2)
    assert [axes.get_title() for axes in figure.axes] == ["1", "none"]
    assert [len(axes.patches) for axes in figure.axes] == [2, 0]
    assert len(datasets.show(images, ["1", ""], count=1).axes) == 1


def test_single_digits_have_no_length():
    assert datasets.label_texts({"digits": np.array([[3], [0]])}) == ["3", "0"]
