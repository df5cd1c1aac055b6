"""Named data sets: description, lookup, preparation on first use."""

from __future__ import annotations

import csv
import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

import datasets
from datasets import registry, sources, tfds_data
from datasets.photo_folder import split_of
from tests.conftest import ROOT
from tests.datasets.folders import put


@pytest.mark.parametrize(
    "name", [name for name in datasets.list_datasets() if registry.DATA_SETS[name].folder]
)
def test_listed_facts_are_those_of_the_builder(name, tmp_path):
    data_set = datasets.describe(name)
    builder = tfds_data.create_builder(data_set, str(tmp_path))
    files = {path.name for path in data_set.folder.iterdir()}
    assert files >= {"README.md", "CITATIONS.bib", "TAGS.txt", "checksums.tsv"}
    assert builder.name == data_set.builder
    if data_set.config:
        assert builder.builder_config.name == data_set.config
    assert builder.info.features["image"].shape[2] == data_set.channels
    if data_set.builder == "rendered_scenes":
        assert {"boxes", "labels", "turns"} <= builder.info.features.keys()
    else:
        assert "box" in builder.info.features["digits"]
    config = builder.builder_config
    if hasattr(config, "counts"):  # else the sizes are those of files, as of SVHN's archives
        counts = dict(config.counts)
        test = counts.pop("test")
        assert data_set.images == (sum(counts.values()), test)


def test_the_example_of_contributing_is_a_data_set(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    (builder,) = (block for block in blocks if "class Builder" in block)
    (entry,) = (block for block in blocks if "DataSet(" in block)
    entry = entry.replace("tiny_digits", "example_digits")  # readers may have tried the example
    files = {"README.md": "Digits.", "CITATIONS.bib": "", "TAGS.txt": "", "checksums.tsv": ""}
    files |= {"__init__.py": "", "example_digits_dataset_builder.py": builder}
    put(tmp_path / "example_digits", files)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("example_digits.example_digits_dataset_builder")
    monkeypatch.setitem(sys.modules, f"datasets.{module.__name__}", module)
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "registry.py"))
    (data_set,) = eval(entry, {"DataSet": registry.DataSet})
    monkeypatch.setitem(registry.DATA_SETS, "example_digits", data_set)
    generate = module.Builder._generate_examples

    def generate_few(builder, indices):
        return generate(builder, indices[:20])

    monkeypatch.setattr(module.Builder, "_generate_examples", generate_few)
    sizes = [datasets.size("example_digits", split, tmp_path / "data") for split in registry.SPLITS]
    assert sizes == [18, 2, 20]
    stream = datasets.load("example_digits", "test", data_dir=tmp_path / "data", with_boxes=True)
    ((images, labels),) = stream.as_numpy_iterator()
    assert images.shape == (20, 8, 8, 1) and 200 < images.max() <= 255
    assert sorted(labels["digits"][:, 0]) == sorted(load_digits().target[1500:1520])
    assert (labels["box"] == [0, 0, 1, 1]).all()


def test_listed_sizes_are_those_of_the_data(shared_data):
    mnist = tfds_data.builder("mnist", shared_data / "tensorflow_datasets").info.splits
    counts = tuple(mnist[split].num_examples for split in ("train", "test"))
    assert datasets.describe("mnist").images == counts
    images, digits = [], []
    for split in ("train", "test"):
        with (shared_data / "svhn_annotations" / f"{split}.csv").open() as file:
            labels = [row["digits"] for row in csv.DictReader(file)]
        images.append(len(labels))
        digits.append(sum(map(len, labels)))
    assert datasets.describe("svhn_numbers").images == tuple(images)
    assert datasets.describe("svhn_cropped").images == tuple(digits)
    extra = 202_353
    assert datasets.describe("svhn_numbers/full").images == (images[0] + extra, images[1])


def test_wildcards():
    names = ["mnist", "mnist_numbers", "mnist_numbers/small"]
    assert datasets.list_datasets("mnist*") == names
    assert datasets.list_datasets("nothing*") == []


@pytest.mark.parametrize("use", [datasets.describe, lambda name: datasets.load(name, "train")])
def test_an_unknown_name_lists_the_known_ones_nearest_first(use):
    with pytest.raises(ValueError, match=r"data set 'mnist_nubers'\. Known: mnist_numbers, "):
        use("mnist_nubers")


def test_validation_is_cut_from_train_and_test_is_apart():
    for name in datasets.list_datasets():
        splits = registry.DATA_SETS[name].splits
        assert splits.keys() == {"train", "validation", "test"} and splits["test"] == "test"
        # These have a validation split of their own, of other digits or another seed.
        if not name.startswith(("mnist_numbers", "rendered_scenes")):
            assert splits["train"].partition("[")[0] == splits["validation"].partition("[")[0]
            cut = splits["validation"].partition("[")[2].rstrip(":]")
            assert splits["train"].startswith(f"train[:{cut}]")


def test_the_folder_of_prepared_data(monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", "/there")
    assert tfds_data.resolve_data_dir("/here") == Path("/here")
    assert tfds_data.resolve_data_dir() == Path("/there")
    monkeypatch.setenv("TFDS_DATA_DIR", "")
    assert tfds_data.resolve_data_dir() == tfds_data.DEFAULT_DATA_DIR
    monkeypatch.delenv("TFDS_DATA_DIR")
    assert tfds_data.resolve_data_dir() == tfds_data.DEFAULT_DATA_DIR


@pytest.mark.parametrize("state", ["prepared", "absent", "prepared meanwhile", "fails"])
def test_a_download_is_announced_and_made_once(tmp_path, monkeypatch, caplog, state):
    calls = []

    def prepare():
        calls.append("download")
        if state != "absent":  # as TFDS, where another process prepares the same
            raise OSError(39, "Directory not empty")

    def fake_builder(name, data_dir):
        is_prepared = state == "prepared" or (state == "prepared meanwhile" and len(calls) > 1)
        calls.append((name, data_dir))
        return SimpleNamespace(
            data_dir=data_dir,
            is_prepared=lambda: is_prepared,
            download_and_prepare=prepare,
            info=SimpleNamespace(splits={"train[90%:]": SimpleNamespace(num_examples=7326)}),
        )

    monkeypatch.setattr(tfds, "builder", fake_builder)
    if state == "fails":
        with pytest.raises(OSError, match="Directory not empty"):
            datasets.size("svhn_cropped", "validation", tmp_path)
    else:
        assert datasets.size("svhn_cropped", "validation", tmp_path) == 7326
    create, download = ("svhn_cropped", str(tmp_path)), "download"
    expected = {"prepared": [create], "absent": [create, download]}
    assert calls == expected.get(state, [create, download, create])
    assert ("downloads 1.5 GB" in caplog.text) == (state != "prepared")


@pytest.mark.parametrize("damage", ["cut", "gone", "metadata", "no metadata"])
def test_data_copied_in_part_say_so(shared_data, tmp_path, damage):
    folder = tmp_path / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    for path in (shared_data / "tensorflow_datasets" / "mnist" / "3.0.1").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    shard, info = folder / "mnist-test.tfrecord-00000-of-00001", folder / "dataset_info.json"
    if damage == "cut":
        shard.write_bytes(shard.read_bytes()[:100_000])
    elif damage == "metadata":
        info.write_text('{"na')
    else:
        (shard if damage == "gone" else info).unlink()
    with pytest.raises(OSError, match="were copied in part: copy them again"):
        list(sources.examples("mnist", "test", tmp_path))


def test_importing_loads_no_tensorflow_and_leaves_opencv_alone():
    code = (
        "import sys, cv2, datasets; cv2.setNumThreads(2); datasets.describe('mnist'); "
        "import datasets.sources, datasets.distort, datasets.prepared; "
        "sys.exit('tensorflow' in sys.modules or cv2.getNumThreads() != 2)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_an_unknown_attribute():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = datasets.nothing


def test_a_folder_is_distinguished_from_a_name(make_folder, monkeypatch, tmp_path):
    make_folder(3, "mnist")
    monkeypatch.chdir(tmp_path)
    assert not sources.is_folder("mnist")
    assert sources.is_folder("./mnist")
    assert [example.id for example in sources.examples("./mnist", "train", limit=2)] == [
        name for name in ("p00.png", "p01.png") if split_of(name) == "train"
    ]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        datasets.size("./nowhere", "train")
