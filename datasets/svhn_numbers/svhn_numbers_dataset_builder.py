"""TFDS builder of SVHN's full numbers: whole images, every digit with its box.

import tensorflow_datasets as tfds
import datasets.svhn_numbers.svhn_numbers_dataset_builder  # tells TFDS of the data set

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

from . import archives, download  # relative, as `tfds build` imports the folder alone

log = logging.getLogger(__name__)


@dataclasses.dataclass(eq=False)
class SvhnNumbersConfig(tfds.core.BuilderConfig):
    """Which splits to build, and what to do with broken images or entries.

    Two are ready by name; others are passed as an object, or to `tfds build --config` as JSON:
    `'{"name": "lenient", "splits": ["train", "test"], "skip_broken": true}'`.

    Attributes:
        splits: any of train, test and extra.
        skip_broken: leave broken ones out, count them and report them; else they are an error.
    """

    splits: tuple[str, ...] = download.SPLITS
    skip_broken: bool = False


class Builder(tfds.core.GeneratorBasedBuilder):
    """SVHN's full numbers (Netzer et al. 2011, http://ufldl.stanford.edu/housenumbers/)."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012
    # No more than these two: `tfds build` without --config builds them all.
    BUILDER_CONFIGS = [  # noqa: RUF012
        SvhnNumbersConfig(name="full", description="train, test and extra (2.6 GB)"),
        SvhnNumbersConfig(
            name="train_test", description="Without extra (0.7 GB)", splits=("train", "test")
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Optional: archives that are there are used and not downloaded. Put train.tar.gz, test.tar.gz
    and extra.tar.gz, or the folders extracted from them (train/digitStruct.mat, train/1.png, …),
    into this folder or into data_dir itself.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
                    "number": tfds.features.Text(),
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
            metadata=tfds.core.MetadataDict(skipped={}),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        folders = self._folders(dl_manager)
        paths = {split: archives.find_split(split, folders) for split in self._splits}
        official = download.official_archives()
        for split, path in paths.items():
            if path is None:
                paths[split] = download.fetch(official[split], folders[-1])
            else:
                log.info("Reading %s from %s", split, path)
                download.check_copy(path, official[split])
        return {split: self._generate_examples(path, split) for split, path in paths.items()}

    @property
    def _splits(self) -> tuple[str, ...]:
        return self.builder_config.splits

    def _folders(self, dl_manager: tfds.download.DownloadManager) -> list[Path]:
        """Where archives may be: the manual folder, data_dir, and where downloads go."""
        data_dir = Path(self.data_dir).parents[2]  # without name, configuration and version
        folders = [data_dir, Path(dl_manager.download_dir) / self.name]
        try:
            return [Path(dl_manager.manual_dir), *folders]
        except AssertionError:  # TFDS's way to say that there is no such folder, or it is empty
            return folders

    def _generate_examples(self, path: Path, split: str) -> Iterator[tuple[str, dict]]:
        skipped = archives.Skipped()
        examples = archives.read_split(
            path, split, skip_broken=self.builder_config.skip_broken, skipped=skipped
        )
        for example in examples:
            entry = example.entry
            yield (
                entry.name,
                {
                    "id": f"{split}/{entry.name}",
                    "image": io.BytesIO(example.image),
                    "number": "".join(map(str, entry.labels)),
                    "digits": {"label": entry.labels, "box": entry.boxes},
                },
            )
        self.info.metadata["skipped"][split] = dict(skipped.counts)
