"""Weights of one model in another."""

import numpy as np
import pytest

import models
from training.transfer import transfer_weights


def create(size, max_digits, name="residual_cnn_tiny"):
    return models.create(name, input_shape=(*size, 3), max_digits=max_digits)


def test_all_layers_are_copied_to_another_image_size():
    donor, model = create((16, 32), 3), create((24, 64), 3)
    transfer = transfer_weights(model, donor)
    assert not transfer.partial and not transfer.fresh
    for a, b in zip(donor.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_larger_max_digits_keeps_the_common_classes():
    donor, model = create((16, 32), 2), create((16, 32), 5)
    before = model.get_layer("length").get_weights()[0]
    transfer = transfer_weights(model, donor)
    assert "length" in transfer.partial and not transfer.fresh
    kernel, donated = (m.get_layer("length").get_weights()[0] for m in (model, donor))
    np.testing.assert_array_equal(kernel[..., :4], donated)
    np.testing.assert_array_equal(kernel[..., 4:], before[..., 4:])
    assert "partly copied: " in str(transfer)


def test_dense_layers_of_another_size_are_not_copied():
    donor, model = create((16, 32), 2, "deep_cnn_tiny"), create((32, 32), 2, "deep_cnn_tiny")
    before = model.get_layer("dense1").get_weights()[0]
    transfer = transfer_weights(model, donor)
    assert transfer.fresh == ("dense1",) and "block1_conv" in transfer.copied
    np.testing.assert_array_equal(before, model.get_layer("dense1").get_weights()[0])


def test_a_deeper_model_starts_with_the_outputs_of_its_donor():
    arguments = {"input_shape": (32, 64, 3), "max_digits": 3}
    donor = models.create("conv_transformer_tiny", **arguments)
    deeper = {"blocks": (2, 2), "encoder_layers": 2}
    model = models.create("conv_transformer_tiny", **arguments, **deeper)
    transfer = transfer_weights(model, donor)
    assert {"stage1_block2_a_conv", "encoder2_attention"} <= set(transfer.fresh)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 64, 3)).astype("float32")
    for name, expected in donor(images).items():
        np.testing.assert_allclose(model(images)[name], expected, atol=1e-4)


def test_models_with_nothing_in_common_are_refused():
    with pytest.raises(ValueError, match="no layer in common"):
        transfer_weights(create((16, 32), 2), models.create("shallow_cnn"))


def test_weights_that_cannot_be_loaded_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"weights are a run folder.*Received: .*nowhere"):
        models.load(tmp_path / "nowhere")
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"damaged\.keras is not a Keras model"):
        models.load(damaged)
