"""TFDS builder of numbers composed of MNIST digits.

import tensorflow_datasets as tfds
import datasets.mnist_numbers.mnist_numbers_dataset_builder  # registers the data set

tfds.load("mnist_numbers", data_dir=..., split="train")
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator

import cv2
import numpy as np
import tensorflow_datasets as tfds

from .compose import compose  # relative, as `tfds build` imports the folder alone

DIGITS_OF = {"train": "train[:55000]", "validation": "train[55000:]", "test": "test"}
"""The part of MNIST that the digits of each split come from; the parts do not overlap."""

_SEEDS = {"train": 1, "validation": 2, "test": 3}


@dataclasses.dataclass(eq=False)
class MnistNumbersConfig(tfds.core.BuilderConfig):
    """Number of images in each split."""

    counts: dict[str, int] = dataclasses.field(default_factory=dict)


class Builder(tfds.core.GeneratorBasedBuilder):
    """Numbers of 1 to 5 MNIST digits on a 48 x 128 canvas."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {  # noqa: RUF012
        "1.0.0": "First version.",
        "1.1.0": "220,000 train numbers, not 55,000; validation and test are the same.",
        "2.0.0": "The feature `number` is called `label`; the images are the same.",
    }
    BUILDER_CONFIGS = [  # noqa: RUF012
        MnistNumbersConfig(
            name="default",
            description="225,000 numbers to train on, 10,000 to test",
            counts={"train": 220_000, "validation": 5_000, "test": 10_000},
        ),
        MnistNumbersConfig(
            name="small",
            description="22,000 numbers to train on, 2,000 to test",
            counts={"train": 20_000, "validation": 2_000, "test": 2_000},
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "image": tfds.features.Image(shape=(None, None, 1), encoding_format="png"),
                    "label": tfds.features.Text(),
                    "digits": tfds.features.Sequence(
                        {
                            "label": tfds.features.ClassLabel(num_classes=10),
                            "box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
                        }
                    ),
                }
            ),
            supervised_keys=None,
            homepage="http://yann.lecun.com/exdb/mnist/",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # TFDS's own builder downloads MNIST if needed
        mnist = tfds.builder("mnist", data_dir=self._data_dir_root)
        mnist.download_and_prepare()
        return {
            split: self._generate_examples(mnist, split, count)
            for split, count in self.builder_config.counts.items()
        }

    def _generate_examples(self, mnist, split: str, count: int) -> Iterator[tuple[str, dict]]:
        digits = mnist.as_dataset(split=DIGITS_OF[split], batch_size=-1, shuffle_files=False)
        images = digits["image"].numpy()[..., 0]
        labels = digits["label"].numpy()
        for index in range(count):
            # One generator per image, so that images do not depend on the number of images.
            rng = np.random.default_rng([_SEEDS[split], index])
            length = rng.integers(1, 6)  # 1 to 5 digits
            chosen = rng.integers(len(labels), size=length)
            image, boxes = compose([images[place] for place in chosen], rng)
            name = f"{split}/{index:06d}"
            yield (
                name,
                {
                    "id": name,
                    # OpenCV encodes PNG faster than TensorFlow.
                    "image": io.BytesIO(cv2.imencode(".png", image)[1].tobytes()),
                    "label": "".join(str(label) for label in labels[chosen]),
                    "digits": {"label": labels[chosen], "box": boxes},
                },
            )
