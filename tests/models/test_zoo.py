"""Every model of the registry, by one table."""

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import labels
import models
from models.losses import losses, uniform_loss
from models.metrics import SequenceScores, negative_log_likelihood
from tests.conftest import COMPILE_FAST

# What the test machine can build in a second; the published net has its own test below.
NAMES = [name for name in models.list_models() if name != "deep_cnn_goodfellow"]
SMALL = {
    "deep_cnn": {"filters": (8, 12, 16, 16, 24)},
    "residual_cnn": {"stem_filters": 8, "filters": (12, 24), "blocks": (1, 2), "dropout": 0.0},
    "residual_cnn_small": {"stem_filters": 8, "filters": (8, 16), "blocks": (1, 2), "dropout": 0.0},
    "shallow_cnn": {"filters": (12, 16), "dense_units": 64, "dropout": 0.0},
}


def some_images(shape, count, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (count, *shape)).astype("float32")


def some_numbers(count, places, seed=0):
    rng = np.random.default_rng(seed)
    numbers = [
        "".join(map(str, rng.integers(0, 10, rng.integers(1, places + 1)))) for _ in range(count)
    ]
    encoded = [labels.encode(number, places) for number in numbers]
    truth = {"digits": np.stack([digits for _, digits in encoded])}
    if places > 1:
        truth["length"] = np.array([length for length, _ in encoded], "int32")
    return truth


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (41, 75, 3), (48, 96, 1)])
@pytest.mark.parametrize("places", [1, 5])
@pytest.mark.parametrize("name", NAMES)
def test_takes_any_image_and_gives_the_named_logits(name, places, shape):
    model = models.create(name, input_shape=shape, max_digits=places, **SMALL.get(name, {}))
    outputs = model(some_images(shape, 2))
    assert set(outputs) - {"box"} == ({"digits"} if places == 1 else {"length", "digits"})
    assert outputs["digits"].shape == (2, places, 10)
    assert all(keras.backend.standardize_dtype(o.dtype) == "float32" for o in outputs.values())
    if places > 1:
        assert outputs["length"].shape == (2, places + 2)
    if "box" in outputs:
        box = np.asarray(outputs["box"])
        assert places > 1 and box.shape == (2, 4)
        assert (box >= 0).all() and (box <= 1).all()


@pytest.mark.parametrize("name", NAMES)
def test_starts_near_the_loss_of_a_uniform_guess(name):
    keras.utils.set_random_seed(0)
    model = models.create(name, input_shape=(32, 48, 3), max_digits=3, **SMALL.get(name, {}))
    truth = some_numbers(64, 3)
    outputs = model.predict(some_images((32, 48, 3), 64), verbose=0)
    found = negative_log_likelihood(outputs, truth).mean()
    assert found == pytest.approx(uniform_loss(3, truth["length"]), rel=0.35)


@pytest.mark.parametrize("name", NAMES)
def test_can_memorise_32_images(name):
    keras.utils.set_random_seed(0)
    shape = (24, 32, 1)
    model = models.create(name, input_shape=shape, max_digits=2, **SMALL.get(name, {}))
    images, truth = some_images(shape, 32), some_numbers(32, 2)
    model.compile(keras.optimizers.Adam(1e-2), loss=losses(2), jit_compile=False)
    # One epoch of many steps: what Keras does around an epoch takes longer than these steps.
    batches = ((images, truth) for _ in range(80))
    model.fit(batches, steps_per_epoch=80, shuffle=False, verbose=0)
    scores = SequenceScores()
    scores.update(model.predict(images, verbose=0), truth)
    assert scores.result()["sequence_accuracy"] == 1


@pytest.mark.parametrize("name", NAMES)
def test_saves_loads_and_reads_one_image_as_it_reads_many(name, tmp_path):
    shape = (32, 40, 3)
    model = models.create(name, input_shape=shape, max_digits=3, **SMALL.get(name, {}))
    images = some_images(shape, 5)
    together = model.predict(images, verbose=0)
    alone = model.predict(images[2:3], verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras").predict(images, verbose=0)
    for key in together:
        np.testing.assert_allclose(loaded[key], together[key], atol=1e-5)
        np.testing.assert_allclose(alone[key][0], together[key][2], atol=1e-4)


def test_images_may_be_uint8():
    model = models.create("residual_cnn_tiny", input_shape=(32, 64, 3), max_digits=2)
    images = some_images((32, 64, 3), 2).astype("uint8")
    as_float = model.predict(images.astype("float32"), verbose=0)
    np.testing.assert_allclose(model.predict(images, verbose=0)["digits"], as_float["digits"])


def test_logistic_regression_on_mnist_has_7850_parameters():
    assert models.create("logistic_regression").count_params() == 7850


def test_published_net_has_the_published_layers():
    keras.backend.clear_session()
    model = models.create("deep_cnn_goodfellow")
    convolutions = [layer for layer in model.layers if layer.name.endswith("_conv")]
    assert [layer.kernel.shape[-1] for layer in convolutions] == [
        48 * 3, 64, 128, 160, 192, 192, 192, 192
    ]  # fmt: skip
    assert all(layer.kernel.shape[:2] == (5, 5) for layer in convolutions)
    assert model.get_layer("local").kernel.ndim == 3
    assert [model.get_layer(f"dense{i}").units for i in (1, 2)] == [3072, 3072]


def test_maxout_takes_the_largest_piece_of_each_unit():
    model = models.create(
        "deep_cnn_tiny",
        input_shape=(8, 8, 1),
        maxout_pieces=3,
        normalization="none",
        normalize_contrast=False,
    )
    images = some_images((8, 8, 1), 2)
    layers = [model.get_layer(name).output for name in ("block1_conv", "block1_units")]
    pieces, units = keras.Model(model.input, layers).predict(images, verbose=0)
    np.testing.assert_allclose(units, pieces.reshape(2, 8, 8, 8, 3).max(-1), rtol=1e-6)


def test_locally_connected_layer_has_weights_of_its_own_at_each_place():
    model = models.create(
        "deep_cnn_tiny",
        input_shape=(8, 8, 1),
        pool_strides=(2, 1, 1),
        locally_connected_filters=5,
    )
    inside = keras.Model(
        model.input, [model.get_layer(n).output for n in ("local_pad", "local_map")]
    )
    layer = model.get_layer("local")
    layer.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in layer.get_weights()])
    padded, found = inside.predict(some_images((8, 8, 1), 1), verbose=0)
    kernel, bias = layer.get_weights()
    for row, column in [(0, 0), (1, 2), (3, 3)]:
        window = padded[0, row : row + 3, column : column + 3].reshape(-1)
        place = row * 4 + column
        expected = np.maximum(window @ kernel[place] + bias[place], 0)
        np.testing.assert_allclose(found[0, row, column], expected, rtol=1e-4, atol=1e-4)


def test_attention_of_each_place_sums_to_one():
    model = models.create("residual_cnn_tiny", input_shape=(32, 64, 3), max_digits=4)
    where = keras.Model(model.input, model.get_layer("where").output)
    maps = where.predict(some_images((32, 64, 3), 2), verbose=0)
    assert maps.shape == (2, 4 * 8, 1 + 4)
    np.testing.assert_allclose(maps.sum(1), 1, rtol=1e-5)


def test_multiply_adds_of_a_net_counted_by_hand():
    found = models.describe("shallow_cnn", input_shape=(28, 28, 1))
    by_hand = 28 * 28 * 25 * 32 + 14 * 14 * 25 * 32 * 64 + 7 * 7 * 64 * 256 + 256 * 10
    assert found["multiply_adds"] == by_hand
    assert found["parameters"] == models.create("shallow_cnn").count_params()


def test_wildcards():
    assert models.list_models("residual_*")[0] == "residual_cnn"
    assert models.list_models("nothing*") == []


def test_configuration_is_json_and_builds_the_same_model():
    arguments = models.configuration("deep_cnn", filters=[8, 8], kernel_size=[3, 5])
    again = json.loads(json.dumps(arguments))
    built = models.create("deep_cnn", **again)
    assert (
        built.count_params()
        == models.create("deep_cnn", filters=(8, 8), kernel_size=(3, 5)).count_params()
    )


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("deep_cn", {}, r"unknown model 'deep_cn'\. Known: deep_cnn"),
        ("deep_cnn", {"filter": 3}, r"unknown argument of deep_cnn 'filter'\. Known: filters"),
        ("deep_cnn", {"pool_strides": (1, 2)}, "one value for each of 5 blocks"),
        ("deep_cnn", {"normalization": "layer"}, "batch, subtractive, none.*Received: 'layer'"),
        ("deep_cnn", {"max_digits": 0}, "at least 1"),
        ("deep_cnn", {"input_shape": (64, 64)}, r"\(height, width, channels\)"),
        ("deep_cnn", {"input_shape": (64, 64, 2)}, "1 channel .* or 3"),
        ("residual_cnn", {"blocks": (1, 2, 3)}, "one value for each stage"),
        ("shallow_cnn", {"filters": (8,)}, "two convolutions"),
    ],
)
def test_wrong_arguments_say_what_is_accepted(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        models.create(name, **arguments)


BACKEND_JOB = """
import keras, numpy as np, models
from models.metrics import SequenceScores
from models.losses import losses
assert keras.backend.backend() == {backend!r}
rng = np.random.default_rng(0)
for name in {names!r}:
    model = models.create(name, input_shape=(16, 24, 1), max_digits=2, **{small!r}.get(name, {{}}))
    model.compile("adam", loss=losses(2))
    images = rng.uniform(0, 255, (8, 16, 24, 1)).astype("float32")
    truth = {{"length": np.full(8, 2), "digits": rng.integers(0, 10, (8, 2))}}
    history = model.fit(images, truth, epochs=2, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all(), name
    if name == {names!r}[0]:
        scores = SequenceScores()
        scores.update(model.predict(images, verbose=0), truth)
        loss = model.evaluate(images, truth, verbose=0, return_dict=True)["loss"]
        np.testing.assert_allclose(scores.result()["loss"], loss, rtol=1e-4)
    print(name)
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_architecture_trains_on_other_backends(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    # One of each architecture: they take seconds to compile.
    names = ["logistic_regression", "shallow_cnn", "deep_cnn_tiny", "residual_cnn_tiny"]
    job = BACKEND_JOB.format(backend=backend, names=names, small=SMALL)
    environment = os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": COMPILE_FAST}
    done = subprocess.run(
        [sys.executable, "-c", job], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == names
