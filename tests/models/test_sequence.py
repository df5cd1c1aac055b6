"""The sequence contract against worked examples and plain probability."""

import keras
import numpy as np
import pytest

import labels
from models.decoding import decode_predictions
from models.losses import BoxLoss, DigitsLoss, losses, uniform_loss
from models.metrics import SequenceScores, negative_log_likelihood


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
    for place, (digit, share) in enumerate([(1, 0.9), (7, 0.9), (5, 0.9), (1, 0.2), (0, 0.1)]):
        digits[0, place] = (1 - share) / 9
        digits[0, place, digit] = share
    # The fifth place is even: every digit has 0.1.
    outputs = {
        "length": logits([[0.002, 0.002, 0.002, 0.9, 0.09, 0.002, 0.002]]),
        "digits": logits(digits),
    }
    readings = decode_predictions(outputs)
    assert readings.numbers() == ["175"]
    assert readings.log_probability[0] == pytest.approx(-0.42144, abs=1e-5)
    # The paper prints -7.2686 and -8.3226 for lengths 1 and 2, with log 0.9 taken as -1.054; its
    # other four values, and the ones here, take it as -0.1054.
    expected = {"": -6.2146, "1": -6.3200, "17": -6.4253, "1751": -4.3334, "17510": -10.443}
    for number, log_p in expected.items():
        length, places = labels.encode(number, 5)
        truth = {"length": np.array([length]), "digits": places[None]}
        found = -negative_log_likelihood(outputs, truth)[0]
        assert found == pytest.approx(log_p, abs=1e-3), number


def test_reading_is_the_most_probable_of_all_numbers():
    rng = np.random.default_rng(0)
    outputs = random_outputs(rng, batch=20, places=2)
    readings = decode_predictions(outputs)
    everything = [""] + [str(n) for n in range(10)] + [f"{n:02d}" for n in range(100)]
    for row in range(20):
        one = {name: values[row : row + 1] for name, values in outputs.items()}
        scores = {
            "+": -negative_log_likelihood(
                one, {"length": np.array([3]), "digits": np.full((1, 2), -1)}
            )[0]
        }
        for number in everything:
            length, digits = labels.encode(number, 2)
            truth = {"length": np.array([length]), "digits": digits[None]}
            scores[number] = -negative_log_likelihood(one, truth)[0]
        best = max(scores, key=scores.get)
        assert readings.numbers()[row] == best
        assert readings.log_probability[row] == pytest.approx(scores[best])
        # All numbers together have probability 1: nothing is counted twice or left out.
        assert np.exp(list(scores.values())).sum() == pytest.approx(1)


@pytest.mark.parametrize("places", [1, 5])
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


def test_uniform_loss_is_that_of_equal_logits():
    truth = random_truth(np.random.default_rng(3))
    outputs = {"length": np.zeros((64, 7)), "digits": np.zeros((64, 5, 10))}
    exact = negative_log_likelihood(outputs, truth).mean()
    assert uniform_loss(5, truth["length"]) == pytest.approx(exact)


def test_label_smoothing_raises_the_loss_of_a_sure_answer_alone():
    truth = np.array([[3]], "int32")
    sure = np.full((1, 1, 10), -20.0, "float32")
    sure[0, 0, 3] = 20
    assert float(DigitsLoss()(truth, sure)) == pytest.approx(0, abs=1e-6)
    assert float(DigitsLoss(0.1)(truth, sure)) > 1


def test_whole_numbers_count_and_blank_places_do_not():
    rng = np.random.default_rng(4)
    truth = random_truth(rng, batch=500)
    right = {
        "length": np.eye(7)[truth["length"]] * 50,
        "digits": np.eye(10)[np.maximum(truth["digits"], 0)] * 50,
    }
    scores = SequenceScores()
    scores.update(right, truth)
    result = scores.result()
    assert result["sequence_accuracy"] == result["character_accuracy"] == 1
    assert result["loss"] == pytest.approx(0, abs=1e-6)

    # A constant answer must not live off the blanks.
    constant = {"length": np.zeros((500, 7)), "digits": np.zeros((500, 5, 10))}
    constant["length"][:, 2] = 9
    constant["digits"][..., 1] = 9
    scores = SequenceScores()
    scores.update(constant, truth)
    assert scores.result()["sequence_accuracy"] < 0.05
    assert scores.result()["character_accuracy"] < 0.2


def test_scores_do_not_depend_on_the_batches():
    rng = np.random.default_rng(5)
    outputs, truth = random_outputs(rng), random_truth(rng)
    whole, parts = SequenceScores(), SequenceScores()
    whole.update(outputs, truth)
    for start in range(0, 64, 7):
        parts.update(
            {k: v[start : start + 7] for k, v in outputs.items()},
            {k: v[start : start + 7] for k, v in truth.items()},
        )
    assert parts.result() == pytest.approx(whole.result())


def box_loss(truth, found):
    return np.asarray(BoxLoss(reduction=None)(np.float32(truth), np.float32(found)))


def test_box_loss_grows_as_boxes_part():
    truth = [0.2, 0.2, 0.4, 0.6]
    shifted = [[0.2 + by, 0.2, 0.4 + by, 0.6] for by in (0.0, 0.05, 0.1, 0.2, 0.4)]
    found = box_loss([truth] * 5, shifted)
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert (np.diff(found) > 0.1).all()
    # Half of it covered: GIoU is IoU, a third, less the empty share of the hull, none.
    assert found[2] == pytest.approx(1 - 1 / 3 + 0.2, abs=1e-5)


def test_an_unknown_box_gives_no_loss_and_no_gradient():
    import tensorflow as tf

    truth = np.float32([[np.nan] * 4, [0.1, 0.1, 0.5, 0.5]])
    found = tf.Variable(np.float32([[0.5, 0.5, 0.2, 0.2], [0.6, 0.7, 0.5, 0.9]]))
    with tf.GradientTape() as tape:
        loss = BoxLoss(reduction="sum")(truth, found)
    gradient = tape.gradient(loss, found).numpy()
    assert np.isfinite(loss) and loss > 1
    assert (gradient[0] == 0).all()
    assert np.isfinite(gradient[1]).all() and (gradient[1] != 0).any()
