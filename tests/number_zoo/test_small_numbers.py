"""A number that is small in its image is located and read in a crop."""

import numpy as np
import pytest
from PIL import Image

from number_zoo import boxes, small_numbers
from number_zoo.any_turn import read_any_turn
from number_zoo.locator import Locations
from number_zoo.predictions import Predictions
from number_zoo.published import SMALL_WEIGHTS
from number_zoo.reader import Reader
from tests.conftest import draw_plate, one_row

SIDE = 400


def locations(scores):
    """Locations of such scores, all at the same place."""
    boxes = np.tile(np.float32([5, 5, 45, 25]), (len(scores), 1))
    return Locations(boxes, np.float32(scores), np.zeros(len(scores), int))


@pytest.mark.parametrize("weights", ["text_transformer.any10", "conv_transformer_small.any10"])
@pytest.mark.parametrize("turns", [0, 3])
def test_a_small_number_in_a_large_photo_is_read(weights, turns):
    image = Image.new("RGB", (2400, 1800), (90, 110, 90))
    draw_plate(image, 0, "175", (1500, 1100, 1620, 1150))
    draw_plate(image, 3, "EXIT", (300, 500, 420, 550))
    pixels = np.rot90(np.asarray(image), -turns)
    reader = Reader(weights, threads=1)
    assert reader.predict([pixels]).decoded.numbers() == [""]
    reading = reader.read(pixels)
    assert (reading.number, reading.turn, reading.score) == ("175", turns, None)
    assert reading.confidence >= 0.9
    edges = boxes.turn_box(np.float32(reading.box), turns, *pixels.shape[1::-1])
    assert (edges > [1500, 1100] * 2).all() and (edges < [1620, 1150] * 2).all()


def _read(monkeypatch, first, *found, count=1, shape=(SIDE, SIDE + 1, 3), crop=None):
    """The reading of an image, and how often its numbers were located.

    `first` is the number as it is and its confidence; `found` are the located ones with their
    confidence, height in pixels and turn, of `count` locations.
    """
    rows = []
    for number, confidence, height, turn in found:
        size = (height, 20) if turn % 2 else (20, height)
        row = one_row(number, confidence, box=(5, 5, 5 + size[0], 5 + size[1]))
        rows.append(Predictions(row.arrays | {"turns": np.array([turn])}))

    def read_located(images, locations, predict, words):
        assert list(map(len, locations)) == [count] and words is None
        return [Predictions.concatenate(rows) if rows else Predictions({})]

    located = []
    monkeypatch.setattr(small_numbers, "read_located", read_located)
    predictions = read_any_turn(
        [np.zeros(shape, np.uint8)],
        [crop],
        lambda *_: one_row(*first, crop=(0, 0, 1, 200)),  # too high to be smoothed
        lambda image: located.append(image) or locations([1.0] * count),
    )
    (reading,) = predictions.readings()
    return reading.number, reading.turn, len(located)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([("12", 0.86, 80, 0)], ("12", 0)),
        ([("12", 0.84, 80, 0)], ("", 0)),
        ([("1", 0.99, 80, 0)], ("1", 0)),
        ([("1", 0.97, 80, 0)], ("", 0)),
        ([("12", 0.9, 81, 0)], ("", 0)),
        ([("1", 0.981, 80, 0)], ("1", 0)),
        ([("12", 0.86, 80, 1)], ("12", 1)),
        *(([("12", 0.91, 81, turn)], ("", 0)) for turn in (1, 2, 3)),
        ([("12", 0.84, 80, 2), ("34", 0.94, 20, 0), ("56", 0.91, 30, 0)], ("56", 0)),
        ([("12", 0.99, 200, 0), ("34", 0.93, 30, 0)], ("34", 0)),
        ([], ("", 0)),
    ],
)
def test_the_largest_of_the_small_numbers_is_read(found, expected, monkeypatch):
    assert _read(monkeypatch, ("", 0.99), *found) == (*expected, 1)


@pytest.mark.parametrize(
    ("found", "count", "expected"),
    [
        (("12", 0.86, 10, 0), 2, ""),
        (("12", 0.93, 10, 0), 2, "12"),
        (("12", 0.984, 10, 0), 10, ""),
        (("12", 0.986, 10, 0), 10, "12"),
        (("1", 0.984, 10, 0), 10, ""),
        (("1", 0.986, 10, 0), 10, "1"),
    ],
)
def test_the_more_is_located_the_surer_a_number_must_be(found, count, expected, monkeypatch):
    assert _read(monkeypatch, ("", 0.99), found, count=count) == (expected, 0, 1)


class Only:
    """A lexicon that makes what is read certain."""

    def restrict(self, predictions):
        confidence = np.ones_like(predictions.arrays["confidence"])
        return Predictions(predictions.arrays | {"confidence": confidence})


@pytest.mark.parametrize(
    ("score", "confidence", "lexicon", "expected"),
    [
        (0.9, 0.98, None, ""),
        (0.9, 1.0, None, "12"),
        (0.508, 1.0, None, "12"),
        (0.9, 0.98, Only(), "12"),
    ],
)
def test_of_much_that_is_located_only_what_can_be_sure_is_read_first(
    score, confidence, lexicon, expected
):
    count, calls = 80, []

    def predict(images, crops):
        calls.append(len(images))
        rows = [("12", confidence) if row == 1 else ("", 0.99) for row in range(len(images))]
        return Predictions.concatenate([one_row(*row, box=(5, 5, 45, 25)) for row in rows])

    located = locations([score] * 2 + [0.4] * (count - 2))
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    found = small_numbers.read_small(image, lambda _: located, predict, lexicon)
    assert (found.decoded.numbers() if found else [""]) == [expected]
    assert calls[0] == 2 and (count in calls) == bool(expected)


@pytest.mark.parametrize(
    ("first", "options", "expected"),
    [
        (("78", 0.59), {}, ("12", 0, 1)),
        (("78", 0.6), {}, ("78", 0, 0)),
        (("", 0.99), {"shape": (64, 400, 3)}, ("12", 0, 1)),
        (("", 0.99), {"shape": (63, 400, 3)}, ("", 0, 0)),
        (("", 0.99), {"shape": (400, 63, 3)}, ("", 0, 0)),
        (("", 0.99), {"crop": np.float32([0, 0, 9, 9])}, ("", 0, 0)),
    ],
)
def test_small_numbers_are_located_in_uncertain_images_without_a_crop(
    first, options, expected, monkeypatch
):
    assert _read(monkeypatch, first, ("12", 0.95, 10, 0), **options) == expected


def test_a_lexicon_chooses_among_small_numbers():
    image = Image.new("RGB", (1200, 900), (90, 110, 90))
    for index, number, left in ((0, "175", 200), (2, "402", 700)):
        draw_plate(image, index, number, (left, 400, left + 60, 425))
    reader = Reader(SMALL_WEIGHTS, threads=1)
    for number in ("175", "402"):
        assert reader.read(image, [number, "88"]).number == number
    assert reader.read(image, ["88"]).number == ""
