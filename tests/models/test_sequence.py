"""The sequence contract against worked examples and plain probability."""

import keras
import numpy as np
import pytest

import labels
import models
from models.decoding import decode_predictions
from models.losses import BoxLoss, DigitsLoss, losses
from models.metrics import negative_log_likelihood, sequence_scores


def logits(probabilities):
    return np.log(np.asarray(probabilities, np.float64))


def random_outputs(rng, batch=64, places=5):
    return {
        "length": rng.normal(size=(batch, places + 2)) * 2,
        "digits": rng.normal(size=(batch, places, 10)) * 2,
    }


def random_truth(rng, batch=64, places=5):
    length = rng.integers(0, places + 2, batch)
    digits = rng.integers(0, 10, (batch, places))
    digits[np.arange(places) >= np.where(length > places, 0, length)[:, None]] = -1
    return {"length": length.astype("int32"), "digits": digits.astype("int32")}


def test_worked_example_of_goodfellow_2013_appendix_a():
    digits = np.full((1, 5, 10), 1e-6)
    for place, (digit, probability) in enumerate(
        [(1, 0.9), (7, 0.9), (5, 0.9), (1, 0.2), (0, 0.1)]
    ):
        digits[0, place] = (1 - probability) / 9
        digits[0, place, digit] = probability
    # Uniform at the fifth position: every digit has 0.1.
    outputs = {
        "length": logits([[0.002, 0.002, 0.002, 0.9, 0.09, 0.002, 0.002]]),
        "digits": logits(digits),
    }
    predictions = decode_predictions(outputs)
    assert predictions.numbers() == ["175"]
    assert predictions.log_probability[0] == pytest.approx(-0.42144, abs=1e-5)
    # The paper prints -7.2686 and -8.3226 for lengths 1 and 2, with log 0.9 taken as -1.054; its
    # other four values, and the ones here, take it as -0.1054.
    expected = {"": -6.2146, "1": -6.3200, "17": -6.4253, "1751": -4.3334, "17510": -10.443}
    for number, log_p in expected.items():
        length, places = labels.encode(number, 5)
        truth = {"length": np.array([length]), "digits": places[None]}
        computed = -negative_log_likelihood(outputs, truth)[0]
        assert computed == pytest.approx(log_p, abs=1e-3), number


def test_the_prediction_is_the_most_probable_sequence():
    rng = np.random.default_rng(0)
    outputs = random_outputs(rng, batch=20, places=2)
    predictions = decode_predictions(outputs)
    texts = [""] + [str(n) for n in range(10)] + [f"{n:02d}" for n in range(100)]
    for row in range(20):
        row_outputs = {name: values[row : row + 1] for name, values in outputs.items()}
        scores = {
            "+": -negative_log_likelihood(
                row_outputs, {"length": np.array([3]), "digits": np.full((1, 2), -1)}
            )[0]
        }
        for number in texts:
            length, digits = labels.encode(number, 2)
            truth = {"length": np.array([length]), "digits": digits[None]}
            scores[number] = -negative_log_likelihood(row_outputs, truth)[0]
        best = max(scores, key=scores.get)
        assert predictions.numbers()[row] == best
        assert predictions.log_probability[row] == pytest.approx(scores[best])
        # The probabilities of all sequences sum to 1.
        assert np.exp(list(scores.values())).sum() == pytest.approx(1)


@pytest.mark.parametrize("places", [1, 2, 5])
def test_training_loss_is_the_exact_negative_log_likelihood(places):
    rng = np.random.default_rng(1)
    outputs, truth = random_outputs(rng, places=places), random_truth(rng, places=places)
    if places == 1:
        truth = {"digits": rng.integers(0, 10, (64, 1)).astype("int32")}
        outputs.pop("length")
    total = sum(
        float(loss(truth[name], keras.ops.cast(outputs[name], "float32")))
        for name, loss in losses(places).items()
    )
    exact = negative_log_likelihood(outputs, truth).mean()
    assert total == pytest.approx(exact, rel=1e-5)


def test_absent_digits_give_no_gradient():
    import tensorflow as tf

    rng = np.random.default_rng(2)
    truth = random_truth(rng)
    scores = tf.Variable(rng.normal(size=(64, 5, 10)).astype("float32"))
    with tf.GradientTape() as tape:
        loss = DigitsLoss(label_smoothing=0.1)(truth["digits"], scores)
    gradient = tape.gradient(loss, scores).numpy()
    absent = truth["digits"] < 0
    assert (gradient[absent] == 0).all()
    assert (np.abs(gradient[~absent]).max(-1) > 0).all()


def test_label_smoothing_is_that_of_keras():
    rng = np.random.default_rng(3)
    outputs = {name: values.astype("float32") for name, values in random_outputs(rng).items()}
    truth = {"length": rng.integers(0, 7, 64), "digits": rng.integers(0, 10, (64, 5))}
    expected = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    for name, loss in losses(5, 0.1).items():
        classes = keras.ops.one_hot(truth[name], outputs[name].shape[-1])
        places = 5 if name == "digits" else 1
        value = places * float(expected(classes, outputs[name]))
        assert float(loss(truth[name], outputs[name])) == pytest.approx(value, rel=1e-5)


def outputs_for(length, digits, places=5):
    return {"length": np.eye(places + 2)[length] * 50, "digits": np.eye(10)[digits] * 50}


def test_scores_of_perfect_and_constant_predictions():
    truth = random_truth(np.random.default_rng(4), batch=500)
    readable = truth["length"] <= 5
    truth_readable = {name: values[readable] for name, values in truth.items()}
    perfect = outputs_for(truth_readable["length"], np.maximum(truth_readable["digits"], 0))
    scores = sequence_scores(perfect, truth_readable)
    assert scores["sequence_accuracy"] == scores["character_accuracy"] == 1
    assert scores["loss"] == pytest.approx(0, abs=1e-6)
    # A constant prediction must not earn anything for positions without a digit.
    constant = outputs_for(np.full(500, 2), np.full((500, 5), 1))
    assert sequence_scores(constant, truth)["sequence_accuracy"] < 0.05
    assert sequence_scores(constant, truth)["character_accuracy"] < 0.2


def test_longer_is_never_a_correct_sequence():
    length, digits = labels.encode("123456", 5)
    rows = [digits, [1, 2, -1, -1, -1], [-1] * 5]
    truth = {"length": np.array([length, 2, 0]), "digits": np.stack(rows)}
    longer = outputs_for(np.array([6, 6, 6]), np.zeros((3, 5), int))
    assert decode_predictions(longer).numbers() == ["+", "+", "+"]
    scores = sequence_scores(longer, truth)
    assert scores["sequence_accuracy"] == 0 and scores["length_accuracy"] == pytest.approx(1 / 3)


@pytest.fixture
def small_model():
    """A tiny model, images and labels of which some are "longer"."""
    model = models.create("logistic_regression", input_shape=(8, 8, 1), max_digits=5)
    rng = np.random.default_rng(6)
    images = rng.uniform(0, 255, (64, 8, 8, 1)).astype("float32")
    return model, images, random_truth(rng)


def test_keras_metrics_by_output_name_and_the_callback(small_model):
    model, images, truth = small_model
    model.compile(
        "adam",
        loss=models.losses(5),
        metrics={"length": "accuracy", "digits": models.DigitAccuracy()},
    )
    batches = [
        (images[start : start + 24], {name: v[start : start + 24] for name, v in truth.items()})
        for start in range(0, 64, 24)
    ]
    history = model.fit(
        images, truth, epochs=2, verbose=0, callbacks=[models.SequenceAccuracy(batches)]
    ).history
    outputs = model.predict(images, verbose=0)
    scores = sequence_scores(outputs, truth)
    assert {name: history[f"val_{name}"][-1] for name in scores} == pytest.approx(scores, rel=1e-4)
    evaluated = model.evaluate(images, truth, verbose=0, return_dict=True)
    assert evaluated["loss"] == pytest.approx(scores["loss"], rel=1e-4)
    length_right = (outputs["length"].argmax(-1) == truth["length"]).mean()
    assert evaluated["length_accuracy"] == pytest.approx(length_right)
    present = truth["digits"] >= 0
    digits_right = (outputs["digits"].argmax(-1) == truth["digits"])[present].mean()
    assert evaluated["digits_accuracy"] == pytest.approx(digits_right)


def box_loss(truth, computed):
    return np.asarray(BoxLoss(reduction=None)(np.float32(truth), np.float32(computed)))


def test_box_loss_grows_with_distance():
    truth = [0.2, 0.2, 0.4, 0.6]
    shifted = [[0.2 + by, 0.2, 0.4 + by, 0.6] for by in (0.0, 0.05, 0.1, 0.2, 0.4)]
    computed = box_loss([truth] * 5, shifted)
    assert computed[0] == pytest.approx(0, abs=1e-6)
    assert (np.diff(computed) > 0.1).all()
    # Half of it covered: GIoU is IoU, a third, less the empty share of the hull, none.
    assert computed[2] == pytest.approx(1 - 1 / 3 + 0.2, abs=1e-5)
    # Apart: IoU is 0, and a third of the hull is empty.
    apart = box_loss([[0, 0, 0.2, 0.2]] * 2, [[0.4, 0, 0.6, 0.2]] * 2)
    assert apart == pytest.approx([1 + 1 / 3 + 0.8] * 2, abs=1e-5)


def test_an_unknown_box_gives_no_loss_and_no_gradient():
    import tensorflow as tf

    truth = np.float32([[np.nan] * 4, [0.1, 0.1, 0.5, 0.5]])
    computed = tf.Variable(np.float32([[0.5, 0.5, 0.2, 0.2], [0.6, 0.7, 0.5, 0.9]]))
    with tf.GradientTape() as tape:
        loss = BoxLoss(reduction="sum")(truth, computed)
    gradient = tape.gradient(loss, computed).numpy()
    assert np.isfinite(loss) and loss > 1
    assert (gradient[0] == 0).all()
    assert np.isfinite(gradient[1]).all() and (gradient[1] != 0).any()


def test_the_accuracy_of_digits_counts_those_present_by_the_weights_of_their_images():
    truth = np.array([[1, 2, -1], [3, -1, -1]])
    outputs = np.eye(10, dtype="float32")[[[1, 7, 0], [3, 0, 0]]]
    assert float(models.DigitAccuracy()(truth, outputs)) == pytest.approx(2 / 3)
    weighted = models.DigitAccuracy()(truth, outputs, sample_weight=[1.0, 3.0])
    assert float(weighted) == pytest.approx(4 / 5)
