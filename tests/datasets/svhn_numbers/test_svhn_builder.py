"""The svhn_numbers builder, through TFDS and through `tfds build`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import simple_parsing
import tensorflow as tf
import tensorflow_datasets as tfds

from datasets.svhn_numbers.svhn_numbers_dataset_builder import URL, Builder
from tests.datasets.svhn_numbers.samples import (
    draw_entries,
    draw_png,
    folder_members,
    make_archive,
    make_folder,
)

ROOT = Path(__file__).parents[3]
COUNTS = {"train": 4, "test": 3, "extra": 2}


@pytest.fixture(scope="module")
def dummy_data(tmp_path_factory):
    """train and extra as archives, test as an extracted folder."""
    folder = tmp_path_factory.mktemp("svhn")
    for seed, (split, count) in enumerate(COUNTS.items()):
        members = make_folder(folder / split, draw_entries(count), seed=100 * seed)
        if split != "test":
            make_archive(folder / f"{split}.tar.gz", folder_members(members))
            shutil.rmtree(members)
    return folder


@pytest.fixture(autouse=True)
def downloads(dummy_data, monkeypatch):
    """URLs that the builder asked for, answered from the dummy data."""
    urls = []

    def download(self, url):
        urls.append(url)
        return dummy_data / Path(url).name

    monkeypatch.setattr(tfds.download.DownloadManager, "download", download)
    return urls


def prepare(data_dir, manual_dir, config="full"):
    builder = Builder(data_dir=data_dir, config=config)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
    )
    return builder


def counts(builder) -> dict[str, int]:
    return {name: info.num_examples for name, info in builder.info.splits.items()}


def test_examples_hold_what_the_archive_holds(dummy_data, tmp_path, downloads):
    builder = prepare(tmp_path, dummy_data)
    assert downloads == []
    assert counts(builder) == COUNTS
    stream = tfds.load("svhn_numbers/full", split="train", data_dir=tmp_path, download=False)
    examples = {row["id"].decode(): row for row in tfds.as_numpy(stream)}
    assert sorted(examples) == [f"train/{number}.png" for number in range(1, 5)]
    for index, entry in enumerate(draw_entries(4)):
        row = examples[f"train/{entry.name}"]
        assert row["label"].decode() == entry.label
        assert "".join(map(str, row["digits"]["label"])) == entry.label
        np.testing.assert_array_equal(row["digits"]["box"], entry.boxes)
        np.testing.assert_array_equal(row["image"], tf.io.decode_png(draw_png(index)))
    decoders = {"image": tfds.decode.SkipDecoding()}
    stream = builder.as_dataset(split="test", decoders=decoders)
    stored = {bytes(row["image"]) for row in tfds.as_numpy(stream)}
    assert stored == {draw_png(100 + index) for index in range(3)}, "not encoded again"


def test_only_what_is_absent_is_downloaded(dummy_data, tmp_path, downloads):
    manual = tmp_path / "data/downloads/manual"  # TFDS's default
    shutil.copytree(dummy_data / "test", manual / "test")
    builder = prepare(tmp_path / "data", None, "train_test")
    assert downloads == ["http://ufldl.stanford.edu/housenumbers/train.tar.gz"]
    assert counts(builder) == {"train": 4, "test": 3}


def test_every_download_has_a_checksum():
    infos = tfds.download.checksums.load_url_infos(ROOT / "datasets/svhn_numbers/checksums.tsv")
    assert set(infos) == {URL.format(split=split) for split in COUNTS}
    assert infos[URL.format(split="train")].size == 404141560


def test_tfds_build_works_on_the_folder(dummy_data, tmp_path, monkeypatch):
    """The command behind `tfds build`, without what TFDS's other commands want installed."""
    from tensorflow_datasets.scripts.cli import build

    parser = simple_parsing.ArgumentParser(allow_abbrev=False)
    parser.add_arguments(build.Args, dest="args")
    command = [str(ROOT / "datasets/svhn_numbers"), "--config", "train_test"]
    command += ["--manual_dir", str(dummy_data), "--data_dir", str(tmp_path)]
    parser.parse_args(command).args.execute()
    assert (tmp_path / "svhn_numbers/train_test/2.0.0/dataset_info.json").exists()
