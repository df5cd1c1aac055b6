"""The exported graph of a locator."""

import json

import keras
import numpy as np
import pytest

import export
import exporting
import models
from artifacts.files import write_json
from exporting import ExportError, convert, formats, sample
from exporting.check import check_locator
from inference.locator import Locator
from number_zoo.locator import open_locator
from tests.exporting.conftest import OPTIMIZERS, quantized_convolutions


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """An untrained locator that finds many boxes of different scores."""
    keras.utils.set_random_seed(1)
    model = models.create("locator_tiny")
    for name, scale in (("heat", 300), ("distances", 30), ("turns", 30)):
        kernel, bias = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([scale * kernel, bias])
    run = tmp_path_factory.mktemp("runs") / "finder"
    run.mkdir()
    model.save(run / "model.keras")
    write_json(run / "metrics.json", {"inference": {"threshold": 0.4}})
    return run


@pytest.fixture(scope="module")
def expected(weights):
    return open_locator(weights)


def test_the_file_finds_what_keras_finds_in_images_of_any_size(
    weights, expected, tmp_path, capsys, monkeypatch
):
    pytest.importorskip("tf2onnx")
    monkeypatch.setattr(OPTIMIZERS, {})
    monkeypatch.setattr(convert, "Locator", {str(weights): expected}.__getitem__)  # opened already
    out = tmp_path / "finder.onnx"
    arguments = [str(weights), "--format", "onnx", "--out", str(out), "--quantize", "float16"]
    assert export.main([*arguments, "--images", "3"]) == 0
    assert "boxes as in Keras" in capsys.readouterr().out
    description = json.loads((tmp_path / "finder.onnx.json").read_text())
    assert description["check"]["boxes"] > 60 and description["task"] == "locate"
    assert set(description["outputs"]) == {"boxes", "scores", "turns"}
    assert isinstance(expected, Locator) and open_locator(out).metadata["task"] == "locate"
    assert expected.threshold == open_locator(out).metadata["threshold"] == 0.4
    run = formats.open_locator(out)
    for height, width in ((31, 70), (7, 9), (128, 96)):
        image = np.random.default_rng(height).integers(0, 255, (1, height, width, 3), np.uint8)
        of_file, of_graph = run(image), expected.backend({"images": image})
        assert of_file["boxes"].shape == (1, 100, 4) and of_file["turns"].dtype == np.int32
        np.testing.assert_allclose(of_file["scores"], of_graph["scores"], atol=0.02)
        boxes = of_file["boxes"][of_file["scores"] > 0]
        assert (boxes >= 0).all() and (boxes <= [width, height] * 2).all()


def test_int8_finds_what_float32_finds_but_for_rounding(tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("tf2onnx")
    monkeypatch.setattr(OPTIMIZERS, {})
    out = tmp_path / "int8.onnx"
    result = exporting.export("locator.scenes", "onnx", out, quantize="int8", images=8)
    assert result.check.boxes > 20 and result.size < result.reader.model.count_params() * 1.5
    quantized = [*quantized_convolutions(onnx.load(out).graph).values()]
    assert quantized.count(True) > 15
    assert not any([quantized[0], *quantized[-3:]])


def test_a_file_that_differs_is_refused(expected):
    scenes = sample.take_scenes(None, 2)

    def shifted(image):
        outputs = expected.backend({"images": image})
        return outputs | {"boxes": outputs["boxes"] + 9}

    def unsure(image):
        outputs = expected.backend({"images": image})
        return outputs | {"scores": 0.9 * outputs["scores"]}

    def turned(image):
        outputs = expected.backend({"images": image})
        return outputs | {"turns": (outputs["turns"] + 1) % 4}

    def fewer(image):
        outputs = expected.backend({"images": image})
        return outputs | {"scores": outputs["scores"] * (np.arange(100) < 10)}

    for change in (shifted, turned, fewer):
        with pytest.raises(ExportError, match="have no counterpart in the other"):
            check_locator(change, expected, scenes, None)
    with pytest.raises(ExportError, match="scores of the file differ"):
        check_locator(unsure, expected, scenes, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "litert"], "a locator is exported as onnx. Received: litert"),
        (["--format", "onnx", "--max-glimpses", "2"], "takes no glimpses"),
    ],
)
def test_what_a_locator_has_not_is_an_error(weights, arguments, message, capsys):
    assert export.main([str(weights), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_locator_is_no_reader(weights, make_weights):
    from inference.reader import Reader

    with pytest.raises(ValueError, match="is a locator"):
        Reader(weights)
    reader = make_weights("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=3, blocks=(1, 1))
    with pytest.raises(ValueError, match="is no locator: accepted are the weights of locator"):
        Locator(reader)
