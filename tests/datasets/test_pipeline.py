"""Pipelines: labels and values, order, reproducibility, limits, shards, and crops around boxes."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

import datasets
from datasets import prepared, sources
from datasets.augmentation import Augmentation
from tests.datasets.folders import put, put_images

SMALL = {"image_size": (12, 20), "channels": 3, "max_digits": 3}


def collect(stream) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return [(x.numpy(), y["length"].numpy(), y["digits"].numpy()) for x, y in stream]


def same(left, right) -> bool:
    return len(left) == len(right) and all(
        np.array_equal(a, b)
        for batch, other in zip(left, right, strict=True)
        for a, b in zip(batch, other, strict=True)
    )


def photo_index(images: np.ndarray) -> np.ndarray:
    """Which photo of `make_folder` each image shows, from the red of its right half."""
    right = images[:, 3:-3, -6:-2, 0].mean(axis=(1, 2))
    return np.round((right - 40) / 4).astype(int)


def test_images_and_labels_belong_together(make_folder):
    folder = make_folder()
    stream = datasets.load(folder, "train", batch_size=8, **SMALL)
    assert stream.cardinality().numpy() == 5
    assert datasets.size(folder, "train") == 33
    batches = collect(stream)
    assert [len(lengths) for _, lengths, _ in batches] == [8, 8, 8, 8, 1]
    for images, lengths, digits in batches:
        assert images.dtype == np.float32
        assert images.shape[1:] == (12, 20, 3)
        assert images.min() >= 0
        assert 150 < images.max() <= 255
        assert (lengths == 2).all()
        assert digits.dtype == lengths.dtype == np.int32
        expected = [[int(d) for d in str(10 + i)] + [-1] for i in photo_index(images)]
        assert digits.tolist() == expected


def test_resuming_at_an_epoch_gives_the_same_batches(make_folder):
    folder = make_folder()
    options = {"epochs": 4, "seed": 11, "batch_size": 5, **SMALL}
    options["augmentation"] = Augmentation.strong()
    whole = collect(datasets.load_training(folder, **options))
    again = collect(datasets.load_training(folder, **options))
    rest = datasets.load_training(folder, start_epoch=2, **options)
    steps = len(whole) // 4
    assert steps == 7  # of 33 images
    assert rest.cardinality().numpy() == 2 * steps
    assert same(whole, again)
    assert same(whole[2 * steps :], collect(rest))
    assert not same(whole[:steps], whole[steps : 2 * steps])
    images = np.concatenate([batch[0] for batch in whole])
    assert images.min() >= 0
    assert 150 < images.max() <= 255
    assert 80 < images.mean() < 180
    other = collect(datasets.load_training(folder, **(options | {"seed": 12})))
    assert not same(whole, other)


def test_a_mix_keeps_its_proportions_and_repeats_the_small_part(make_folder):
    large, small = make_folder(40, "large"), make_folder(8, "small")
    (small / "labels.csv").write_text(
        "file,label\n" + "".join(f"p{i:02d}.png,7\n" for i in range(8))
    )
    stream = datasets.load_training(
        f"{large}:2,{small}:1", epochs=2, seed=0, batch_size=30, steps_per_epoch=10, **SMALL
    )
    lengths = np.concatenate([lengths for _, lengths, _ in collect(stream)])
    assert len(lengths) == 600
    assert (lengths == 1).sum() == 200
    assert stream.cardinality().numpy() == 20


def test_a_cache_file_holds_the_same_as_memory(make_folder, tmp_path, monkeypatch):
    folder = make_folder()
    options = {"epochs": 1, "seed": 0, "batch_size": 8, "augmentation": Augmentation.light()}
    memory = collect(datasets.load_training(folder, **options, **SMALL))
    cache = tmp_path / "cache"
    written = collect(datasets.load_training(folder, cache_dir=cache, **options, **SMALL))
    files = sorted(path.suffix for path in cache.iterdir())

    def fail(*_):
        raise AssertionError("decoded again")

    monkeypatch.setattr(prepared, "_fill", fail)
    kept = collect(datasets.load_training(folder, cache_dir=cache, **options, **SMALL))
    assert same(memory, written)
    assert same(memory, kept)
    assert files == [".json", ".npy"]
    with pytest.raises(AssertionError, match="decoded again"):
        datasets.load(folder, "train", cache_dir=cache, **(SMALL | {"channels": 1}))


def test_a_short_training_reads_only_the_images_that_it_uses(make_folder, tmp_path, caplog):
    folder = make_folder()
    options = {"epochs": 3, "seed": 7, "start_epoch": 1, "steps_per_epoch": 1, "batch_size": 4}
    caplog.set_level("INFO")
    batches = collect(datasets.load_training(folder, **options, **SMALL))
    assert "train: 8 of 33 images" in caplog.text
    cached = datasets.load_training(folder, **options, **SMALL, cache_dir=tmp_path)
    assert same(batches, collect(cached)) and "train: 33 images" in caplog.text


def test_a_changed_folder_is_read_again_and_no_partial_file_is_left(make_folder, tmp_path):
    folder, cache = make_folder(), tmp_path / "cache"
    load = {"cache_dir": cache, **SMALL}
    before = collect(datasets.load(folder, "train", **load))
    text = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(text.replace("p00.png,10", "p00.png,555"))
    after = collect(datasets.load(folder, "train", **load))
    assert before[0][1][0] == 2
    assert after[0][1][0] == 3
    for path in cache.glob("*.npy"):  # the large ones, to free space
        path.unlink()
    assert same(after, collect(datasets.load(folder, "train", **load)))
    whole = sorted(cache.iterdir())
    (folder / "p39.png").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"p39\.png does not decode"):
        datasets.load(folder, "train", **load)
    assert sorted(cache.iterdir()) == whole


def test_a_limit_means_the_same_images_everywhere(make_folder):
    first, second = make_folder(20, "first"), make_folder(40, "second")
    mix, limited = f"{first}:1,{second}:2", {"limit": 4}
    names = ["p00.png", "p01.png", "p02.png", "p04.png"] * 2
    ((images, labels),) = datasets.load(mix, "train", **SMALL, **limited)
    listed = datasets.labels(mix, "train", **limited)
    assert [name for name, _ in listed] == names
    assert photo_index(images.numpy()).tolist() == [int(name[1:3]) for name in names]
    digits = labels["digits"].numpy()[:, :2].tolist()
    assert digits == [[int(digit) for digit in label] for _, label in listed]
    assert datasets.size(mix, "train", **limited) == 8
    hashes = [image.digest() for image in datasets.examples(mix, "train", **limited)]
    assert hashes[:4] == hashes[4:] and len(set(hashes)) == 4


def test_a_folder_gives_the_number_of_digit_positions(make_folder):
    folder = make_folder(4)
    for texts, expected in (
        (("7", "0", "3", "4"), 1),
        (("7", "0", "3", ""), 2),
        (("7", "12345678", "", "4"), 8),  # in the split test
        (("", "", "", ""), 2),
    ):
        rows = [f"p{index:02d}.png,{text},train" for index, text in enumerate(texts)]
        rows[1] = rows[1].replace("train", "test")
        (folder / "labels.csv").write_text("\n".join(["file,label,split", *rows]) + "\n")
        assert datasets.defaults(folder)["max_digits"] == expected
    assert datasets.defaults(f"mnist,{folder}")["max_digits"] == 2


def test_longer_empty_and_single_digit_labels(make_folder):
    folder = make_folder(3)
    (folder / "labels.csv").write_text("file,label\np00.png,1234\np01.png,\np02.png,007\n")
    ((_, lengths, digits),) = collect(datasets.load(folder, "train", **SMALL))
    assert lengths.tolist() == [4, 0, 3]
    assert digits.tolist() == [[-1, -1, -1], [-1, -1, -1], [0, 0, 7]]
    with pytest.raises(ValueError, match=r"p00\.png with the label '1234'"):
        datasets.load(folder, "train", **(SMALL | {"max_digits": 1}))
    (folder / "labels.csv").write_text("file,label\np00.png,4\np01.png,0\n")
    ((_, digits),) = datasets.load(folder, "train", **(SMALL | {"max_digits": 1}))
    assert list(digits) == ["digits"]
    assert digits["digits"].numpy().tolist() == [[4], [0]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"crop": "union"}, r"p00\.png has no digit boxes.*crop='full'"),
        ({"crop": "round"}, "crop is one of full, union, square"),
        ({"seed": -1}, "seed is 0 or more"),
        ({"batch_size": 0}, "batch_size is 1 or more"),
        ({"start_epoch": -1}, "start_epoch is 0 or more"),
        ({"shard": (0, 3)}, "a divisor of the batch size 8"),
        ({"shard": (2, 2)}, "a divisor of the batch size 8"),
        ({"shard": (-1, 2)}, "a divisor of the batch size 8"),
    ],
)
def test_invalid_options(make_folder, options, words):
    valid = {"epochs": 1, "seed": 0, "batch_size": 8, **SMALL}
    with pytest.raises(ValueError, match=words):
        datasets.load_training(make_folder(), **(valid | options))


def test_splits_that_are_unknown_or_empty(make_folder):
    folder = make_folder(2)
    with pytest.raises(ValueError, match="split is one of train, validation, test"):
        datasets.load(folder, "dev", **SMALL)
    with pytest.raises(ValueError, match="no images in its test split"):
        datasets.load(folder, "test", **SMALL)


def test_a_mix_that_is_too_large_for_memory_is_refused_before_it_is_read(make_folder, monkeypatch):
    folders = [make_folder(name=name) for name in ("first", "second")]
    size = math.prod((sources.size(folders[0], "train"), *SMALL["image_size"], 3))
    monkeypatch.setattr(prepared, "_free_memory", lambda: 2 * size)
    datasets.load(folders[0], "train", **SMALL)
    monkeypatch.setattr(prepared, "_fill", lambda *_: pytest.fail("a source was read"))
    with pytest.raises(MemoryError, match="--cache-dir"):
        datasets.load(",".join(map(str, folders)), "train", **SMALL)


def test_only_the_images_that_are_used_take_memory(make_folder):
    folder, spec = make_folder(), prepared.PreprocessSpec(SMALL["image_size"], 3)
    (every,) = prepared.prepare(folder, "train", spec)
    used = np.arange(len(every)) % 3 == 1
    (some,) = prepared.prepare(folder, "train", spec, used=[used])
    assert len(some.images) == used.sum() < len(some) == len(every)
    np.testing.assert_array_equal(some.images[some.rows[used]], every.images[every.rows[used]])
    assert (some.rows[~used] == -1).all() and some.labels == every.labels


def test_the_fingerprint_distinguishes_splits_and_changes(make_folder):
    folder = make_folder()
    prints = {split: datasets.fingerprint(folder, split) for split in ("train", "test")}
    assert prints["train"] != prints["test"]
    assert datasets.fingerprint(folder, "train") == prints["train"]
    (folder / "p00.png").write_bytes((folder / "p01.png").read_bytes())
    assert datasets.fingerprint(folder, "train") != prints["train"]
    assert datasets.fingerprint(folder, "test") == prints["test"]
    name = sources.labels(folder, "test")[0][0]
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace(f"{name},", f"{name},9"))
    assert datasets.fingerprint(folder, "test") != prints["test"]
    hashes = [image.digest() for image in datasets.examples(folder, "train")]
    assert hashes[0] == hashes[1] != hashes[2]


def test_digests_of_labels_change_with_the_labels_and_with_replaced_images(make_folder):
    folder = make_folder()
    (before,) = sources.label_digests(f"{folder},mnist", "train").items()
    assert before[0] == f"{folder} train"
    photo = folder / "p00.png"
    photo.touch()
    assert sources.label_digests(folder, "train") == dict([before])
    content = photo.read_bytes()
    photo.write_bytes(content + b"0")
    ((_, replaced),) = sources.label_digests(folder, "train").items()
    assert replaced.split()[0] == before[1].split()[0] and replaced != before[1]
    photo.write_bytes(content)
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace("p00.png,10", "p00.png,19"))
    changed = sources.label_digests(folder, "train")
    assert changed != dict([before])
    name = sources.labels(folder, "test")[0][0]
    table.write_text(table.read_text().replace(f"{name},", f"{name},9"))
    assert sources.label_digests(folder, "train") == changed


@pytest.mark.parametrize(
    "row", ["1.png,13,1 2 9 9,0", "1.png,12,2 2 9 9,0", "1.png,12,1 2 9 9,1", "2.png,12,1 2 9 9,0"]
)
def test_labels_are_also_the_boxes_the_turns_and_the_names(tmp_path, row):
    put_images(tmp_path, "1.png", "2.png", "3.png")
    digests, prints, states = set(), set(), set()
    for line in ("1.png,12,1 2 9 9,0", row):
        rows = ["file,label,boxes,turn", line, "3.png,4,1 1 9 9,0", "3.png,5,11 1 19 9,0"]
        put(tmp_path, {"train.csv": "\n".join(rows)})
        digests |= set(sources.label_digests(tmp_path, "train").values())
        prints.add(datasets.fingerprint(tmp_path, "train"))
        states.add(sources.state(str(tmp_path), "train"))
    assert len(digests) == len(prints) == len(states) == 2


def test_real_mnist_has_its_known_digits(shared_data):
    options = {"data_dir": shared_data / "tensorflow_datasets", "limit": 200}
    splits = {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert {split: datasets.size("mnist", split, options["data_dir"]) for split in splits} == splits
    (images, labels), *_ = datasets.load("mnist", "test", **options)
    assert images.shape == (128, 28, 28, 1)
    assert labels["digits"].shape == (128, 1)
    assert labels["digits"].numpy()[:5, 0].tolist() == [2, 0, 4, 8, 7]
    assert images.numpy().max() == 255
    assert 25 < images.numpy().mean() < 45


def test_the_shards_of_a_batch_are_the_whole_batch(photos):
    options = {"epochs": 2, "start_epoch": 1, "seed": 3, "steps_per_epoch": 2, "batch_size": 8}
    options |= {"image_size": (16, 32), "augmentation": Augmentation.strong()}
    whole = list(datasets.load_training(photos, **options).as_numpy_iterator())
    shards = [
        datasets.load_training(photos, **options, shard=(index, 4)).as_numpy_iterator()
        for index in range(4)
    ]
    for (images, truth), *parts in zip(whole, *shards, strict=True):
        together = np.concatenate([part for part, _ in parts])
        # NumPy's powers and exponentials depend on the array's length in the last place.
        assert np.abs(together - images).max() <= 1.0
        assert np.abs(together - images).mean() < 1e-3
        for key, labels in truth.items():
            np.testing.assert_array_equal(
                np.concatenate([targets[key] for _, targets in parts]), labels
            )
    assert len({image.tobytes() for image in whole[0][0]}) == 8


@pytest.fixture
def boxed(monkeypatch):
    """A source of an image twice, once with a label and a box."""
    image = np.full((20, 40, 3), 50, np.uint8)
    image[5:15, 10:20] = 200
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    examples = [
        datasets.Example("number", file.getvalue(), ["12"], [[10, 5, 20, 15]]),
        datasets.Example("none", file.getvalue()),
    ]
    monkeypatch.setattr(sources, "size", lambda *_: len(examples))
    monkeypatch.setattr(sources, "examples", lambda *_: iter(examples))
    monkeypatch.setattr(sources, "state", lambda *_: "state")


def test_an_image_without_a_number_is_never_cropped(boxed):
    ((images, labels),) = datasets.load("svhn_numbers", "train", crop="union", margin=0.0, **SMALL)
    assert labels["length"].numpy().tolist() == [2, 0]
    assert images.numpy()[0].min() > 150
    assert images.numpy()[1].mean() < 80


@pytest.mark.parametrize("cached", [False, True])
def test_boxes_are_fractions_of_the_visible_part(boxed, cached, tmp_path):
    options = SMALL | {"cache_dir": tmp_path if cached else None, "with_boxes": True}
    for _ in range(2):  # the second time from the file
        ((_, labels),) = datasets.load("svhn_numbers", "train", **options)
        np.testing.assert_allclose(labels["box"][0], [0.25, 0.25, 0.5, 0.75])
        assert np.isnan(labels["box"][1]).all()
    ((_, labels),) = datasets.load("svhn_numbers", "train", crop="union", margin=0.25, **options)
    np.testing.assert_allclose(labels["box"][0], [0.1, 0.1, 0.9, 0.9], atol=1e-6)


def test_a_background_crop_is_labelled_as_without_a_number(boxed):
    stream = datasets.load_training(
        "svhn_numbers", epochs=1, seed=0, steps_per_epoch=8, batch_size=16, with_boxes=True,
        augmentation=Augmentation(background_crop=0.5), **SMALL,
    )  # fmt: skip
    numbers = emptied = 0
    for images, labels in stream.as_numpy_iterator():
        light = (images[..., 0] > 125).any(axis=(1, 2))
        shown = labels["length"] == 2
        assert light[shown].all()
        assert (labels["digits"][shown, :2] == [1, 2]).all()
        assert (labels["length"][~shown] == 0).all()
        assert (labels["digits"][~shown] == -1).all()
        assert np.isnan(labels["box"][~shown]).all()
        assert not light[~shown & np.isnan(labels["box"][:, 0])].all()
        numbers, emptied = numbers + shown.sum(), emptied + (~shown & ~light).sum()
    assert numbers > 20 and emptied > 20
