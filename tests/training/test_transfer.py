"""Weights of one model in another."""

import keras
import numpy as np
import pytest

import models
from training.transfer import transfer_weights


def reader(size, places, name="residual_cnn_tiny"):
    return models.create(name, input_shape=(*size, 3), max_digits=places)


def test_all_layers_come_over_to_another_image_size():
    given, taking = reader((16, 32), 3), reader((24, 64), 3)
    transfer = transfer_weights(taking, given)
    assert not transfer.partly and not transfer.fresh
    for a, b in zip(given.get_weights(), taking.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_more_places_keep_the_classes_that_both_have():
    given, taking = reader((16, 32), 2), reader((16, 32), 5)
    transfer = transfer_weights(taking, given)
    assert set(transfer.partly) == {"where_logits", "length"} and not transfer.fresh
    kernels = [model.get_layer("where_logits").get_weights()[0] for model in (given, taking)]
    np.testing.assert_array_equal(kernels[0], kernels[1][..., :3])
    assert "partly: where_logits, length" in str(transfer)


def test_dense_layers_of_another_size_stay_fresh():
    given, taking = reader((16, 32), 2, "deep_cnn_tiny"), reader((32, 32), 2, "deep_cnn_tiny")
    before = taking.get_layer("dense1").get_weights()[0]
    transfer = transfer_weights(taking, given)
    assert transfer.fresh == ("dense1",)
    np.testing.assert_array_equal(before, taking.get_layer("dense1").get_weights()[0])
    assert "block1_conv" in transfer.whole


def test_models_with_nothing_in_common_are_refused():
    with pytest.raises(ValueError, match="no layer in common"):
        transfer_weights(reader((16, 32), 2), models.create("shallow_cnn"))


def test_weights_that_are_not_there_or_no_model_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"weights are a run folder.*Received: .*nowhere"):
        models.load(tmp_path / "nowhere")
    broken = tmp_path / "broken.keras"
    broken.write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"broken\.keras is not a Keras model"):
        models.load(broken)


def test_a_run_folder_or_a_file_is_loaded(tmp_path):
    model = reader((16, 32), 2)
    model.save(tmp_path / "model.keras")
    for source in (tmp_path, tmp_path / "model.keras"):
        loaded = models.load(source)
        assert isinstance(loaded, keras.Model)
        np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
