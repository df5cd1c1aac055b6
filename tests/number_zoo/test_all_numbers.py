"""All numbers of an image: located, read upright, in reading order."""

import io
import json
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import number_zoo
from number_zoo import all_numbers, boxes, locator
from number_zoo.any_turn import read_any_turn
from number_zoo.images import decode_image
from number_zoo.locator import Locations, Locator, scales
from number_zoo.predictions import Predictions
from number_zoo.published import SMALL_WEIGHTS, onnx_file
from number_zoo.reader import Reader, open_reader
from number_zoo.upright import UprightCrop
from tests.conftest import ROOT, draw_closeup, draw_plate, one_row

PHOTO = ROOT / "number_zoo/server/static/gallery/26676.jpg"

PLACES = (
    (0, "175", (20, 40, 140, 90)),
    (3, "77", (200, 50, 270, 90)),
    (1, "402", (500, 30, 540, 130)),  # turned
    (2, "9", (300, 150, 350, 190)),  # of a low score
    (4, "31", (400, 250, 460, 290)),
    (5, "86", (20, 244, 120, 294)),
)
IN_ORDER = ["175", "77", "402", "86", "31"]


def scene(factor: int = 1, places=PLACES) -> Image.Image:
    image = Image.new("RGB", (600 * factor, 350 * factor), (90, 110, 90))
    for index, number, box in places:
        draw_plate(image, index, number, tuple(factor * edge for edge in box))
    return image


@pytest.fixture(scope="module")
def reader(plate_locator):
    return Reader(SMALL_WEIGHTS, threads=2, locator=plate_locator)


def assert_inside(readings, factor=1):
    plates = {number: np.multiply(box, factor) for _, number, box in PLACES}
    for reading in readings:
        left, top, right, bottom = plates[reading.number]
        box = np.array(reading.box)
        assert (box > [left, top] * 2).all() and (box < [right, bottom] * 2).all()
        assert (box[2:] - box[:2] > [0.15 * (right - left), 0.25 * (bottom - top)]).all()
        assert reading.turn == (reading.number == "402")
        assert reading.confidence > 0.9 and 0.3 < reading.score <= 0.9


@pytest.mark.parametrize("turns", range(4))
def test_a_photo_on_its_side_is_read_in_the_turn_that_makes_it_upright(turns):
    image = np.rot90(decode_image(PHOTO), turns)
    blank = np.full((40, 60, 3), 90, np.uint8)
    none, reading = number_zoo.read([blank, image])
    assert (reading.number, reading.turn) == ("26676", -turns % 4)
    assert reading.score is None
    left, top, right, bottom = reading.box
    assert 0 <= left < right <= image.shape[1] and 0 <= top < bottom <= image.shape[0]
    assert (right - left > bottom - top) == (turns % 2 == 0)
    assert (none.number, none.box, none.turn, none.score) == ("", None, 0, None)
    crop = boxes.crop_around(reading.box, *image.shape[1::-1])
    predictions = Reader(threads=1).predict_any_turn([image], [crop])
    (boxed,) = predictions.readings()
    assert (boxed.number, boxed.turn) == (reading.number, reading.turn)
    np.testing.assert_allclose(boxed.box, reading.box, atol=12)
    np.testing.assert_allclose(predictions.crops[0], crop, atol=12)


def test_a_number_on_its_side_that_two_turns_show_differently_is_not_read():
    image = Image.new("RGB", (100, 180), (90, 110, 90))
    draw_plate(image, 1, "89", (20, 20, 80, 160))
    reader = Reader(threads=1)
    numbers = [
        reader.predict([np.rot90(np.asarray(image), turn)]).readings()[0].number
        for turn in range(4)
    ]
    assert numbers == ["", "89", "", "68"]
    assert reader.read(image).number == ""


def test_every_number_is_read_upright_in_reading_order(reader, plate_locator, tmp_path):
    image = scene()
    image.save(tmp_path / "scene.png")
    readings = reader.read_all(tmp_path / "scene.png")
    assert [reading.number for reading in readings] == IN_ORDER
    assert_inside(readings)
    empty = np.full((40, 60, 3), 90, np.uint8)
    file = io.BytesIO((tmp_path / "scene.png").read_bytes())
    several = reader.read_all([empty, image, file, np.asarray(image, np.float32)])
    assert several[0] == []
    for others in several[1:]:
        assert [other.number for other in others] == IN_ORDER
        np.testing.assert_allclose([r.box for r in others], [r.box for r in readings], atol=0.1)
    assert reader.read_all(empty) == reader.read_all([]) == reader.read_all([empty])[0] == []
    assert number_zoo.read_all(image, SMALL_WEIGHTS, plate_locator) == readings


def test_a_large_image_is_located_in_detail_and_read_at_full_size(reader, monkeypatch):
    monkeypatch.setattr(locator, "OVERVIEW", 300)
    monkeypatch.setattr(locator, "DETAIL", 800)
    image = scene(2)
    shapes, backend = [], reader.locator._backend
    monkeypatch.setattr(
        reader.locator,
        "_backend",
        lambda inputs: shapes.append(inputs["images"].shape) or backend(inputs),
    )
    crops, predict = [], reader.predict
    monkeypatch.setattr(
        reader, "predict", lambda images, windows: crops.extend(images) or predict(images, windows)
    )
    readings = reader.read_all(image)
    assert shapes == [(1, 467, 800, 3), (1, 175, 300, 3), (1, 88, 150, 3)]
    assert [reading.number for reading in readings] == IN_ORDER
    assert_inside(readings, 2)
    assert crops[0].shape == pytest.approx(
        (169, 330, 3), abs=9
    )  # of the plate, 240 x 100, and around


def test_numbers_too_large_for_the_detail_pass_are_left_to_the_overview(plate_locator, monkeypatch):
    monkeypatch.setattr(locator, "OVERVIEW", 300)
    plates = Locator(plate_locator)
    for most, edge in ((10, 4), (200, 1)):  # the overview's pixels are twice as large
        monkeypatch.setattr(locator, "MAX_DETAIL_SIZE", most)
        located = plates.locate(np.asarray(scene()))
        assert len(located) == 5 and (np.diff(located.scores) <= 0).all()
        assert located.boxes[0] == pytest.approx(PLACES[0][2], abs=edge)


@pytest.mark.parametrize(
    ("number", "height", "distance", "size"),
    [
        ("343", 420, 226, (1200, 700)),
        ("00471382", 56, 60, (560, 120)),
        ("20613", 120, 140, (800, 240)),
    ],
    ids=["fills the image", "long", "spaced digits"],
)
def test_a_long_number_is_located_as_one(number, height, distance, size):
    image = Image.new("RGB", size, (200, 196, 184))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(height)
    for place, digit in enumerate(number):
        at = size[0] / 2 + (place - (len(number) - 1) / 2) * distance
        draw.text((at, size[1] / 2), digit, (30, 30, 40), font, anchor="mm")
    (reading,) = number_zoo.read_all(image, SMALL_WEIGHTS)
    assert reading.number == number


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 480), (1, 1.5)),
        ((50, 20), (4, 6)),
        ((100, 128), (2, 3)),
        ((1, 1), (4, 6)),
        ((1600, 900), (0.4, 1.28)),
        ((3000, 4096), (0.15625, 0.5)),
        ((16384, 2304), (0.0390625, 0.25)),
        ((30, 30720), (640 / 30720, 1.5)),
    ],
)
def test_an_image_is_given_at_an_overview_and_a_detail_scale(size, expected):
    assert scales(*size) == expected


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (5000, 2), (33, 65)])
def test_images_of_any_shape_are_searched(shape, reader):
    assert reader.read_all(np.full((*shape, 3), 90, np.uint8)) == []


@pytest.mark.parametrize("turn", range(4))
def test_a_crop_is_turned_and_boxes_are_turned_back(turn):
    image = np.zeros((50, 80, 3), np.uint8)
    image[20:30, 40:64] = 1
    box = np.float32([40, 20, 64, 30])
    crop = UprightCrop.around(image, box, turn)
    rows, columns = np.nonzero(crop.pixels[..., 0])
    upright = np.float32([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    np.testing.assert_array_equal(crop.in_image(upright), box)
    np.testing.assert_allclose(crop.in_image(crop.window), [35, 16.5, 69, 33.5], atol=1e-4)
    assert np.array_equal(crop.pixels, np.rot90(image[16:34, 35:69], turn))


def slope(top):
    """Six boxes in a line that slopes upwards."""
    return [(20 * x, top - 4 * x, 20 * x + 15, top - 4 * x + 10) for x in range(6)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([(50, 0, 60, 10), (0, 3, 40, 13), (70, 30, 80, 40), (0, 34, 10, 44)], [1, 0, 3, 2]),
        # A line that slopes; and one large number beside two small ones.
        ([(90, 8, 99, 18), (0, 0, 9, 10), (40, 4, 49, 14)], [1, 2, 0]),
        ([(0, 0, 50, 100), (60, 0, 70, 10), (60, 90, 70, 100)], [1, 0, 2]),
        ([(0, 0, 10, 10), (0, 90, 10, 100), (20, 0, 70, 100)], [0, 2, 1]),
        # Centers that differ by less, and by more than half the height.
        ([(20, 0, 30, 20), (0, 9, 10, 29)], [1, 0]),
        ([(20, 0, 30, 20), (0, 11, 10, 31)], [0, 1]),
        # A number above and one below the middle of a line that slopes upwards.
        ([*slope(60), (0, 50, 12, 52)], [6, *range(6)]),
        ([*slope(60), (0, 58, 12, 60)], [*range(7)]),
        # Two lines that slope by more than their distance, in several orders.
        (slope(90) + slope(106), [*range(12)]),
        (slope(106)[::-1] + slope(90)[::-1], [*range(11, -1, -1)]),
    ],
)
def test_reading_order(rows, expected):
    assert boxes.reading_order(np.float32(rows).reshape(-1, 4)) == expected


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (("123", 0.9, (0, 0, 12, 10)), ["123"]),  # the same, less sure
        (("7", 0.9, (2, 0, 22, 10)), ["123"]),  # another reading of the same place
        (("12", 0.9, (0, 0, 12, 10)), ["123"]),  # a part of it
        (("12", 0.99, (0, 0, 12, 10)), ["12"]),  # surer than the whole
        (("7", 0.9, (0, 0, 8, 10)), ["123", "7"]),  # another number in its box
        (("123", 0.9, (15, 0, 35, 10)), ["123", "123"]),  # the same beside it
        (("12", 0.9, (10, 0, 30, 10)), ["123", "12"]),  # a part of it that half overlaps
        (("12", 0.9, (0, 0, 8, 10)), ["123"]),  # a part of it in a part of its box
        (("", 0.99, (0, 0, 20, 10)), ["123"]),
    ],
)
def test_a_number_that_is_read_twice_is_given_once(second, expected):
    assert numbers_of([("123", 0.95, (0, 0, 20, 10)), second]) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([("1", 0.98, (0, 0, 6, 10)), ("3", 0.98, (14, 0, 20, 10))], ["1", "3"]),
        ([("1", 0.98, (0, 0, 6, 10)), ("3", 0.96, (14, 0, 20, 10))], ["123"]),
        ([("1", 0.98, (0, 0, 6, 10)), ("1", 0.96, (0, 0, 7, 10))], ["1"]),  # one part, twice
        ([("1", 0.98, (0, 0, 6, 10)), ("7", 0.5, (14, 0, 20, 10))], ["1", "7"]),
    ],
)
def test_a_number_is_whole_unless_all_its_parts_are_likelier_numbers(parts, expected):
    assert numbers_of([("123", 0.95, (0, 0, 20, 10)), *parts]) == expected


def numbers_of(readings):
    """The numbers of an image in which these are located and read: text, confidence and box."""
    count = len(readings)
    arrays = {
        "digits": np.array([[int(d) for d in text.ljust(3, "0")] for text, *_ in readings]),
        "length": np.array([len(text) for text, *_ in readings]),
        "confidence": np.float32([confidence for _, confidence, _ in readings]),
        "crop": np.zeros((count, 4), np.float32),
    }
    located = Locations(
        np.float32([box for *_, box in readings]), np.ones(count), np.zeros(count, int)
    )
    image = np.zeros((20, 40, 3), np.uint8)

    def predict(images, windows):  # what is unsure is read once more: the last
        return number_zoo.Predictions({k: v[-len(images) :].copy() for k, v in arrays.items()})

    (predictions,) = all_numbers.read_located([image], [located], predict)
    return [reading.number for reading in predictions.readings()]


NONE = ("", 0.99)


def read_every(located, whole=NONE, lexicon=None):
    """The readings of an image at whose locations these are read, text and confidence; `whole` is
    what is read in all of it."""
    image, count = np.zeros((20, 40, 3), np.uint8), len(located)
    edges = np.float32([[2, 2, 12, 8]] * count).reshape(-1, 4)
    locations = Locations(edges, np.full(count, 0.9), np.zeros(count, int))

    def predict(images, windows):
        if windows[0] is None:
            return one_row(*whole, crop=(1, 2, 30, 18))
        upside_down = len(images) < count  # what is rejected
        rows = [NONE] * len(images) if upside_down else located
        return number_zoo.Predictions.concatenate([one_row(*row) for row in rows])

    (predictions,) = all_numbers.read_every([image], [locations], predict, lexicon)
    return predictions.readings()


@pytest.mark.parametrize(("rejected", "expected"), [(0, 0.885), (4, 0.885), (8, 0.731), (16, 0.49)])
def test_a_number_is_doubted_where_more_than_four_locations_are_rejected(rejected, expected):
    (reading,) = read_every([*[NONE] * rejected, ("12", 0.6)])
    assert (reading.number, reading.score) == ("12", pytest.approx(0.9))
    assert reading.confidence == pytest.approx(expected, abs=1e-3)
    assert read_every([*[NONE] * 60, ("12", 0.6)]) == []


def test_numbers_outside_of_a_lexicon_are_no_reason_for_doubt():
    def restrict(predictions):  # to 12
        outside = predictions.arrays["digits"][:, 0] != 1
        return number_zoo.Predictions(
            predictions.arrays | {"length": np.where(outside, 0, predictions.arrays["length"])}
        )

    (reading,) = read_every([*[("34", 0.97)] * 40, ("12", 0.97)], lexicon=Mock(restrict=restrict))
    assert reading.number == "12" and reading.confidence > 0.95


@pytest.mark.parametrize(
    ("located", "whole", "expected"),
    [
        ([], ("123", 0.9), "123"),
        ([NONE, NONE], ("123", 0.9), "123"),
        ([], ("123", 0.89), ""),
        ([], NONE, ""),
        ([], ("00", 0.99), ""),  # sockets
        ([], ("70", 0.99), "70"),
        ([("12", 0.5)], ("123", 0.99), "12"),
        ([*[NONE] * 60, ("12", 0.6)], ("123", 0.99), "123"),
    ],
)
def test_a_whole_image_is_read_if_it_is_sure_and_no_located_number_is(located, whole, expected):
    readings = read_every(located, whole)
    assert [reading.number for reading in readings] == ([expected] if expected else [])
    if expected and expected == whole[0]:
        (reading,) = readings
        assert reading.confidence == pytest.approx(whole[1])
        assert (reading.box, reading.turn, reading.score) == ((1, 2, 30, 18), 0, None)


def test_a_number_that_fills_the_image_is_read():
    image = draw_closeup("7")
    reader = Reader(SMALL_WEIGHTS)
    (reading,) = reader.read_all(image)
    assert (reading.number, reading.score) == ("7", None)
    assert reading.confidence == pytest.approx(reader.read(image).confidence)
    assert reader.read_all(image, ["8"]) == []
    assert [one.number for one in reader.read_all(image, ["7", "8"])] == ["7"]


@pytest.mark.parametrize(
    ("opposite", "expected"), [(0.85, [("99", 2, pytest.approx(0.704, abs=1e-3))]), (0.75, [])]
)
def test_an_uncertain_number_is_read_upside_down_too(opposite, expected):
    image = np.zeros((40, 80, 3), np.uint8)
    image[30:, 60:] = 255

    def predict(images, windows):
        return one_row("66", 0.5) if images[0][-1, -1, 0] else one_row("99", opposite)

    located = Locations(np.float32([[20, 10, 60, 30]]), np.array([0.6]), np.array([0]))
    (predictions,) = all_numbers.read_located([image], [located], predict)
    readings = predictions.readings()
    assert [(one.number, one.turn, one.confidence) for one in readings] == expected


@pytest.mark.parametrize(
    ("second", "expected"),
    [(("123", 0.9), "123"), (("103", 0.9), "12"), (("123", 0.1), "12"), (("12", 0.99), "12")],
    ids=["longer", "another", "unsure", "the same"],
)
def test_a_wider_crop_replaces_a_reading_that_it_contains(second, expected):
    script = [("12", 0.8), second]

    def predict(images, windows):  # the number extends beyond its located box
        return one_row(*script.pop(0), box=windows[0])

    located = Locations(np.float32([[20, 10, 60, 30]]), np.array([0.6]), np.array([0]))
    image = np.zeros((40, 200, 3), np.uint8)
    (predictions,) = all_numbers.read_located([image], [located], predict)
    assert not script and predictions.decoded.numbers() == [expected]


@pytest.mark.parametrize(
    ("turned", "expected"),
    [
        ([("71", 0.7), ("17", 0.99), ("", 0.99)], ("17", 2)),
        ([("71", 0.7), ("17", 0.97), ("", 0.99)], ("", 0)),  # unsure
        ([("71", 0.85), ("17", 0.99), ("", 0.99)], ("", 0)),  # ambiguous
        ([("17", 0.85), ("17", 0.99), ("", 0.99)], ("17", 2)),
    ],
)
def test_another_turn_is_read_if_it_is_sure_and_the_only_one(turned, expected):
    script = [("", 0.99), ("", 0.99), *turned]  # as it is, and smoothed
    image = np.zeros((40, 200, 3), np.uint8)
    predictions = read_any_turn([image], [None], lambda *_: one_row(*script.pop(0)), None)
    (reading,) = predictions.readings()
    assert not script and (reading.number, reading.turn) == expected


def test_a_lexicon_restricts_each_prediction_once():
    turned = {row: [("", 0.99), ("17", 0.99), ("", 0.99)] for row in (0, 2)}
    as_it_is = [("", 0.99), ("25", 0.9), ("", 0.99)]
    scripts = [as_it_is, [as_it_is[row] for row in turned], *zip(*turned.values(), strict=True)]
    restricted = []

    class Recorder:
        def restrict(self, predictions):
            restricted.append(predictions.decoded.numbers())
            return predictions

    def predict(images, crops):
        return Predictions.concatenate([one_row(*row) for row in scripts.pop(0)])

    images = [np.zeros((40, 200, 3), np.uint8)] * 3  # too low for small numbers
    predictions = read_any_turn(images, [None] * 3, predict, None, Recorder())
    assert predictions.decoded.numbers() == ["17", "25", "17"] and not scripts
    assert restricted == [["", "25", ""], ["17"], ["17"]]


@pytest.mark.parametrize("turn", range(4))
def test_a_number_of_which_a_part_is_located_is_read_whole(turn, reader):
    image = Image.new("RGB", (560, 120), (90, 90, 90))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(56)
    for place, digit in enumerate("00471382"):
        draw.rectangle((40 + 60 * place, 20, 92 + 60 * place, 100), fill="black")
        draw.text((66 + 60 * place, 60), digit, "white", font, anchor="mm")
    box = boxes.turn_box((190, 35, 503, 85), -turn, 560, 120)
    located = Locations(box[None], np.float32([0.9]), np.array([turn]))
    turned = np.rot90(np.asarray(image), -turn)
    (predictions,) = reader.predict_all([turned], [located])
    (reading,) = predictions.readings()
    assert (reading.number, reading.turn) == ("00471382", turn)
    assert boxes.turn_box(reading.box, turn, *turned.shape[1::-1])[0] < 90


def test_a_locator_is_opened_only_where_it_is_needed(plate_locator, tmp_path, monkeypatch):
    image = scene(places=PLACES[:1])
    with pytest.raises(ValueError, match=r"gone\.onnx: there is no such file"):
        Reader(SMALL_WEIGHTS, locator=tmp_path / "gone.onnx")
    with pytest.raises(ValueError, match=r"any10\.onnx reads numbers and does not find them"):
        Reader(SMALL_WEIGHTS, locator=onnx_file(SMALL_WEIGHTS))
    monkeypatch.setattr(locator.published, "DEFAULT_LOCATOR", "locator.other")
    missing = Reader(SMALL_WEIGHTS)
    assert missing.read(image).number == "175"
    with pytest.raises(ValueError, match=r"locator\.other"):
        missing.read_all(image)
    for weights in (plate_locator, "locator.scenes"):
        with pytest.raises(ValueError, match=r" finds numbers and does not read them: it is for "):
            open_reader(weights)


def test_published_weights_are_listed_by_what_they_are_for(monkeypatch, tmp_path):
    monkeypatch.setattr(number_zoo.published, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="Known: none, or the path"):
        Locator("mine")
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text(json.dumps({"task": "locate"}))
    lists = [number_zoo.list_weights(*task) for task in ((), ("locate",), (None,))]
    assert lists == [["a"], ["b"], ["a", "b"]]
    assert number_zoo.card("b") == {"task": "locate"}
