"""TFDS builder of SVHN's full numbers: whole images with the box of every digit.

import tensorflow_datasets as tfds
import datasets.svhn_numbers.svhn_numbers_dataset_builder  # registers the data set

tfds.load("svhn_numbers/train_test", data_dir=..., split="train")
"""

from __future__ import annotations

import dataclasses
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from . import archives  # relative, as `tfds build` imports the folder alone

log = logging.getLogger(__name__)

URL = "http://ufldl.stanford.edu/housenumbers/{split}.tar.gz"


@dataclasses.dataclass(eq=False)
class SvhnNumbersConfig(tfds.core.BuilderConfig):
    """Which splits to build: any of train, test and extra."""

    splits: tuple[str, ...] = ("train", "test", "extra")


class Builder(tfds.core.GeneratorBasedBuilder):
    """SVHN's full numbers (Netzer et al. 2011, http://ufldl.stanford.edu/housenumbers/)."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {  # noqa: RUF012
        "1.0.0": "First version.",
        "2.0.0": "The feature `number` is called `label`.",
    }
    # `tfds build` without --config builds all of these.
    BUILDER_CONFIGS = [  # noqa: RUF012
        SvhnNumbersConfig(
            name="train_test", description="Without extra (0.7 GB)", splits=("train", "test")
        ),
        SvhnNumbersConfig(name="full", description="train, test and extra (2.6 GB)"),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Optional: archives in this folder are used instead of being downloaded. It may hold
    train.tar.gz, test.tar.gz and extra.tar.gz, or the folders extracted from them
    (train/digitStruct.mat, train/1.png, …).
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
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
            homepage="http://ufldl.stanford.edu/housenumbers/",
            license="For non-commercial use only",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        try:
            folder = Path(dl_manager.manual_dir)
        except AssertionError:  # the folder is missing or empty
            folder = None
        generators = {}
        for split in self.builder_config.splits:
            path = archives.find_split(split, folder) if folder else None
            if path is None:
                path = Path(dl_manager.download(URL.format(split=split)))
            log.info("Reading %s from %s", split, path)
            generators[split] = self._generate_examples(path, split)
        return generators

    def _generate_examples(self, path: Path, split: str) -> Iterator[tuple[str, dict]]:
        for entry, image in archives.read_split(path, split):
            yield (
                entry.name,
                {
                    "id": f"{split}/{entry.name}",
                    "image": io.BytesIO(image),
                    "label": entry.label,
                    "digits": {"label": [int(digit) for digit in entry.label], "box": entry.boxes},
                },
            )
