"""Published weights: a name gives the model that its card describes, or a clear error."""

import json

import numpy as np
import pytest

import models
import number_zoo.published
from models import published


@pytest.mark.parametrize("name", models.list_weights())
def test_published_weights_agree_with_their_card(name):
    card = models.card(name)
    model = models.load(name)
    assert model.count_params() == card["parameters"]
    assert card["arguments"] == models.configuration(card["model"], **card["arguments"])
    assert list(model.input_shape[1:]) == card["arguments"]["input_shape"]
    assert card["figures"] and all(figure["command"] for figure in card["figures"])
    assert models.inference_config(name)["temperature"] > 0
    # The photos of training and selection: evaluating on them must give a warning.
    assert {"street_numbers train", "street_numbers validation"} <= set(models.training_data(name))
    black, white = np.zeros((2, *model.input_shape[1:]), "float32")
    white += 255
    predictions = models.decode_predictions(model(np.stack([black, white])))
    assert np.isfinite(predictions.log_probability).all()


def test_a_published_file_is_loaded_by_keras_alone(interpreter):
    code = (
        "import keras, sys; keras.models.load_model(sys.argv[1]); sys.exit('models' in sys.modules)"
    )
    weights = published.weights_file("street_numbers_small")
    process = interpreter(code, weights, KERAS_BACKEND="tensorflow")  # without `models`
    assert process.wait() == 0, process.output()[-2000:]


def test_weights_load_by_name_and_errors_say_what_is_wrong(tmp_path, monkeypatch):
    model = models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=2)
    model.save(tmp_path / "tiny.keras")
    digest = models.file_digest(tmp_path / "tiny.keras")
    (tmp_path / "tiny.json").write_text(
        json.dumps({"model": "residual_cnn_tiny", "sha256": digest})
    )
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    monkeypatch.setattr(number_zoo.published, "FOLDER", tmp_path)
    assert models.list_weights() == ["tiny"]
    loaded = models.load("tiny")
    for weight, saved in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, saved)
    with pytest.raises(ValueError, match=r"unknown weights 'tin'\. Known: tiny"):
        models.card("tin")
    (tmp_path / "tiny.keras").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"tiny\.keras is damaged"):
        published.load("tiny")
    (tmp_path / "tiny.keras").unlink()
    with pytest.raises(ValueError, match="Received: no file"):
        published.load("tiny")


def test_a_folder_that_is_no_usable_run_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"has no model\.keras: no epoch of this run"):
        models.model_file(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"model\.keras is not a Keras model .* it is damaged"):
        models.load(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ValueError, match=r"config\.json is damaged: it is no JSON object"):
        models.provenance_of(tmp_path)
    (tmp_path / "config.json").write_text('{"configuration": {"arguments": {}}}')
    assert models.architecture_of(tmp_path) is None
