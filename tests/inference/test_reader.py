"""The reader: which settings it takes, what it returns."""

import json

import keras
import numpy as np
import pytest

import models
from datasets.crops import prepare_image
from inference import Reader
from number_zoo.command import main
from number_zoo.reader import open_reader
from number_zoo.server.readers import ModelReader


def blank(*shapes):
    return [np.zeros((*shape, 3), np.uint8) for shape in shapes]


def test_a_model_without_a_box_reads_one_glimpse(tmp_path):
    path = tmp_path / "model.keras"
    arguments = {"input_shape": (16, 32, 3), "max_digits": 3, "locate": False, "blocks": (1, 1)}
    models.create("residual_cnn_tiny", **arguments).save(path)
    reader = Reader(path)
    assert reader.max_glimpses == 1
    assert reader.read(blank((20, 30)))[0].box is None
    with pytest.raises(ValueError, match="predicts no box"):
        Reader(path, max_glimpses=2)


def test_gray_single_digits_are_read(tmp_path):
    path = tmp_path / "model.keras"
    models.create("logistic_regression", input_shape=(28, 28, 1), max_digits=1).save(path)
    image = np.zeros((28, 28, 3), np.uint8)
    image[:, :14, 0] = image[:, 14:, 2] = 255
    reading = Reader(path).read(image)
    (logits,) = models.load(path)(prepare_image(image, (28, 28), 1)[None])["digits"]
    assert reading.number == str(np.argmax(logits)) and reading.box is None
    assert reading.confidence == pytest.approx(
        float(keras.ops.max(keras.ops.softmax(logits))), abs=0.01
    )
    served = ModelReader(str(path))
    assert served.description.input == (28, 28, 1) and not served.description.finds_box
    answer = served.read(image, explain=True)
    assert answer.number == reading.number and answer.digits[0].attention is None


@pytest.mark.parametrize(
    ("crop", "saved", "expected"),
    [
        ("full", {"temperature": 1.5, "max_glimpses": 3}, (3, 1.5)),
        ("union", {"temperature": 0.8, "max_glimpses": 1}, (1, 0.8)),
        ("union", None, (1, 1.0)),
        ("full", None, (4, 1.0)),
    ],
)
def test_a_run_is_read_with_its_own_settings(crop, saved, expected, weights, tmp_path):
    (tmp_path / "model.keras").write_bytes(weights.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps({"configuration": {"crop": crop}}))
    if saved:
        (tmp_path / "metrics.json").write_text(json.dumps({"inference": saved}))
    reader = Reader(tmp_path)
    assert (reader.max_glimpses, reader.temperature) == expected
    other = Reader(tmp_path, 2, 3.0)
    assert (other.max_glimpses, other.temperature) == (2, 3.0)


def test_a_model_of_another_kind_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    model.save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match=r"other\.keras is not a model of this zoo"):
        Reader(tmp_path / "other.keras")


def test_the_command_reads_a_run_with_keras(weights, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.keras").write_bytes(weights.read_bytes())
    keras.utils.save_img(tmp_path / "a.png", blank((20, 40))[0])
    assert main([str(tmp_path / "a.png"), "--weights", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out.endswith("a.png\n")
    assert isinstance(open_reader(weights), Reader)


def test_a_run_of_mixed_precision_is_read_in_float32(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=3)
        model.save(tmp_path / "mixed.keras")
        reader = Reader(tmp_path / "mixed.keras")
        arrays = reader.predict(blank((20, 30), (50, 20))).arrays
    finally:
        keras.config.set_dtype_policy("float32")
    assert {layer.compute_dtype for layer in reader.model.layers[1:]} == {"float32"}
    expected = Reader(tmp_path / "mixed.keras").predict(blank((20, 30), (50, 20))).arrays
    for name, values in expected.items():
        np.testing.assert_array_equal(arrays[name], values, err_msg=name)
