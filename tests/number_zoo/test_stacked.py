"""Digits that are stacked are read once more, side by side."""

import numpy as np
import pytest

import number_zoo
from number_zoo import stacked
from number_zoo.predictions import Predictions
from tests.conftest import draw_stack


@pytest.fixture(scope="module")
def reader():
    return number_zoo.Reader(threads=1)


@pytest.mark.parametrize("number", ["6767", "99879", "829"])
def test_a_stacked_number_is_read_and_its_box_is_that_of_the_stack(reader, number):
    image = np.asarray(draw_stack(number))
    first, reading = reader.predict([image]).readings()[0], reader.read(image)
    assert reading.number == number and reading.confidence > 0.9
    assert first.number != number or first.confidence < 0.6
    assert reading.box == first.box
    (located,) = reader.read_all(image)
    assert (located.number, located.turn) == (number, 0)


@pytest.mark.parametrize("number", ["17410", "8180"])
def test_digits_outside_the_box_of_the_first_reading_are_read(reader, number):
    image = np.asarray(draw_stack(number))
    first, reading = reader.predict([image]).readings()[0], reader.read(image)
    assert len(first.number) < len(number) and reading.number == number
    middles = 55 + 50 * np.arange(len(number))  # of the digits
    assert first.box[1] > middles[0] or first.box[3] < middles[-1]
    assert reading.box[1] < middles[0] and middles[-1] < reading.box[3] < image.shape[0]


def test_digits_are_cut_evenly_and_repeat_the_edge_of_the_image():
    image = np.stack([*np.indices((40, 10), np.uint8), np.zeros((40, 10), np.uint8)], axis=-1)
    line = stacked.side_by_side(image, np.float32([0, 0, 10, 40]), 2)
    assert line.shape == (23, 2 * 14, 3)
    assert line[:, 0, 0].tolist() == [0, 0, *range(21)]
    assert line[:, -1, 0].tolist() == [*range(18, 40), 39]
    assert line[0, :, 1].tolist() == 2 * [0, 0, *range(10), 9, 9]


def test_a_box_thinner_than_a_pixel_is_a_column_of_pixels():
    image = np.arange(8 * 10 * 3, dtype=np.uint8).reshape(8, 10, 3)
    line = stacked.side_by_side(image, np.float32([5.1, 2, 5.3, 4]), 2)
    np.testing.assert_array_equal(line, image[[[2, 3]], 5])


SHORT, TALL = (10, 20, 50, 75), (10, 20, 50, 80)  # of aspects below and above 1.4


@pytest.mark.parametrize(
    ("box", "script", "counts", "expected"),
    [
        (TALL, [("12", 0.6), ("13", 0.5), ("123", 0.8), ("123", 0.9)], [2, 3, 5], ("123", 0.8)),
        (TALL, [("12", 0.6), ("13", 0.7), ("12", 0.9), ("134", 0.4)], [2, 3, 4], ("13", 0.7)),
        (TALL, [("12", 0.6), ("+", 0.9), ("+", 0.9), ("+", 0.9)], [2, 3, 4], ("12", 0.6)),
        (TALL, [("12", 0.6), ("13", 0.8), ("123", 0.7), ("13", 0.9)], [2, 3, 4], ("13", 0.8)),
        (TALL, [("12", 0.6), ("13", 0.5), ("1", 0.9), ("345", 0.9)], [2, 3, 4], ("12", 0.6)),
        (TALL, [("+", 0.6)], [], ("+", 0.6)),
        (TALL, [("1", 0.6)], [], ("1", 0.6)),
        (TALL, [("11", 0.975)], [], ("11", 0.975)),
        (SHORT, [("12", 0.6)], [], ("12", 0.6)),
    ],
    ids=[
        "a digit lacked",
        "unsure",
        "longer",
        "less sure",
        "other digits",
        "first longer",
        "one digit",
        "sure",
        "not tall",
    ],
)
def test_which_boxes_are_read_again_and_what_replaces_the_first_reading(
    box, script, counts, expected
):
    shapes = []

    def predict(images, crops):
        number, confidence = script[len(shapes)]
        shapes.append(images[0].shape)
        if len(shapes) > 1:  # the digits side by side, without another glimpse
            assert crops[0].tolist() == [0, 0, shapes[-1][1], shapes[-1][0]]
        digits = [int(digit) for digit in number.strip("+")]
        place = np.full((1, 4), len(shapes), np.float32)
        return Predictions(
            {
                "length": np.array([5 if number == "+" else len(number)]),
                "digits": np.array([digits + [-1] * (4 - len(digits))]),
                "confidence": np.float32([confidence]),
                "box": np.float32([box]),
                "crop": place,
                "attention": place[..., None],
            }
        )

    result = stacked.read_stacked([np.zeros((100, 60, 3), np.uint8)], [None], predict)
    assert [width // 52 for _, width, _ in shapes[1:]] == counts  # 40 columns and their margins
    (reading,) = result.readings()
    assert (reading.number, reading.confidence) == (expected[0], pytest.approx(expected[1]))
    assert reading.box == box
    assert (result.crops == 1).all() and (result.attention == 1).all()
