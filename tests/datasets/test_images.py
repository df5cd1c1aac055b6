"""Cropping and resizing of images."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.images import prepare_image


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
def test_wrong_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        prepare_image(*arguments)
