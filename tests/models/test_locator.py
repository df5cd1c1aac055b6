"""The locator: its outputs, loss and decoding."""

import keras
import numpy as np
import pytest
from keras import ops

import models
from models.locator_loss import LocatorLoss
from models.locator_metrics import LocationScores, average_precision, location_scores

SIZE = 96
NONE = [np.nan] * 5


def rectangles(count, seed=0):
    """Bright rectangles on dark noise, and their boxes: one or two in each image."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 60, (count, SIZE, SIZE, 3))
    truth = np.full((count, 3, 5), np.nan, "float32")
    for image, rows in zip(images, truth, strict=True):
        for half in range(rng.integers(1, 3)):
            width, height = rng.integers(20, 60), rng.integers(12, 36)
            left = rng.integers(0, SIZE - width)
            top = 48 * half + rng.integers(0, 48 - height)
            image[top : top + height, left : left + width] += 150
            rows[half] = left, top, left + width, top + height, half
    return images.astype("float32"), truth


def perfect_locations(truth, cells=12):
    """Logits from which `truth` is decoded."""
    locations = np.zeros((len(truth), cells, cells, 9), "float32")
    locations[..., 0] = -12
    for image, rows in zip(locations, truth, strict=True):
        for *box, turn in rows[~np.isnan(rows[:, 0])]:
            left, top, right, bottom = np.array(box) / 8
            row, column = int((top + bottom) / 2), int((left + right) / 2)
            x, y = column + 0.5, row + 0.5
            cell = image[row, column]
            cell[0] = 6
            cell[1:5] = np.log([x - left, y - top, right - x, bottom - y])
            if turn == turn:
                cell[5 + int(turn)] = 9
    return locations


def decode(locations, *size, **options):
    decoded = models.decode_locations(ops.convert_to_tensor(locations), size, **options)
    return {name: ops.convert_to_numpy(values) for name, values in decoded.items()}


def test_size_and_cost_of_the_locator():
    description = models.describe("locator", input_shape=(512, 512, 3))
    assert 0.5e6 < description["parameters"] < 0.8e6
    assert description["multiply_adds"] < 1.2e9
    assert (description["task"], description["max_digits"]) == ("locate", None)
    with pytest.raises(ValueError, match="input_shape without None"):
        models.describe("locator_tiny", input_shape=(None, None, 3))


def test_one_set_of_weights_for_images_of_every_size(tmp_path):
    model = models.create("locator_tiny", input_shape=(None, None, 3))
    assert models.configuration("locator_tiny", input_shape=(None, 64, 3))["input_shape"][0] is None
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    for height, width in [(32, 96), (160, 64)]:
        outputs = model(np.zeros((1, height, width, 3), "uint8"))
        assert outputs.shape == (1, height // 8, width // 8, 9)
        assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
        # The initial probability of a centre, RetinaNet's.
        assert np.asarray(ops.sigmoid(outputs[..., 0])).mean() == pytest.approx(0.01, rel=0.5)


def test_a_size_that_is_no_multiple_of_32_is_an_error():
    with pytest.raises(ValueError, match=r"input_shape \[0\] should be a multiple of 32"):
        models.create("locator_tiny", input_shape=(100, 96, 3))


def test_learns_to_find_rectangles():
    keras.utils.set_random_seed(0)
    images, truth = rectangles(4)
    model = models.create("locator_tiny")
    model.compile(keras.optimizers.Adam(1e-2), loss=LocatorLoss(), jit_compile=False)
    model.optimizer.build(model.trainable_variables)  # or the step is traced twice
    history = model.fit(
        ((images, truth) for _ in range(40)), steps_per_epoch=10, epochs=4, verbose=0, shuffle=False
    )
    losses = history.history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    decoded = decode(model(images, training=True), SIZE, SIZE)
    for boxes, scores, turns, rows in zip(*decoded.values(), truth, strict=True):
        rows = rows[~np.isnan(rows[:, 0])]
        assert scores[len(rows) - 1] > 0.3 > scores[len(rows)]
        overlaps = models.locator.pairwise_overlap(rows[None, :, :4], boxes[None, : len(rows)])
        overlaps = np.asarray(overlaps)[0]
        assert (overlaps.max(1) > 0.5).all()
        np.testing.assert_array_equal(turns[overlaps.argmax(1)], rows[:, 4])


@pytest.mark.parametrize(
    "rows",
    [
        [NONE, NONE],
        [[8, 8, 40, 24, np.nan], [-20, -20, 200, 200, np.nan]],
        [[0, 0, 96, 96, 3], NONE],
        [[16, 16, 16, 16, 0], [95, 95, 96, 96, 1]],
        [[-9, -9, -3, -3, 0], [500, 500, 600, 600, 2]],
    ],
    ids=["no number", "all ignored", "fills the image", "empty and tiny", "outside"],
)
@pytest.mark.parametrize("scale", [1, 1e3], ids=["outputs", "huge outputs"])
def test_loss_and_gradients_are_finite(rows, scale):
    tf = pytest.importorskip("tensorflow")
    truth = np.array([rows, [[10, 10, 30, 20, 0], NONE]], "float32")
    noise = np.random.default_rng(0).normal(size=(2, 12, 12, 9))
    outputs = tf.Variable(scale * noise, dtype="float32")
    with tf.GradientTape() as tape:
        loss = LocatorLoss()(truth, outputs)
    gradient = tape.gradient(loss, outputs).numpy()
    assert np.isfinite(float(loss)) and np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def test_the_loss_of_perfect_outputs_is_small_and_each_error_adds_to_it():
    truth = rectangles(4)[1]
    perfect = perfect_locations(truth)
    wrong = {name: perfect.copy() for name in ("centre", "box", "turn")}
    wrong["centre"][..., 0] = -6
    wrong["box"][..., 1:5] += 0.7
    wrong["turn"][..., 5:] = np.roll(wrong["turn"][..., 5:], 1, axis=-1)
    # The cells beside the centre, which are trained as well, are no part of this comparison.
    least = float(LocatorLoss(0, 0)(truth, perfect))
    assert least < 0.02
    assert float(LocatorLoss(0, 0)(truth, wrong["centre"])) > least + 1
    for name, weights in (("box", (1, 0)), ("turn", (0, 1))):
        loss = LocatorLoss(*weights)
        assert float(loss(truth, wrong[name])) > float(loss(truth, perfect)) + 0.05


def test_an_ignored_box_is_neither_background_nor_found():
    ignored = np.array([[[24, 24, 56, 56, np.nan]]], "float32")
    outputs = np.full((1, 12, 12, 9), -8, "float32")
    without = float(LocatorLoss()(ignored, outputs))
    outputs[0, 3:7, 3:7] = 5  # these cells touch the box
    assert float(LocatorLoss()(ignored, outputs)) == pytest.approx(without, abs=1e-4)
    outputs[0, 9, 9, 0] = 5
    assert float(LocatorLoss()(ignored, outputs)) > without + 1


def test_decoding_gives_back_boxes_scores_and_turns():
    truth = rectangles(6)[1]
    decoded = decode(perfect_locations(truth), SIZE, SIZE, limit=200)  # more than there are cells
    assert decoded["boxes"].shape == (6, 200, 4) and decoded["turns"].dtype == np.int32
    for boxes, scores, turns, rows in zip(*decoded.values(), truth, strict=True):
        rows = rows[~np.isnan(rows[:, 0])]
        order = np.argsort(boxes[: len(rows), 1])
        np.testing.assert_allclose(boxes[order], rows[:, :4], atol=1e-3)
        np.testing.assert_array_equal(turns[order], rows[:, 4])
        np.testing.assert_allclose(scores[: len(rows)], 1 / (1 + np.exp(-6)), rtol=1e-4)
        assert (np.diff(scores) <= 0).all() and scores[len(rows)] < 1e-4


def test_suppression_clipping_and_padding():
    locations = np.zeros((1, 12, 12, 9), "float32")
    locations[..., 0] = -20
    for row, column, logit in [(2, 2, 3), (2, 4, 2), (9, 2, 1), (2, 9, 4)]:
        locations[0, row, column, :5] = [logit, *np.log([4, 1.5, 4, 1.5])]
    decoded = decode(locations, 96, 64, limit=5)  # the columns from 8 on are padding
    is_box = decoded["scores"][0] > 1e-3
    assert is_box.tolist() == [True, True, False, False, False]
    np.testing.assert_allclose(decoded["boxes"][0, :2], [[0, 8, 52, 32], [0, 64, 52, 88]])


def score(truth, *boxes, threshold=0.5):
    """Scores of one image: boxes are (left, top, right, bottom, turn, score)."""
    rows = np.array(boxes, float).reshape(-1, 6)
    scores = LocationScores()
    scores.update(rows[:, :4], rows[:, 5], rows[:, 4].astype(int), np.array(truth, float))
    return scores.result(threshold)


NUMBER, SMALL = [10, 10, 110, 60, 0], [200, 10, 230, 20, 1]


@pytest.mark.parametrize(
    ("truth", "boxes", "expected"),
    [
        (
            [NUMBER, SMALL, NONE],
            [(12, 10, 108, 60, 0, 0.9), (200, 10, 230, 20, 3, 0.8)],
            {"average_precision": 1, "precision": 1, "recall": 1, "turn_accuracy": 0.5},
        ),
        (  # the second box of a number is wrong, and so is one elsewhere
            [NUMBER],
            [(10, 10, 110, 60, 0, 0.9), (10, 10, 110, 58, 0, 0.8), (300, 0, 400, 50, 0, 0.95)],
            {"average_precision": 0.5, "precision": 1 / 3, "recall": 1, "f1": 0.5},
        ),
        (  # a box on half of the number finds nothing; one under the threshold counts for AP
            [NUMBER, SMALL],
            [(10, 10, 50, 60, 0, 0.9), (200, 10, 230, 20, 1, 0.3)],
            {"average_precision": 0.25, "recall": 0, "recall_small": 0, "recall_large": 0},
        ),
        (
            [NUMBER, SMALL],
            [(10, 10, 110, 60, 0, 0.9), (0, 300, 60, 310, 0, 0.8)],
            {"average_precision_large": 1, "average_precision_small": 0, "recall_large": 1}
            | {"turn_accuracy": 1, "recall": 0.5},
        ),
        (  # a later hit raises the precision at an earlier one: 1 of 2, then 2 of 3
            [NUMBER, SMALL],
            [(300, 0, 400, 50, 0, 0.95), (*NUMBER, 0.9), (*SMALL, 0.8)],
            {"average_precision": 2 / 3},
        ),
        (  # the size is that of the number, not of its box; 16 is medium
            [[10, 10, 110, 26, 0]],
            [(10, 10, 110, 25, 0, 0.9)],
            {"recall_medium": 1, "average_precision_medium": 1, "recall_small": np.nan},
        ),
        (  # a box to ignore is neither right nor wrong
            [[200, 10, 230, 20, np.nan], NUMBER],
            [(202, 10, 228, 20, 0, 0.9), (10, 10, 110, 60, 0, 0.8)],
            {"average_precision": 1, "precision": 1, "recall": 1},
        ),
        (  # two fifths of a box in it are too few, three fifths enough
            [[200, 10, 230, 20, np.nan], NUMBER],
            [(155, 10, 230, 20, 0, 0.9), (180, 10, 230, 20, 0, 0.9), (*NUMBER, 0.8)],
            {"average_precision": 0.5, "precision": 0.5, "recall": 1},
        ),
        ([NONE], [(0, 0, 9, 9, 0, 0.7)], {"precision": 0, "recall": np.nan}),
        ([NUMBER], [], {"average_precision": 0, "precision": 0, "turn_accuracy": 0, "f1": 0}),
        ([NONE], [], {"average_precision": np.nan, "precision": np.nan, "f1": np.nan}),
    ],
)
def test_scores_counted_by_hand(truth, boxes, expected):
    results = score(truth, *boxes)
    assert {name: results[name] for name in expected} == pytest.approx(expected, nan_ok=True)


def test_the_best_threshold_counts_all_boxes_of_its_score():
    scores, truth = LocationScores(), np.array([NUMBER], float)
    boxes = np.array([NUMBER[:4], *[[300, 0, 400, 50]] * 3], float)
    scores.update(boxes, np.array([0.9, 0.9, 0.9, 0.9]), np.zeros(4), truth)
    scores.update(boxes[:1], np.array([0.95]), np.zeros(1), truth)
    assert scores.best_threshold() == 0.95
    assert scores.result(0.95)["f1"] > scores.result(0.9)["f1"]


def test_the_best_threshold_is_a_compromise_of_precision_and_recall():
    scores, truth = LocationScores(), np.array([NUMBER], float)
    assert scores.best_threshold() == 0.5
    boxes = np.array([NUMBER[:4], [300, 0, 400, 50], [300, 50, 400, 90]], float)
    scores.update(boxes[1:], np.array([0.8, 0.7]), np.zeros(2), truth)
    assert scores.best_threshold() == 0.5
    scores.update(boxes[:1], np.array([0.95]), np.zeros(1), truth)
    scores.update(boxes[:1], np.array([0.9]), np.zeros(1), truth)
    assert scores.best_threshold() == 0.9  # F1 is 2 of 4, then 4 of 5


def test_a_weight_counts_a_box_as_often():
    weighted = average_precision([0.1, 0.9], [True, False], 2, np.array([2, 1]))
    assert weighted == average_precision([0.1, 0.1, 0.9], [True, True, False], 2) == 2 / 3


def test_scores_of_perfect_outputs_of_several_images():
    truth = rectangles(70)[1]
    scores = location_scores(perfect_locations(truth), truth, (SIZE, SIZE))
    assert scores["f1"] == scores["average_precision"] == scores["turn_accuracy"] == 1
    assert scores["loss"] == pytest.approx(
        float(LocatorLoss()(truth, perfect_locations(truth))), rel=0.1
    )
