"""Every reader of the registry, by one table, and what all models have in common."""

import functools

import keras
import keras_tuner as kt
import numpy as np
import pytest
from keras import layers, ops

import labels
import models
from models.losses import losses
from models.metrics import negative_log_likelihood, sequence_scores

# One row for each model: arguments that make it small enough to build in a second.
SMALL = {
    "conv_transformer": {
        "stem_filters": 8,
        "filters": (12, 24),
        "blocks": (1, 1),
        "strides": ((2, 2), (2, 1)),
        "encoder_layers": 1,
        "heads": 2,
        "dropout": 0.0,
    },
    "conv_transformer_small": {
        "filters": (8, 12, 16),
        "blocks": (1, 1, 1),
        "heads": 2,
        "dropout": 0.0,
    },
    "conv_transformer_tiny": {"filters": (16,), "blocks": (1,), "strides": ((2, 2),)},
    "deep_cnn": {"filters": (8, 12, 16, 16, 24)},
    "deep_cnn_goodfellow": {
        "filters": (4, 8),
        "pool_strides": (2, 1),
        "dense_units": (32,),
        "locally_connected_filters": 4,
        "conv_dropout": 0.0,
        "dense_dropout": 0.0,
    },
    "deep_cnn_tiny": {},
    "logistic_regression": {},
    "residual_cnn": {"stem_filters": 8, "filters": (12, 24), "blocks": (1, 2), "dropout": 0.0},
    "residual_cnn_small": {"stem_filters": 8, "filters": (8, 16), "blocks": (1, 2), "dropout": 0.0},
    "residual_cnn_tiny": {"blocks": (1, 1)},
    "shallow_cnn": {"filters": (12, 16), "dense_units": 64, "dropout": 0.0},
    "text_transformer": {"width": 24, "encoder_layers": 1, "heads": 2, "dropout": 0.0},
}
NAMES = models.list_models(task="read")
ONE_PER_BUILDER = list({models.entry(name).builder: name for name in NAMES}.values())


@functools.cache
def create(name, shape=(32, 48, 3), places=3):
    """The small model, with the same initial weights for all tests that do not train it."""
    assert name in SMALL, f"{name} needs a row in SMALL"
    keras.utils.set_random_seed(0)
    return models.create(name, input_shape=shape, max_digits=places, **SMALL[name])


def outputs_of(model, images):
    """As `model.predict`, which would compile with XLA first."""
    return {name: np.asarray(values) for name, values in model(images).items()}


def random_images(shape, count, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (count, *shape)).astype("float32")


def random_labels(count, places, seed=0):
    rng = np.random.default_rng(seed)
    texts = [
        "".join(map(str, rng.integers(0, 10, rng.integers(1, places + 1)))) for _ in range(count)
    ]
    return labels.encode_batch(texts, places)


def test_the_table_has_a_row_for_each_model():
    assert set(SMALL) == set(NAMES), "one row for each reader of the registry"


@pytest.mark.parametrize(("shape", "places"), [((28, 28, 1), 1), ((41, 75, 3), 5)])
@pytest.mark.parametrize("name", NAMES)
def test_accepts_images_of_any_size_and_dtype_and_outputs_named_logits(name, places, shape):
    model = create(name, shape, places)
    images = random_images(shape, 2).astype("uint8")
    outputs = model(images)
    np.testing.assert_allclose(outputs["digits"], model(images.astype("float32"))["digits"])
    assert set(outputs) - {"box"} == ({"digits"} if places == 1 else {"length", "digits"})
    assert outputs["digits"].shape == (2, places, 10)
    assert all(keras.backend.standardize_dtype(o.dtype) == "float32" for o in outputs.values())
    if places > 1:
        assert outputs["length"].shape == (2, places + 2)
    if "box" in outputs:
        box = np.asarray(outputs["box"])
        assert places > 1 and box.shape == (2, 4)
        assert (box >= 0).all() and (box <= 1).all()
    assert models.multiply_adds(model) > 0


@pytest.mark.parametrize("name", NAMES)
def test_initial_loss_is_near_that_of_a_uniform_guess(name):
    truth = random_labels(64, 3)
    outputs = outputs_of(create(name), random_images((32, 48, 3), 64))
    guess = {key: np.zeros(values.shape) for key, values in outputs.items()}
    uniform = negative_log_likelihood(guess, truth).mean()
    assert negative_log_likelihood(outputs, truth).mean() == pytest.approx(uniform, rel=0.35)


# text_transformer starts from trained convolutions; random ones, without normalization, take 40 s.
@pytest.mark.parametrize("name", [n for n in ONE_PER_BUILDER if n != "text_transformer"])
def test_can_memorize_32_images(name):
    model = create(name, (16, 24, 1), 2)
    images, truth = random_images((16, 24, 1), 32), random_labels(32, 2)
    # The rate falls to zero, so that the averages of batch normalization reach their values.
    schedule = keras.optimizers.schedules.CosineDecay(0.1, decay_steps=80)
    # Traced in half of Adam's time. Clipped, it reaches 0.97 from any of five seeds.
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9, global_clipnorm=1.0)
    model.compile(optimizer, loss=losses(2), jit_compile=False)
    # One epoch of many steps: the overhead of an epoch exceeds the time of these steps.
    model.fit(((images, truth) for _ in range(80)), steps_per_epoch=80, shuffle=False, verbose=0)
    # Nearly all; guessing gets less than one of 32. A model that does not may need normalization.
    assert sequence_scores(outputs_of(model, images), truth)["sequence_accuracy"] > 0.85


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_and_a_single_image_give_the_same_outputs(name, tmp_path):
    model, images = create(name), random_images((32, 48, 3), 5)
    batch = outputs_of(model, images)
    single = outputs_of(model, images[2:3])
    model.save(tmp_path / "model.keras")
    loaded = outputs_of(keras.saving.load_model(tmp_path / "model.keras"), images)
    for key in batch:
        np.testing.assert_allclose(loaded[key], batch[key], atol=1e-5)
        np.testing.assert_allclose(single[key][0], batch[key][2], atol=1e-4)


@pytest.mark.parametrize("name", models.list_models())
def test_the_default_of_its_search_space_is_the_model(name):
    arguments = models.configuration(name, **SMALL.get(name, {}))
    values = models.entry(name).search_space(kt.HyperParameters(), arguments)
    for key, value in values.items():
        if isinstance(arguments[key], int) and isinstance(value, list):  # one value for all blocks
            assert value == [arguments[key]] * len(arguments["filters"])
        else:
            assert value == arguments[key]


def test_logistic_regression_on_mnist_has_7850_parameters():
    assert models.create("logistic_regression").count_params() == 7850


def test_the_goodfellow_model_has_the_layers_of_the_paper():
    model = models.create("deep_cnn_goodfellow")
    convolutions = [layer for layer in model.layers if layer.name.endswith("_conv")]
    assert [layer.kernel.shape[-1] for layer in convolutions] == [
        48 * 3, 64, 128, 160, 192, 192, 192, 192
    ]  # fmt: skip
    assert all(layer.kernel.shape[:2] == (5, 5) for layer in convolutions)
    assert model.get_layer("local").kernel.ndim == 3
    assert [model.get_layer(f"dense{i}").units for i in (1, 2)] == [3072, 3072]


def test_maxout_takes_the_maximum_of_each_units_pieces():
    model = models.create(
        "deep_cnn_tiny",
        input_shape=(8, 8, 1),
        maxout_pieces=3,
        normalization="none",
        normalize_contrast=False,
    )
    outputs = [model.get_layer(name).output for name in ("block1_conv", "block1_units")]
    pieces, units = keras.Model(model.input, outputs).predict(
        random_images((8, 8, 1), 2), verbose=0
    )
    np.testing.assert_allclose(units, pieces.reshape(2, 8, 8, 8, 3).max(-1), rtol=1e-6)


def test_the_locally_connected_layer_has_separate_weights_at_each_position():
    model = models.create(
        "deep_cnn_tiny", input_shape=(8, 8, 1), pool_strides=(2, 1, 1), locally_connected_filters=5
    )
    outputs = [model.get_layer(name).output for name in ("local_pad", "local_map")]
    layer = model.get_layer("local")
    layer.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in layer.get_weights()])
    padded, computed = keras.Model(model.input, outputs).predict(
        random_images((8, 8, 1), 1), verbose=0
    )
    kernel, bias = layer.get_weights()
    for row, column in [(0, 0), (1, 2), (3, 3)]:
        window = padded[0, row : row + 3, column : column + 3].reshape(-1)
        position = row * 4 + column
        expected = np.maximum(window @ kernel[position] + bias[position], 0)
        np.testing.assert_allclose(computed[0, row, column], expected, rtol=1e-4, atol=1e-4)


def test_attention_sums_to_one_for_each_digit():
    model = models.create("residual_cnn_tiny", input_shape=(32, 64, 3), max_digits=4)
    attention = keras.Model(model.input, model.get_layer("attention").output)
    maps = attention.predict(random_images((32, 64, 3), 2), verbose=0)
    assert maps.shape == (2, 4 * 8, 1 + 4)
    np.testing.assert_allclose(maps.sum(1), 1, rtol=1e-5)


def test_multiply_adds_of_a_model_counted_by_hand():
    description = models.describe("shallow_cnn", input_shape=(28, 28, 1))
    by_hand = 28 * 28 * 25 * 32 + 14 * 14 * 25 * 32 * 64 + 7 * 7 * 64 * 256 + 256 * 10
    assert description["multiply_adds"] == by_hand
    assert description["parameters"] == models.create("shallow_cnn").count_params()


@pytest.mark.parametrize(
    ("shape", "apply", "expected"),
    [
        ((7, 5), lambda x: layers.GRU(6)(x), 7 * (5 + 6) * 18),
        ((7, 5), lambda x: layers.Bidirectional(layers.LSTM(6))(x), 7 * 2 * (5 + 6) * 24),
        ((7, 5), lambda x: layers.Conv1D(4, 3, padding="same")(x), 7 * 3 * 5 * 4),
        ((8, 8, 3), lambda x: layers.SeparableConv2D(4, 3, padding="same")(x), 64 * (27 + 12)),
        ((8, 8, 3), lambda x: layers.DepthwiseConv2D(3, 2, padding="same")(x), 16 * 27),
        ((8, 8, 3), lambda x: layers.Conv2DTranspose(4, 3, 2, padding="same")(x), 64 * 9 * 12),
        ((7, 5, 4), lambda x: layers.EinsumDense("...d,de->...e", 9)(x), 7 * 5 * 4 * 9),
        ((7, 5), lambda x: layers.EinsumDense("bpi,pio->bpo", (7, 9))(x), 7 * 5 * 9),
        ((7, 8), lambda x: layers.MultiHeadAttention(2, 4)(x, x), 4 * 7 * 8 * 8 + 2 * 7 * 7 * 8),
        ((7, 8), lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))), 7 * 8 * 7),
        ((7, 8), lambda x: ops.einsum("bpe,bqe->bpq", x, x), 7 * 7 * 8),
        ((7, 8), lambda x: ops.einsum("bpe,bqe->bpq", x, x[:, :5]), 7 * 5 * 8),
        ((7, 8), lambda x: ops.einsum("bpe,ef->bpf", x, np.ones((8, 3))), 7 * 8 * 3),
    ],
)
def test_multiply_adds_of_layers_and_operations(shape, apply, expected):
    images = keras.Input(shape)
    assert models.multiply_adds(keras.Model(images, apply(images))) == expected


@pytest.mark.parametrize(
    "apply",
    [
        lambda tokens: layers.TimeDistributed(layers.Dense(4))(tokens),
        lambda tokens: ops.tensordot(tokens, np.ones((8, 3)), 1),
        lambda tokens: ops.conv(tokens, np.ones((3, 8, 4))),
        lambda tokens: ops.einsum("...e,ef->...f", tokens, np.ones((8, 3))),
    ],
)
def test_a_model_whose_cost_is_unknown_passes_no_budget(apply):
    tokens = keras.Input((7, 8))
    with pytest.raises(ValueError, match=r"are unknown.*models/cost\.py"):
        models.multiply_adds(keras.Model(tokens, apply(tokens)))


def test_describing_a_model_keeps_the_callers_keras_session():
    count = keras.backend.get_uid("of the caller")
    models.describe("shallow_cnn")
    assert keras.backend.get_uid("of the caller") == count + 1


def test_wildcards():
    assert models.list_models("residual_*")[0] == "residual_cnn"
    assert models.list_models("nothing*") == []
    # Commands know a locator by its name, before they import TensorFlow.
    assert models.list_models(task="locate") == models.list_models("locator*")


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("deep_cn", {}, r"unknown model 'deep_cn'\. Known: deep_cnn"),
        ("deep_cnn", {"filter": 3}, r"unknown argument of deep_cnn 'filter'\. Known: filters"),
        (
            "deep_cnn",
            {"dense_units": 64},
            r"dense_units should be a list \(write \[64\]\)\. Received: 64",
        ),
        ("deep_cnn", {"filters": "abc"}, "filters should be a list. Received: 'abc'"),
        ("deep_cnn", {"filters": ()}, r"filters .*at least 1 item.*Received: \(\)"),
        ("deep_cnn", {"filters": (8, 0)}, r"filters \[1\] should be greater than or equal to 1"),
        ("deep_cnn", {"maxout_pieces": True}, "maxout_pieces should be a valid integer"),
        ("deep_cnn", {"kernel_size": "x"}, "kernel_size should be a valid integer or .*list"),
        ("deep_cnn", {"dense_dropout": 1}, "dense_dropout should be less than 1"),
        ("deep_cnn", {"dense_dropout": float("nan")}, "dense_dropout should be a finite number"),
        ("deep_cnn", {"normalize_contrast": 1}, "normalize_contrast should be a valid boolean"),
        ("deep_cnn", {"pool_strides": (1, 2)}, "one value for each of 5 blocks"),
        ("deep_cnn", {"normalization": "layer"}, "'batch', 'subtractive' or 'none'.*'layer'"),
        ("deep_cnn", {"max_digits": 0}, "greater than or equal to 1"),
        ("deep_cnn", {"input_shape": (64, 64)}, "input_shape .*required"),
        ("deep_cnn", {"input_shape": (64, 64, 2)}, r"input_shape \[2\] should be 1 or 3"),
        ("residual_cnn", {"blocks": (1, 2, 3)}, "one value for each stage"),
        ("residual_cnn", {"dilations": ()}, "dilations .*at least 1 item"),
        ("shallow_cnn", {"filters": (8,)}, "filters .*at least 2 items"),
        ("shallow_cnn", {"filters": (8,), "dropout": -1}, "filters .*; dropout should be greater"),
    ],
)
def test_wrong_arguments_are_all_listed_with_what_is_accepted(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        models.create(name, **arguments)


BACKEND_JOB = """
import jax, keras, numpy as np, models
assert keras.backend.backend() == "jax"
rng = np.random.default_rng(0)
for name in {names!r}:
    model = models.create(name, input_shape=(16, 24, 1), max_digits=2, **{small!r}[name])
    model.compile("sgd", loss=models.losses(2))  # compiles in half of Adam's time
    images = rng.uniform(0, 255, (8, 16, 24, 1)).astype("float32")
    truth = {{"length": np.full(8, 2), "digits": rng.integers(0, 10, (8, 2))}}
    history = model.fit(images, truth, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all(), name
    if name == "logistic_regression":
        scores = models.sequence_scores(model.predict(images, verbose=0), truth)
        loss = model.evaluate(images, truth, verbose=0, return_dict=True)["loss"]
        np.testing.assert_allclose(scores["loss"], loss, rtol=1e-4)
    print(name)
model = models.create("locator_tiny")
model.compile("sgd", loss=models.LocatorLoss())
truth = np.array([[[8, 8, 60, 40, 0], [0, 0, 9, 9, np.nan], [np.nan] * 5]] * 2, "float32")
images = rng.uniform(0, 255, (2, 96, 96, 3)).astype("float32")
history = model.fit(images, truth, epochs=3, verbose=0).history["loss"]
assert np.isfinite(history).all() and history[-1] < history[0], history
decode = jax.jit(lambda locations: models.decode_locations(locations, (96, 96)))
assert decode(rng.normal(size=(2, 12, 12, 9)))["boxes"].shape == (2, 100, 4)
print("locator")
"""


def test_every_architecture_trains_on_jax(interpreter):
    pytest.importorskip("jax")
    job = BACKEND_JOB.format(names=ONE_PER_BUILDER, small=SMALL)
    process = interpreter(job, KERAS_BACKEND="jax")
    assert process.wait() == 0, process.output()[-2000:]
    names = [*ONE_PER_BUILDER, "locator"]
    assert process.output().split()[-len(names) :] == names
