"""How a reader looks: at all of an image, then near the box it found."""

import numpy as np
import pytest

import models
from inference import Reader
from inference import reader as reader_module


@pytest.fixture
def scripted(weights, monkeypatch):
    """A reader whose model answers from a script, with the parts it was shown."""

    def make(script, max_glimpses=None):
        reader, shown = Reader(weights, max_glimpses), []

        def look_once(images, parts):
            shown.append(parts.copy())
            boxes, lengths = script(len(shown), parts)
            length = np.full((len(parts), 5), -9.0)
            length[np.arange(len(parts)), lengths] = 0.0
            digits = np.zeros((len(parts), 3, 10))
            digits[..., 7] = 5.0
            return {"length": length, "digits": digits, "box": np.float32(boxes)}

        monkeypatch.setattr(reader, "_look_once", look_once)
        return reader, shown

    return make


def blank(*shapes):
    return [np.zeros((*shape, 3), np.uint8) for shape in shapes]


def test_the_second_look_is_at_the_box_of_the_first_grown(scripted, monkeypatch):
    monkeypatch.setattr(reader_module, "MARGIN", 0.5)
    reader, shown = scripted(lambda look, parts: ([[0.5, 0.5, 0.75, 0.75]] * len(parts), 2), 2)
    reading = reader.read(blank((100, 200)))[0]
    np.testing.assert_allclose(shown[0], [[0, 0, 200, 100]])
    np.testing.assert_allclose(shown[1], [[87.5, 43.75, 162.5, 81.25]])
    # The box of the last look, in pixels of the image.
    np.testing.assert_allclose(reading.box, [125, 62.5, 143.75, 71.875])
    assert reading.number == "77"


def test_it_looks_again_only_while_that_brings_it_nearer(scripted):
    """The first image's number fills what is shown at once, the second's is ever smaller."""

    def script(look, parts):
        filled, small = [0.1, 0.1, 0.9, 0.9], [0.4, 0.4, 0.6, 0.6]
        return ([filled, small] if len(parts) == 2 and look == 1 else [small] * len(parts)), 1

    def stays(look, parts):
        return [[1 / 6, 1 / 6, 5 / 6, 5 / 6]] * len(parts), 1

    reader, shown = scripted(stays)
    reader.read(blank((90, 90)))
    assert len(shown) == 2
    reader, shown = scripted(script)
    reader.read(blank((600, 600), (600, 600)))
    assert [len(parts) for parts in shown] == [2, 2, 2, 2]
    assert (np.diff([parts[1, 2] - parts[1, 0] for parts in shown]) < 0).all()


def test_where_there_is_no_number_there_is_no_box(scripted):
    reader, _ = scripted(lambda look, parts: ([[0.4, 0.4, 0.6, 0.6]] * len(parts), 0), 1)
    reading = reader.read(blank((40, 60)))[0]
    assert reading.number == "" and reading.box is None


def test_looks_are_put_together_as_the_mean_of_their_log_probabilities(scripted):
    reader, _ = scripted(lambda look, parts: ([[0.2, 0.2, 0.4, 0.4]], 1 if look == 1 else 2), 3)
    seen = reader.look(blank((50, 80)))
    length = seen.outputs["length"][0]
    assert seen.readings.numbers() == ["77"]  # two looks of three say so
    assert length[2] - length[1] == pytest.approx(3.0)  # (9 + 9 - 9) / 3


def test_parts_stay_in_the_image_and_are_never_slivers(scripted):
    reader, shown = scripted(lambda look, parts: ([[0.0, 0.99, 0.001, 1.0]] * len(parts), 1))
    reader.read(blank((30, 500), (3, 3)))
    for parts in shown[1:]:
        assert (parts[:, :2] >= 0).all()
        assert (parts[:, 2:] <= [[500, 30], [3, 3]][: len(parts)]).all()
        assert (parts[:, 2:] - parts[:, :2] > 1).all()


def test_a_model_without_a_box_looks_once_and_cannot_be_asked_for_more(tmp_path):
    path = tmp_path / "model.keras"
    arguments = {"input_shape": (16, 32, 3), "max_digits": 3, "locate": False}
    models.create("residual_cnn_tiny", **arguments).save(path)
    reader = Reader(path)
    assert reader.max_glimpses == 1
    assert reader.read(blank((20, 30)))[0].box is None
    with pytest.raises(ValueError, match="finds no box"):
        Reader(path, max_glimpses=2)


def test_what_is_shown_first_can_be_given(scripted):
    reader, shown = scripted(lambda look, parts: ([[0.2, 0.2, 0.8, 0.8]], 1), 1)
    reader.look(blank((60, 60)), [np.float32([10, 20, 30, 40])])
    np.testing.assert_allclose(shown[0], [[10, 20, 30, 40]])


def test_logits_are_divided_by_the_temperature(weights):
    images = [np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)]
    plain, tempered = (Reader(weights, 1, t).look(images).outputs for t in (1.0, 4.0))
    for name in ("length", "digits"):
        np.testing.assert_allclose(tempered[name], plain[name] / 4, rtol=1e-6)


def test_quarters_are_looked_at_where_a_small_number_was_unsure(scripted, monkeypatch):
    """The number is seen in one quarter alone; in another its end is cut off by the edge."""

    def script(look, parts):
        if len(parts) == 1:  # all of the image, and near what was found there
            return [[0.4, 0.4, 0.5, 0.5]], 3
        boxes = [[0.3, 0.3, 0.5, 0.5], [0.0, 0.3, 0.2, 0.5], *[[0.4, 0.4, 0.6, 0.6]] * 2]
        return boxes[: len(parts)], [2, 1, 0, 0][: len(parts)]

    reader, shown = scripted(script, 2)
    reader.temperature = 1.0
    # Each digit is as sure as any other here, so the fewer, the surer.
    monkeypatch.setattr(reader_module, "UNSURE", 0.99)
    reading = reader.read(blank((100, 200)))[0]
    assert shown[2].shape == (4, 4), "four quarters"
    assert shown[2].min() == 0 and shown[2].max() == 200
    assert reading.number == "77", "not the one at the edge, nor the three of the whole"
    _, _, right, bottom = reading.box
    assert right <= reader_module.QUARTER * 200 and bottom <= reader_module.QUARTER * 100


def test_a_sure_or_large_number_is_not_searched_for(scripted):
    for box, length in ([[0.4, 0.4, 0.5, 0.5], 1], [[0.1, 0.1, 0.9, 0.9], 3]):
        reader, shown = scripted(lambda look, parts, b=box, n=length: ([b] * len(parts), n))
        reader.temperature = 0.2 if length == 1 else 5.0
        reader.read(blank((100, 200)))
        assert all(len(parts) == 1 for parts in shown)
