"""Uncertain predictions, and those of no number, are replaced by certain ones after smoothing."""

import numpy as np
import pytest
from PIL import Image

import number_zoo
from number_zoo.predictions import Predictions
from number_zoo.smoothed import SMOOTHING, read_smoothed
from tests.conftest import draw_rows, one_row


@pytest.mark.parametrize(
    ("weights", "number"),
    [
        ("text_transformer.any10", "3972"),
        ("conv_transformer_small.any10", "73"),
        ("conv_transformer_small.any10", "4072"),
    ],
)
def test_a_number_that_rows_of_pixels_hide_is_read(weights, number):
    reader = number_zoo.Reader(weights, threads=1)
    image = np.asarray(draw_rows(number))
    (first,), reading = reader.predict([image]).readings(), reader.read(image)
    assert first.number != number or first.confidence < 0.6
    assert reading.number == number and reading.confidence > 0.7


def _row(number, confidence, height):
    return one_row(number, confidence, crop=(0, 0, 50, height))


@pytest.mark.parametrize(
    ("first", "again", "expected"),
    [
        (("12", 0.5, 40), ("13", 0.7, 40), "13"),
        (("12", 0.59, 40), ("13", 0.6, 40), "13"),
        (("12", 0.5, 40), ("13", 0.59, 40), "12"),
        (("12", 0.5, 40), ("", 0.7, 40), ""),
        (("", 0.9, 40), ("13", 0.7, 40), "13"),
        (("", 0.9, 40), ("13", 0.5, 40), ""),
        (("", 0.9, 40), ("", 0.7, 40), ""),
        (("12", 0.5, 128), ("13", 0.7, 128), "13"),
        (("12", 0.6, 40), None, "12"),
        (("12", 0.5, 129), None, "12"),
        (("", 0.9, 200), None, ""),
    ],
)
def test_when_images_are_read_again_and_which_prediction_is_kept(first, again, expected):
    sure = ("99", 0.99, 30)
    images = [np.full((60, 50, 3), value, np.uint8) for value in (1, 2, 3)]
    crops = [None, np.float32([1, 2, 3, 4]), None]
    three = Predictions.concatenate([_row(*script) for script in (sure, first, sure)])
    answers = [three, *([_row(*again)] if again else [])]
    calls = []

    def predict(read, given):
        calls.append([(image.max(), crop) for image, crop in zip(read, given, strict=True)])
        return answers[len(calls) - 1]

    kept = read_smoothed(images, crops, predict)
    assert kept.decoded.numbers() == ["99", expected, "99"]
    # That of the first one where both are the same.
    confidences = {number: confidence for number, confidence, _ in (again or first, first)}
    assert kept.arrays["confidence"][1] == np.float32(confidences[expected])
    assert calls[1:] == ([[(2, crops[1])]] if again else [])


def test_smoothing_is_binomial_within_the_edges():
    image = np.zeros((7, 9, 3), np.uint8)
    image[3, 4] = 255, 128, 0
    smooth = np.asarray(Image.fromarray(image).filter(SMOOTHING)).astype(float)
    weights = np.array([1, 4, 6, 4, 1]) / 16
    expected = np.zeros(image.shape)
    expected[1:6, 2:7] = np.outer(weights, weights)[..., None] * [255, 128, 0]
    expected[:2], expected[-2:], expected[:, :2], expected[:, -2:] = 0, 0, 0, 0
    np.testing.assert_allclose(smooth, expected, atol=0.5)
