"""The ONNX files of the published weights read what their Keras models read."""

import numpy as np
import pytest

import number_zoo
from exporting import sample
from inference import Reader
from number_zoo.published import DEFAULT_WEIGHTS, SMALL_WEIGHTS

TOLERANCE = 0.02
"""Difference of confidences."""


@pytest.mark.parametrize(
    ("name", "count", "exceeding"),
    [
        (SMALL_WEIGHTS, 40, 0.01),  # weights in 16 bits, as in the Keras file
        (DEFAULT_WEIGHTS, 16, 0.15),  # convolutions in 8 bits
    ],
)
def test_onnx_and_keras_agree(name, count, exceeding):
    images = sample.take(None, count, max_digits=10).images
    assert len({image.shape for image in images}) > count / 2  # so that batches are padded
    predicted, expected = number_zoo.Reader(name).predict(images), Reader(name).predict(images)
    assert predicted.arrays.keys() == expected.arrays.keys()
    difference = np.abs(predicted.arrays["confidence"] - expected.arrays["confidence"])
    assert np.mean(difference > TOLERANCE) <= exceeding
    sure = expected.arrays["confidence"] > 0.5
    numbers = np.array([predicted.decoded.numbers(), expected.decoded.numbers()])
    assert sure.mean() > 0.8 and (numbers[0] == numbers[1])[sure].all()
