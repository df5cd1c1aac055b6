"""Published weights: a name gives the reader that its card describes, or a clear error."""

import json

import numpy as np
import pytest

import models
from models import published


@pytest.mark.parametrize("name", models.list_weights())
def test_what_comes_with_the_project_is_what_its_card_says(name):
    card = models.card(name)
    model = models.create(card["model"], weights=name)
    assert model.count_params() == card["parameters"]
    assert list(model.input_shape[1:]) == card["arguments"]["input_shape"]
    assert card["figures"] and all(figure["command"] for figure in card["figures"])
    black, white = np.zeros((2, *model.input_shape[1:]), "float32")
    white += 255
    readings = models.decode_predictions(model.predict(np.stack([black, white]), verbose=0))
    assert np.isfinite(readings.log_probability).all()


def test_weights_load_by_name_and_what_is_wrong_is_told(tmp_path, monkeypatch):
    model = models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=2)
    model.save(tmp_path / "tiny.keras")
    digest = models.file_digest(tmp_path / "tiny.keras")
    (tmp_path / "tiny.json").write_text(
        json.dumps({"model": "residual_cnn_tiny", "sha256": digest})
    )
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    assert models.list_weights() == ["tiny"]
    again = models.create("residual_cnn_tiny", weights="tiny")
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"unknown weights 'tin'\. Known: tiny"):
        models.card("tin")
    with pytest.raises(ValueError, match="are of residual_cnn_tiny as it was trained"):
        models.create("deep_cnn", weights="tiny")
    (tmp_path / "tiny.keras").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"tiny\.keras is damaged"):
        published.load("tiny")
    (tmp_path / "tiny.keras").unlink()
    with pytest.raises(ValueError, match="Received: no file"):
        published.load("tiny")
