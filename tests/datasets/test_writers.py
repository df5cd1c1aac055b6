"""Rendered images as a folder of photos and as a split of SVHN, and what is counted of them."""

from __future__ import annotations

import numpy as np
import pytest

import datasets
from datasets import photo_folder
from datasets.rendered_numbers.rendering import render, write_folder
from datasets.svhn_numbers.archives import read_split
from datasets.svhn_numbers.write_digit_struct import write_split
from number_zoo.images import decode_image


@pytest.fixture(scope="module")
def rendered():
    return [render(seed=0, index=index) for index in range(40)]


def test_a_folder_holds_what_was_rendered(rendered, tmp_path):
    write_folder(tmp_path, rendered)
    photos = photo_folder.read_folder(tmp_path)
    assert len(photos) == len(rendered)
    for photo in photos:
        image = rendered[int(photo.path.stem)]
        assert photo.label == image.label
        assert photo.path.read_bytes() == image.jpeg
        if image.label:
            np.testing.assert_allclose(photo.boxes, image.boxes, atol=0.06)


def test_a_split_of_svhn_holds_the_numbers_in_whole_pixels(rendered, tmp_path):
    write_split(tmp_path, rendered)
    numbers = [image for image in rendered if image.label]
    entries = list(read_split(tmp_path, "train"))
    assert len(entries) == len(numbers)
    for entry, png in entries:
        image = numbers[int(entry.name.removesuffix(".png")) - 1]
        assert entry.label == image.label
        np.testing.assert_array_equal(entry.boxes, np.round(image.boxes))
        np.testing.assert_array_equal(decode_image(png), image.image)


def test_area_is_that_of_the_box_around_all_digits():
    boxes = [np.float32([[0, 0, 5, 10]]), np.float32([[10, 10, 20, 30], [30, 5, 35, 25]])]
    np.testing.assert_allclose(datasets.covered_area(boxes, [(10, 10), (100, 50)]), [0.5, 0.125])
    figure = datasets.plot_statistics(["1", "12"], boxes, [(10, 10), (100, 50)])
    assert [bar.get_height() for bar in figure.axes[0].patches] == [50, 50]
    boxes.append(np.zeros((0, 4)))  # an image without a number
    figure = datasets.plot_statistics(["1", "12", ""], boxes, [(10, 10), (100, 50), (9, 9)])
    assert [bar.get_height() for bar in figure.axes[0].patches] == [pytest.approx(100 / 3)] * 3
    figure = datasets.plot_statistics(["1"], boxes[2:], [(10, 10)])  # boxes are unknown
    assert len(figure.axes[2].patches) == 0
