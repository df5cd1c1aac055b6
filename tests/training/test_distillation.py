"""Distillation: the teacher's probabilities in the loss, and not in the model."""

import re

import keras
import numpy as np
import pytest

import models
from artifacts.run_folder import RunFolder
from models.losses import DigitsLoss, LengthLoss, add_probabilities
from training.configuration import configure, read_configuration
from training.distillation import distil, load_teacher
from training.finish import fingerprints
from training.fit import train

STUDENT = {"input_shape": (16, 32, 3), "max_digits": 2, "dense_units": (4,)}
SETTINGS = ["input_shape=[16,32,3]", "max_digits=2", "dense_units=[4]", "steps_per_epoch=2"]


def softmax(logits):
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def batch(count=4):
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (count, 16, 32, 3)).astype("float32")
    digits = np.array([[-1, -1], [3, -1], [0, 9], [-1, -1]])
    return images, {"length": np.arange(4), "digits": digits}


def test_the_loss_is_the_sum_of_the_cross_entropies_with_labels_and_teacher():
    rng = np.random.default_rng(0)
    _, targets = batch()
    teacher, student = (
        {"length": rng.normal(size=(4, 4)), "digits": rng.normal(size=(4, 2, 10))} for _ in range(2)
    )
    teacher, student = (
        {name: value.astype("float32") for name, value in logits.items()}
        for logits in (teacher, student)
    )
    soft = add_probabilities(targets, teacher)
    log_probs = {name: np.log(softmax(logits)) for name, logits in student.items()}

    by_teacher = -(softmax(teacher["length"]) * log_probs["length"]).sum(axis=-1)
    by_label = -log_probs["length"][np.arange(4), targets["length"]]
    loss = LengthLoss(reduction=None)(soft["length"], student["length"])
    np.testing.assert_allclose(loss, by_teacher + by_label, rtol=1e-5)

    expected = np.zeros(4)
    for row, position, digit in ((1, 0, 3), (2, 0, 0), (2, 1, 9)):
        values = log_probs["digits"][row, position]
        expected[row] -= (softmax(teacher["digits"][row, position]) * values).sum() + values[digit]
    loss = DigitsLoss(reduction=None)(soft["digits"], student["digits"])
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_the_student_comes_closer_to_its_teacher_than_labels_alone_bring_it():
    images, targets = batch()
    keras.utils.set_random_seed(0)
    teacher = models.create("deep_cnn_tiny", **STUDENT)
    bias = teacher.get_layer("length").bias
    bias.assign([4.0, 0.0, 0.0, 0.0])  # a teacher that sees no number
    no_number = []
    for taught in (False, True):
        keras.utils.set_random_seed(1)
        student = models.create("deep_cnn_tiny", **STUDENT, dense_dropout=0.0)
        if taught:
            distil(student, teacher)
        student.compile(keras.optimizers.Adam(0.01), models.losses(2), run_eagerly=True)
        for _ in range(20):
            student.train_on_batch(images, targets)
        logits = keras.ops.convert_to_numpy(student(images)["length"])
        no_number.append(softmax(logits)[:, 0].mean())
    assert no_number[1] > no_number[0] + 0.15


@pytest.fixture(scope="module")
def teacher(photos, tmp_path_factory, eager):
    folder = tmp_path_factory.mktemp("teacher") / "run"
    options = {"recipe": "photos", "epochs": 1, "batch_size": 4}
    train(configure("deep_cnn_tiny", str(photos), settings=SETTINGS, **options), folder)
    return folder


@pytest.mark.usefixtures("eager")
def test_a_run_with_a_teacher_saves_the_student_alone(teacher, photos, tmp_path):
    configuration = configure(
        "deep_cnn_tiny", str(photos), recipe="photos", epochs=1, batch_size=4,
        settings=SETTINGS, teacher=str(teacher),
    )  # fmt: skip
    before = load_teacher(str(teacher)).get_weights()
    metrics = train(configuration, tmp_path / "run")
    alone, taught = (RunFolder(run).read_history(1)[0] for run in (teacher, tmp_path / "run"))
    assert taught["loss"] > 1.5 * alone["loss"]  # of labels, and of labels and teacher
    model = models.load(tmp_path / "run")
    assert model.count_params() == metrics["parameters"]
    assert [w.shape for w in model.get_weights()] == [w.shape for w in before]
    for old, new in zip(before, load_teacher(str(teacher)).get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert read_configuration(tmp_path / "run" / "config.json").teacher == str(teacher)


def test_what_a_teacher_and_the_initial_weights_have_seen_counts_as_seen(photos):
    options = {"weights": "conv_transformer_small.any10", "teacher": "street_numbers"}
    data = fingerprints(configure("conv_transformer_small", str(photos), **options))
    seen = [f"{photos} train", "street_numbers train", "cheque_amounts train"]
    assert set(seen) <= set(data)
    for name in options.values():
        assert models.training_data(name).items() <= data.items()


def test_a_teacher_that_does_not_fit_says_how_to_change_the_model(teacher, photos, tmp_path):
    def refused(model, message, settings=(), teacher=teacher):
        configuration = configure(
            model, str(photos), recipe="photos", settings=settings, teacher=str(teacher)
        )
        with pytest.raises(ValueError, match=message):
            train(configuration, tmp_path / "run")
        assert not (tmp_path / "run").exists()

    shape = re.escape("add --set input_shape=[16,32,3]")
    refused("deep_cnn_tiny", shape, ["max_digits=2"])
    refused("deep_cnn_tiny", "add --set max_digits=2", [*SETTINGS, "max_digits=3"])
    refused("deep_cnn_tiny", "of a reader. Received: locator", SETTINGS, "locator.scenes")
    refused("deep_cnn_tiny", "no_such", SETTINGS, "no_such")
    refused("locator_tiny", "has no teacher", ["input_shape=[64,64,3]"])
