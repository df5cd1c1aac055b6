"""A small MNIST that the tests make themselves, and numbers composed of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

from datasets.mnist_numbers import mnist_numbers_dataset_builder as mnist_numbers


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """Folder of TFDS data: "mnist" with scikit-learn's digits, and few numbers of them."""
    folder = tmp_path_factory.mktemp("tensorflow_datasets")
    _write_mnist(folder / "mnist" / "3.0.1")
    few = {"train": "train[:300]", "validation": "train[300:500]", "test": "test[:300]"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist_numbers, "DIGITS_OF", few)
        config = mnist_numbers.Builder.builder_configs["small"]
        patch.setattr(config, "counts", {"train": 600, "validation": 60, "test": 80})
        mnist_numbers.Builder(data_dir=folder, config="small").download_and_prepare()
    return folder


def _write_mnist(folder) -> None:
    digits = load_digits()
    features = tfds.builder_cls("mnist")(data_dir=folder.parent.parent).info.features
    rows = []
    for small, label in zip(digits.images, digits.target, strict=True):
        image = np.zeros((28, 28, 1), np.uint8)
        grown = cv2.resize(small / 16 * 255, (20, 20), interpolation=cv2.INTER_CUBIC)
        image[4:24, 4:24, 0] = grown.clip(0, 255)
        rows.append(features.serialize_example({"image": image, "label": int(label)}))
    folder.mkdir(parents=True)
    template = tfds.core.ShardedFileTemplate(
        data_dir=folder, dataset_name="mnist", filetype_suffix="tfrecord"
    )
    splits = []
    for split, start, count in (("train", 0, 1200), ("test", 1200, 300)):
        with tf.io.TFRecordWriter(str(folder / f"mnist-{split}.tfrecord-00000-of-00001")) as file:
            for row in rows[start : start + count]:
                file.write(row)
        splits.append(
            tfds.core.SplitInfo(
                name=split, shard_lengths=[count], num_bytes=0, filename_template=template
            )
        )
    tfds.folder_dataset.write_metadata(
        data_dir=folder, features=features, split_infos=splits, check_data=False
    )
