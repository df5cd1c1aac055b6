"""Training on an accelerator: composing, packing, augmenting in JAX, storing in 16 bits."""

import csv
import dataclasses
import functools
import queue
import threading
from pathlib import Path
from types import SimpleNamespace

import cv2
import keras
import numpy as np
import pytest

import models
from datasets import Augmentation, Example, sources
from datasets.rendered_numbers.fonts import faces
from datasets.rendered_numbers.rendered_numbers_dataset_builder import SEEDS as NUMBER_SEEDS
from datasets.rendered_numbers.rendering import render
from datasets.rendered_scenes.rendered_scenes_dataset_builder import SEEDS as SCENE_SEEDS
from datasets.rendered_scenes.rendering import render_scene
from training.accelerator import compose, feed, finish, pack, scene_feed

jax = pytest.importorskip("jax")

COUNT = 16
"""Images in every batch: the augmentation compiles once."""


def digit_image(value, size=(40, 24)):
    image = np.full((*size, 3), 200, np.uint8)
    cv2.putText(image, str(value), (2, size[0] - 8), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (20, 20, 20), 2)
    return image


@pytest.fixture(scope="module")
def bank():
    return compose.DigitBank.collect([(str(v), digit_image(v)) for v in range(10)] * 2)


@pytest.fixture(scope="module")
def arrays(bank):
    arrays = feed.empty(COUNT)
    for row in range(COUNT):
        rng = np.random.default_rng(row)
        feed.store(arrays, row, compose.strip(rng, bank, 2, 6), rng)
    return arrays


@pytest.mark.parametrize("make", ["strip", "amount"])
def test_composed_images_have_a_box_inside_for_each_digit(make, bank):
    arguments = {"strip": (2, 10), "amount": ([np.full((8, 8, 3), 220, np.uint8)], 10)}[make]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        image, label, boxes = getattr(compose, make)(rng, bank, *arguments)
        assert label.isdigit() and boxes.shape == (len(label), 4)
        assert image.dtype == np.uint8
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= np.array(image.shape[1::-1]) + 1).all()
        assert (np.diff(boxes[:, 0]) > 0).all()


def test_a_single_digit_shows_at_most_a_part_of_the_digits_beside_it(bank):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        number, label, boxes = compose.strip(rng, bank, 2, 6)
        image, digit, box = compose.single_digit(rng, (number, label, boxes))
        assert len(digit) == 1 and digit in label and box.shape == (1, 4)
        assert (box[0, :2] >= 0).all() and (box[0, 2:] <= image.shape[1::-1]).all()
        assert image.shape[1] < 0.7 * number.shape[1] or len(label) == 2
        widths = boxes[:, 2] - boxes[:, 0]
        most = widths.max() * (1 + 2 * compose.MOST_SHOWN) + 0.7 * number.shape[0]
        assert image.shape[1] <= most
    whole = number, label, boxes[:0]
    assert compose.single_digit(rng, whole) is whole


def test_a_bank_without_all_digits_is_an_error():
    with pytest.raises(ValueError, match="every digit"):
        compose.DigitBank.collect([("1", digit_image(1))])


def test_packing_keeps_images_labels_and_splits_and_leaves_test_out(tmp_path):
    folder, out = tmp_path / "meters", tmp_path / "pack.npz"
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "label", "split"))
        for value in range(10):
            for split in ("train", "validation", "test"):
                name = f"{split}{value}.png"
                cv2.imwrite(str(folder / name), digit_image(value))
                writer.writerow((name, value, split))
    assert pack.main([str(out), "--digits", str(folder)]) == 0
    packs = pack.load(out)
    assert set(packs) == {"digits/meters/train", "digits/meters/validation"}
    train = packs["digits/meters/train"]
    assert sorted(train.labels) == list("0123456789")
    np.testing.assert_array_equal(train.images()[3], digit_image(train.labels[3]))
    np.testing.assert_array_equal(train.boxes[:, 0], np.tile([0, 0, 24, 40], (10, 1)))
    assert set(compose.composers(packs, seed=0)) == {"strips/meters"}


def test_packing_long_numbers_and_folders_of_any_name(tmp_path):
    folder, out = tmp_path / "meters#2", tmp_path / "pack.npz"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), digit_image(1, (40, 120)))
    boxes = ";".join(f"{10 * n} 5 {10 * n + 8} 30" for n in range(11))
    (folder / "labels.csv").write_text(f"file,label,boxes,split\na.png,{'1' * 11},{boxes},train\n")
    assert pack.main([str(out), "--numbers", str(folder)]) == 0
    packed = pack.load(out)["numbers/meters#2/train"]
    np.testing.assert_array_equal(packed.boxes[0, :2, 0], [0, np.nan])
    np.testing.assert_array_equal(packed.boxes[0, 0], [0, 5, 108, 30])


def test_packing_refuses_two_folders_of_the_same_name(tmp_path, capsys):
    folders = [str(tmp_path / parent / "photos") for parent in "ab"]
    with pytest.raises(SystemExit):
        pack.main([str(tmp_path / "pack.npz"), "--numbers", *folders])
    assert "the same name" in capsys.readouterr().err


def test_digits_of_mnists_validation_split_are_not_packed(monkeypatch):
    def examples(name, split, data_dir, limit):
        assert (name, split, limit) == ("mnist", "train", 60_000)
        yield Example("x", cv2.imencode(".png", digit_image(7)[..., 0])[1].tobytes(), ["7"])

    monkeypatch.setattr(sources, "examples", examples)
    packed = pack.pack_mnist(60_000, None)
    np.testing.assert_array_equal(packed.images()[0], digit_image(7))
    assert packed.labels == ["7"] and np.isnan(packed.boxes).all()


def test_packed_fonts_are_of_the_train_split_and_become_a_source(tmp_path, monkeypatch):
    def copy_fonts(split, folder):
        assert split == "train"
        source = Path(faces("DejaVuSans-Bold.ttf")[0])
        (folder / "abel-Bold.woff").write_bytes(source.read_bytes())

    monkeypatch.setattr(pack, "copy_fonts", copy_fonts)
    out = tmp_path / "pack.npz"
    assert pack.main([str(out), "--typefaces"]) == 0
    packs = pack.load(out)
    assert packs[pack.FONTS].labels == ["abel-Bold.woff"]
    arrays, rng = feed.empty(17), np.random.default_rng(0)
    writers, without = (feed.reader_writers(one, 0, tmp_path) for one in (packs, {}))
    assert set(writers) - set(without) == {"drawn/typefaces", "drawn/typeface scenes"}
    writers["drawn/typefaces"](arrays, 0, 0, rng)
    for row, source in enumerate(("drawn/scenes", "drawn/typeface scenes")):
        for index in range(8):
            writers[source](arrays, 1 + 8 * row + index, index, np.random.default_rng(index))
    assert arrays["images"].std(axis=(1, 2, 3)).min() > 1
    assert (arrays["images"][1:9] != arrays["images"][9:]).any(), "in another typeface"


@pytest.mark.parametrize("name", ["readers", "locate"])
def test_files_of_the_writers_are_removed_after_the_training(name, tmp_path, monkeypatch):
    from training.accelerator import __main__ as readers_command
    from training.accelerator import locate, readers

    files = [cv2.imencode(".png", digit_image(n)[..., 0])[1].tobytes() for n in range(10)]
    digits = pack.Packed(files, list("0123456789"), np.full((10, 10, 4), np.nan, np.float32))
    out, temporary, during = tmp_path / "pack.npz", tmp_path / "temporary", []
    temporary.mkdir()
    pack.save(out, {pack.MNIST: digits})
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    commands = {"readers": (readers, readers_command.main), "locate": (locate, locate.main)}
    module, main = commands[name]
    monkeypatch.setattr(module, "train", lambda *_: during.extend(temporary.rglob("digits.npz")))
    assert main([str(out), "--out", str(tmp_path / "out"), "--workers", "0"]) == 0
    assert len(during) == 1 and not list(temporary.rglob("digits.npz"))


def test_initial_weights_belong_to_the_models_in_the_order_of_the_training(
    tmp_path, monkeypatch, capsys
):
    started, weights = {}, tmp_path / "weights.npz"
    names = "residual_cnn_tiny", "conv_transformer_tiny"
    np.savez(weights, **{f"{name}|a": np.zeros(1) for name in names})
    monkeypatch.setattr(
        finish, "write_run", lambda _, folder, config, __: started.update({folder.name: config})
    )
    command = [str(weights), str(tmp_path), "--dataset", "a", "--validation", "a", "--steps", "9"]
    assert finish.main([*command, "--init", "residual", "transformer"]) == 0
    assert [started[name].weights for name in names] == ["residual", "transformer"]
    for init in (["residual"], ["residual", "transformer", "other"]):
        assert finish.main([*command, "--init", *init]) == 2
    assert "each model, residual_cnn_tiny, conv_transformer_tiny" in capsys.readouterr().err
    np.savez(weights, **{"unknown|a": np.zeros(1)})
    assert finish.main(command) == 2
    assert "unknown model" in capsys.readouterr().err.lower()


@pytest.mark.parametrize(
    "slower, message", [(("text_(", "0.3"), "unterminated"), (("text", "half"), "half")]
)
def test_slower_weights_are_checked_before_anything_is_read(slower, message, tmp_path, capsys):
    from training.accelerator import __main__ as command

    with pytest.raises(SystemExit):
        command.parse(["none.npz", "--out", str(tmp_path / "out"), "--slower", *slower])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_pattern_of_slower_weights_that_matches_none_is_an_error():
    from training.accelerator import loop

    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1, name="head")(inputs))
    with pytest.raises(ValueError, match=r"--slower.*'text'.*head/kernel"):
        loop.make_step([model], [], None, None, 1, ("text", 0.3))
    loop.make_step([model], [], None, None, 1, ("he", 0.3))


def test_a_locator_starts_from_the_layers_of_the_same_name(tmp_path, monkeypatch):
    from training.accelerator import locate, loop

    deeper = models.create("locator_tiny", head_blocks=3)
    deeper.save(tmp_path / "deeper.keras")
    built = []

    def build(_, create):
        built.extend(create())
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "build", build)
    options = SimpleNamespace(models=["locator_tiny"], init=[str(tmp_path / "deeper.keras")])
    with pytest.raises(KeyboardInterrupt):
        locate.train(options, None)
    for layer in built[0].layers:
        for copied, weights in zip(
            layer.weights, deeper.get_layer(layer.name).weights, strict=True
        ):
            np.testing.assert_array_equal(copied, weights)


def test_no_image_of_a_data_set_is_drawn(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(feed, "render", lambda seed, *_: drawn.append(seed) or render(0, 0))
    monkeypatch.setattr(
        scene_feed, "render_scene", lambda seed, *_: drawn.append(seed) or render_scene(0, 0)
    )
    rng = np.random.default_rng(0)
    feed.reader_writers({}, 0, tmp_path)["drawn/wide"](feed.empty(1), 0, 0, rng)
    scene_feed.writers({}, 0, tmp_path)["rendered"](feed.empty(1, scene_feed.FIELDS), 0, 0, rng)
    assert len(drawn) == 2
    assert min(drawn) > max(*NUMBER_SEEDS.values(), *SCENE_SEEDS.values())


def test_nobody_waits_for_workers_that_have_ended():
    ended = threading.Event()
    source = feed.Feed({}, {}, [], queue.Queue(), queue.Queue(), [], ended)
    with pytest.raises(RuntimeError, match="--workers of 1 or more"):
        source.chunk(timeout=0.01)
    ended.set()
    assert source.chunk(timeout=0.01) is None


def test_scenes_of_every_source_are_stored_with_their_numbers(bank, tmp_path):
    files = [cv2.imencode(".png", images[0])[1].tobytes() for images in bank.images]
    boxes = np.full((10, pack.MOST_DIGITS, 4), np.nan, np.float32)
    boxes[:, 0] = 2, 4, 20, 36
    packs = {"digits/meters/train": pack.Packed(files, list("0123456789"), boxes)}
    arrays = feed.empty(8, scene_feed.FIELDS)
    rng = np.random.default_rng(0)
    for row, (name, write) in enumerate(sorted(scene_feed.writers(packs, 1, tmp_path).items()) * 2):
        write(arrays, row, row, rng)
        width, height = arrays["size"][row]
        numbers = arrays["numbers"][row]
        boxes = numbers[np.isfinite(numbers[:, 0]), :4]
        assert len(boxes) == 0 if name == "empty" else len(boxes) > 0
        assert (boxes >= -0.01).all() and (boxes <= np.array([width, height] * 2) + 0.01).all()
        assert not arrays["images"][row, int(height) :].any()
    strengths = dataclasses.asdict(Augmentation.photo())
    from training.accelerator import scene_augment

    change = functools.partial(scene_augment.augment_scenes, size=320)
    images, numbers = jax.eval_shape(change, arrays, jax.random.key(0), strengths)
    assert images.shape == (8, 320, 320, 3) and numbers.shape == (8, scene_feed.MAX_NUMBERS, 5)


@functools.cache
def compiled():
    from training.accelerator.augment import augment

    return jax.jit(augment, static_argnums=3)


def augmented(arrays, key=0, **amounts):
    names = [field.name for field in dataclasses.fields(Augmentation)]
    strengths = dict.fromkeys([*names, "turned", "faint", "shadow"], 0.0) | amounts
    strengths = {name: np.float32(value) for name, value in strengths.items()}
    images, truth = compiled()(arrays, jax.random.key(key), strengths, (32, 80))
    return np.asarray(images), {name: np.asarray(value) for name, value in truth.items()}


def test_stored_examples_have_labels_and_digit_boxes_within_the_number(arrays):
    for row, length in enumerate(arrays["length"]):
        assert (arrays["digits"][row, :length] >= 0).all()
        assert (arrays["digits"][row, length:] == -1).all()
        boxes = arrays["digit_boxes"][row, :length]
        union = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
        np.testing.assert_allclose(union, arrays["box"][row], atol=1e-5)


def test_without_strength_augmentation_only_shrinks(arrays):
    images, truth = augmented(arrays)
    halves = [cv2.resize(i, (80, 32), interpolation=cv2.INTER_AREA) for i in arrays["images"]]
    assert np.abs(images - np.stack(halves)).mean() < 3
    np.testing.assert_allclose(truth["box"], arrays["box"], atol=1e-4)
    np.testing.assert_array_equal(truth["digits"], arrays["digits"])


def test_augmentation_is_a_function_of_its_key_and_keeps_the_number_in_view(arrays):
    strong = dataclasses.asdict(Augmentation.strong()) | {"background_crop": 0.0}
    images, truth = augmented(arrays, 1, **strong)
    np.testing.assert_array_equal(images, augmented(arrays, 1, **strong)[0])
    assert np.abs(images - augmented(arrays, 2, **strong)[0]).mean() > 1
    assert np.isfinite(images).all() and images.min() >= 0 and images.max() <= 255
    np.testing.assert_array_equal(truth["length"], arrays["length"])
    assert np.isfinite(truth["box"]).all()


def test_turned_images_and_background_crops_show_no_number(arrays):
    _, truth = augmented(arrays, turned=1.0)
    unreadable = np.isin(arrays["digits"], [3, 4, 7]).any(axis=1)
    assert unreadable.any() and (truth["length"][unreadable] == 0).all()
    readable = ~np.isin(arrays["digits"], [2, 3, 4, 5, 7]).any(axis=1)
    np.testing.assert_array_equal(truth["length"][readable], arrays["length"][readable])
    for changes in (truth, augmented(arrays, background_crop=1.0)[1]):
        gone = changes["length"] == 0
        assert gone.any() and not gone.all()
        assert np.isnan(changes["box"][gone]).all() and (changes["digits"][gone] == -1).all()


def test_a_shadow_darkens_one_side_of_its_edge(arrays):
    lit, shaded = augmented(arrays)[0], augmented(arrays, shadow=1.0)[0]
    factors = (shaded.mean(axis=-1) + 1) / (lit.mean(axis=-1) + 1)
    darkest, lightest = factors.min(axis=(1, 2)), factors.max(axis=(1, 2))
    assert (lightest < 1.02).all() and (darkest > 0.15).all()
    assert np.median(darkest) < 0.75 < 0.9 < np.median(lightest)


def test_a_moved_box_follows_its_pixels():
    arrays = feed.empty(COUNT)
    for row in range(COUNT):
        image = np.zeros((60, 150, 3), np.uint8)
        left, top, right, bottom = box = 40 + 3 * row, 20, 70 + 3 * row, 40
        image[top:bottom, left:right] = 255
        feed.store(arrays, row, (image, "3", np.array([box], np.float32)), None)
    images, truth = augmented(arrays, 3, zoom=0.2, shift=0.1, rotation=8.0, perspective=0.1)
    for image, box in zip(images, truth["box"], strict=True):
        rows, columns = np.nonzero(image.mean(axis=-1) > 128)
        edges = columns.min() / 80, rows.min() / 32, (columns.max() + 1) / 80, (rows.max() + 1) / 32
        np.testing.assert_allclose(box, edges, atol=0.06)


def test_validation_counts_each_image_once():
    from training.accelerator import readers

    class ReadsNumbersOfFourDigits:
        def stateless_call(self, weights, rest, images):
            length = jax.numpy.eye(12)[jax.numpy.full(len(images), 4)]
            return {"length": length, "digits": jax.numpy.zeros((len(images), 10, 10))}, rest

    truth = {"digits": np.zeros((5, 10), np.int32), "length": np.array([1, 1, 1, 1, 4])}
    arrays = truth | {"images": np.zeros((5, 4, 4, 3), np.uint8)}
    evaluate = readers.evaluator([ReadsNumbersOfFourDigits()], {"photos": arrays})
    assert evaluate([{"ema": [], "ema_rest": []}]) == {"photos": [0.2]}


def test_weights_are_stored_in_half_precision_and_missing_ones_named(tmp_path):
    model = models.create("conv_transformer_tiny", input_shape=(32, 64, 3), max_digits=3)
    whole, half = tmp_path / "whole.keras", tmp_path / "half.keras"
    model.save(whole)
    finish.save_in_half(model, half)
    assert half.stat().st_size < whole.stat().st_size
    loaded = keras.saving.load_model(half)
    for old, new in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert new.dtype == np.float32
        np.testing.assert_allclose(new, old, rtol=2**-11, atol=1e-7)
    with pytest.raises(ValueError, match="stem_conv/kernel"):
        finish.load_weights(model, {}, "conv_transformer_tiny")
