"""The inference graph: crop and resize, glimpses, quarters, decoding."""

import json

import keras
import numpy as np
import pytest

import models
from datasets.crops import prepare_image
from inference import Reader, boxes, graph
from inference.resize import crop_and_resize, to_gray


@pytest.fixture
def scripted(model, monkeypatch):
    """A function that runs the graph on a scripted model; it returns outputs and crops read."""

    def run(script, shape, max_glimpses=4, temperature=1.0, **inputs):
        crops_read = []

        def predict(self, pixels, crops, image_sizes, active):
            crops_read.append(np.array(crops))
            predicted, lengths = script(len(crops_read), crops_read[-1])
            length = np.full((len(predicted), 5), -9.0)
            length[np.arange(len(predicted)), lengths] = 0.0
            digits = np.zeros((len(predicted), 3, 10))
            digits[..., 7] = 5.0
            attention = np.full(
                (len(predicted), *self.model.output["attention"].shape[1:]), len(crops_read)
            )
            outputs = {"length": length, "digits": digits, "box": predicted, "attention": attention}
            return {k: keras.ops.convert_to_tensor(np.float32(v)) for k, v in outputs.items()}

        monkeypatch.setattr(graph.ReadNumbers, "_predict", predict)
        layer = graph.ReadNumbers(model, max_glimpses, temperature)
        outputs = layer(np.zeros((*shape, 3), np.uint8), **inputs)
        return {name: np.array(value) for name, value in outputs.items()}, np.array(crops_read)

    return run


def test_the_second_glimpse_is_the_expanded_box_of_the_first(scripted, monkeypatch):
    monkeypatch.setattr(boxes, "MARGIN", 0.5)
    result, crops_read = scripted(lambda *_: ([[0.5, 0.5, 0.75, 0.75]], 2), (1, 100, 200), 2)
    np.testing.assert_allclose(crops_read[0], [[0, 0, 200, 100]])
    np.testing.assert_allclose(crops_read[1], [[87.5, 43.75, 162.5, 81.25]])
    np.testing.assert_allclose(result["crop"], crops_read[1])
    assert (result["attention"] == 2).all()
    np.testing.assert_allclose(result["box"], [[125, 62.5, 143.75, 71.875]])
    assert result["digits"].tolist() == [[7, 7, -1]] and result["length"] == [2]


def test_glimpses_end_where_the_crop_no_longer_shrinks_image_by_image(scripted):
    stays, shrinks = [0.3, 0.0, 0.7, 1.0], [0.4, 0.4, 0.6, 0.6]
    _, crops_read = scripted(lambda *_: ([stays], 1), (1, 90, 90))
    assert len(crops_read) == 2
    result, crops_read = scripted(lambda *_: ([stays, shrinks], 1), (2, 600, 600))
    assert len(crops_read) == 4
    np.testing.assert_allclose(result["crop"][1], crops_read[3, 1])
    np.testing.assert_allclose(result["crop"][0], crops_read[1, 0])
    assert (np.diff(crops_read[:, 1, 2] - crops_read[:, 1, 0]) < 0).all()


def test_a_high_confidence_ends_the_glimpses_image_by_image(scripted, monkeypatch):
    monkeypatch.setattr(graph, "SURE_CONFIDENCE", 0.9)  # one digit has 0.94, three have 0.83
    box = [0.4, 0.4, 0.6, 0.6]
    result, crops_read = scripted(lambda *_: ([box, box], [1, 3]), (2, 600, 600), 2)
    assert len(crops_read) == 2
    np.testing.assert_allclose(result["crop"], [crops_read[0, 0], crops_read[1, 1]])
    assert result["length"].tolist() == [1, 3]


def test_glimpses_are_averaged_as_log_probabilities_and_divided_by_the_temperature(scripted):
    def script(glimpse, _):
        return [[0.2, 0.2, 0.4, 0.4]], 1 if glimpse == 1 else 2

    plain, _ = scripted(script, (1, 50, 80), 3)
    length = plain["length_log_probs"][0]
    assert plain["length"] == [2]
    assert length[2] - length[1] == pytest.approx(3.0)  # (9 + 9 − 9) / 3
    calibrated = scripted(script, (1, 50, 80), 3, 4.0)[0]["length_log_probs"][0]
    assert calibrated[2] - calibrated[1] == pytest.approx(0.75)


def test_the_first_crop_can_be_given(scripted):
    crops = np.float32([[40, 20, 55, 30], [0, 0, 0, 0]])
    result, crops_read = scripted(
        lambda _, crops: ([[0.4, 0.4, 0.5, 0.5]] * 2, 3), (2, 60, 60), 1, crops=crops
    )
    np.testing.assert_allclose(crops_read, [[crops[0], [0, 0, 60, 60]]])
    assert result["length"].tolist() == [3, 3]


def quarters_script(calls, crops):
    """The number lies in the second quarter; the third cuts it off, at the left in the first image
    and at the bottom in the second; the fourth has another one of a lower confidence."""
    boxes = {2: [[0.3, 0.3, 0.5, 0.5]] * 2, 3: [[0.02, 0.3, 0.2, 0.5], [0.4, 0.8, 0.5, 0.98]]}
    lengths = {1: 0, 2: 2, 3: 1}
    return boxes.get(calls - 1, [[0.4, 0.4, 0.5, 0.5]] * 2), lengths.get(calls - 1, 3)


def test_quarters_are_read_where_a_small_number_has_a_low_confidence(scripted, monkeypatch):
    monkeypatch.setattr(graph, "SEARCH_CONFIDENCE", 0.99)  # fewer digits, higher confidence
    monkeypatch.setattr(graph, "SURE_CONFIDENCE", 0.0)  # one glimpse of each
    result, crops_read = scripted(quarters_script, (2, 100, 200), 2)
    np.testing.assert_allclose(crops_read[1:, 0], graph.REGIONS[1:] * [200, 100, 200, 100])
    assert result["digits"].tolist() == [[7, 7, -1]] * 2, "of the quarter that holds all of it"
    np.testing.assert_allclose(result["crop"], crops_read[2])
    assert result["box"][0, 0] >= 60
    crops = np.float32([[0, 0, 200, 100]] * 2)
    _, crops_read = scripted(quarters_script, (2, 100, 200), 2, crops=crops)
    assert len(crops_read) == 1, "a given crop is not left"
    _, crops_read = scripted(quarters_script, (2, 100, 200), 1)
    assert len(crops_read) == 1, "one glimpse is all"


@pytest.mark.parametrize(
    ("box", "length", "temperature"),
    [([0.4, 0.4, 0.5, 0.5], 1, 0.2), ([0.1, 0.1, 0.9, 0.9], 3, 5.0)],
    ids=["confident", "large"],
)
def test_quarters_are_not_read_otherwise(scripted, box, length, temperature):
    _, crops_read = scripted(lambda *_: ([box], length), (1, 100, 200), 4, temperature)
    assert len(crops_read) <= 4


def test_boxes_are_converted_to_pixels_with_ordered_edges():
    fractions, crops = np.float32([[0.75, 0.2, 0.25, 0.6]]), np.float32([[100, 10, 140, 20]])
    np.testing.assert_allclose(boxes.in_pixels(fractions, crops), [[110, 12, 130, 16]])


def test_boxes_are_expanded_within_the_image_to_a_least_size():
    given = np.float32([[10, 10, 20, 20], [0, 29.9, 0.1, 30], [np.nan] * 4])
    whole = np.float32([[0, 0, 500, 30]] * 3)
    result = np.array(boxes.expand_boxes(given, whole))
    np.testing.assert_allclose(result[0], [6.5, 6.5, 23.5, 23.5])
    assert (result[1] >= [0, 25, 4, 30]).all(), "no slivers"
    np.testing.assert_allclose(result[2], whole[2])


def test_a_box_that_is_not_finite_leaves_the_other_images_alone(scripted):
    nan, box = [np.nan] * 4, [0.4, 0.4, 0.6, 0.6]
    alone, _ = scripted(lambda *_: ([box], 1), (1, 600, 600))
    both, _ = scripted(lambda *_: ([nan, box], 1), (2, 600, 600))
    np.testing.assert_allclose(both["crop"][1], alone["crop"][0])


@pytest.mark.parametrize("shape", [(9, 7), (48, 96), (100, 235), (131, 64)])
def test_crops_are_resized_as_in_training(shape):
    rng = np.random.default_rng(0)
    height, width = shape
    image = prepare_image(rng.integers(0, 256, (5, 6, 3), np.uint8), shape, 3).copy()
    image[2:5] = rng.integers(0, 256, (3, width, 3))
    crops = np.float32([[0, 0, width, height], [0.3 * width, 0.25 * height, 0.9 * width, height]])
    # Padding of 255 must not be seen.
    images = np.pad(image, ((0, 5), (0, 9), (0, 0)), constant_values=255)[None].repeat(2, axis=0)
    sizes = np.float32([[width, height]] * 2)
    result = np.array(crop_and_resize(images.astype("float32"), crops, (32, 48), sizes))
    for crop, resized in zip(crops, result, strict=True):
        difference = np.abs(resized - prepare_image(image, (32, 48), 3, box=crop))
        assert difference.max() <= 2 and difference.mean() < 0.5


def test_outside_of_an_image_its_edge_is_repeated():
    image = np.float32([[0, 100], [0, 100]])[None, :, :, None]
    result = crop_and_resize(image, np.float32([[-9, -9, 9, 2]]), (4, 9), np.float32([[2, 2]]))
    result = np.array(result)[0, :, :, 0]
    np.testing.assert_allclose(result[:, :4], 0, atol=1e-3)
    np.testing.assert_allclose(result[:, 6:], 100, atol=1e-3)


def test_gray_is_that_of_pillow():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    difference = np.array(to_gray(image.astype("float32"))) - prepare_image(image, (40, 50), 1)
    assert np.abs(difference).max() < 0.6


@pytest.mark.parametrize("positions", [1, 4])
def test_decoding_is_that_of_the_scores(positions):
    rng = np.random.default_rng(0)
    outputs = {"digits": rng.normal(size=(200, positions, 10)).astype("float32") * 3}
    if positions > 1:
        outputs["length"] = rng.normal(size=(200, positions + 2)).astype("float32") * 3
    expected = models.decode_predictions(outputs)
    result = graph.decode({k: keras.ops.convert_to_tensor(v) for k, v in outputs.items()})
    np.testing.assert_array_equal(result["digits"], expected.digits)
    np.testing.assert_array_equal(result["length"], expected.length)
    np.testing.assert_allclose(result["confidence"], np.exp(expected.log_probability), rtol=1e-4)
    if positions > 1:
        assert set(expected.length) == set(range(positions + 2))


ON_JAX = """
import json, sys, models, numpy as np
from evaluation import Saliency
from inference import Reader
images = [np.load(path) for path in sys.argv[2:]]
model = models.create("deep_cnn_tiny", input_shape=(16, 32, 3))  # without attention
assert Saliency(model).maps(images[0], np.float32([0, 0, 60, 40]), "27").max() == 1
print(json.dumps([vars(reading) for reading in Reader(sys.argv[1]).read(images)]))
"""


def test_other_backends_read_the_same(weights, tmp_path, interpreter):
    rng = np.random.default_rng(3)
    images = [
        prepare_image(rng.integers(0, 256, (6, 9, 3), np.uint8), shape, 3)
        for shape in ((40, 60), (50, 33))
    ]
    paths = [tmp_path / f"{index}.npy" for index in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        np.save(path, image)
    process = interpreter(ON_JAX, weights, *paths, KERAS_BACKEND="jax")
    assert process.wait() == 0, process.output()
    readings = json.loads(process.output().splitlines()[-1])
    for result, expected in zip(readings, Reader(weights).read(images), strict=True):
        assert result["number"] == expected.number
        assert result["confidence"] == pytest.approx(expected.confidence, abs=1e-3)
