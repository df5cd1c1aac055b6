"""TFDS builder of drawn house numbers: nothing is downloaded.

import tensorflow_datasets as tfds
import datasets.rendered_numbers.rendered_numbers_dataset_builder  # tells TFDS of the data set

tfds.load("rendered_numbers/default", data_dir=..., split="train")
"""

from __future__ import annotations

import dataclasses
import io
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from datasets.rendered_numbers.glyph_file import write_glyphs
from datasets.rendered_numbers.kinds_style import CHEQUES, KINDS, METERS, KindStyle
from datasets.rendered_numbers.parallel import draw_many
from datasets.rendered_numbers.style import DEFAULT, DEVICES, WIDE, Style

log = logging.getLogger(__name__)

SEEDS = {"train": 1, "test": 2}
"""Seed of each split: no image of one is in the other."""


@dataclasses.dataclass(eq=False)
class RenderedNumbersConfig(tfds.core.BuilderConfig):
    """How many images to draw, and of which style.

    Attributes:
        style: the statistics that the images follow.
        train: images of the train split.
        test: images of the test split.
        workers: processes that draw, or None for one for each processor.
    """

    style: Style | KindStyle = DEFAULT
    train: int = 60_000
    test: int = 6_000
    workers: int | None = None


class Builder(tfds.core.GeneratorBasedBuilder):
    """House numbers drawn from fonts and brush strokes, as street photos show them."""

    VERSION = tfds.core.Version("1.2.0")
    RELEASE_NOTES = {  # noqa: RUF012
        "1.0.0": "First version.",
        "1.1.0": "More like photos: colours, contrast, enamel lettering, framing.",
        "1.2.0": "Drawn faster: the same images to the eye, not to the byte.",
    }
    BUILDER_CONFIGS = [  # noqa: RUF012
        RenderedNumbersConfig(
            name="default", description="Images cut around their number, as in SVHN"
        ),
        RenderedNumbersConfig(
            name="wide",
            description="Scenes of which the number covers 0.5 to 5 %, a tenth without a number",
            style=WIDE,
            train=20_000,
            test=2_000,
        ),
        RenderedNumbersConfig(
            name="devices",
            description="Numbers on meters, displays, labels, race bibs and number plates",
            style=DEVICES,
            train=20_000,
            test=2_000,
        ),
        RenderedNumbersConfig(
            name="kinds",
            description="Numbers of any kind, 1 to 10 digits, and images without a number",
            style=KINDS,
            train=60_000,
            test=6_000,
        ),
        RenderedNumbersConfig(
            name="meters",
            description="Mechanical counters and displays of seven segments",
            style=METERS,
            train=20_000,
            test=2_000,
        ),
        RenderedNumbersConfig(
            name="handwriting",
            description="Handwritten amounts, as on cheques",
            style=CHEQUES,
            train=20_000,
            test=2_000,
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
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
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # nothing to download
        counts = {"train": self.builder_config.train, "test": self.builder_config.test}
        return {split: self._generate_examples(split, count) for split, count in counts.items()}

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[str, dict]]:
        with tempfile.TemporaryDirectory() as folder:
            style = self._with_glyphs(self.builder_config.style, Path(folder))
            yield from self._draw(split, count, style)

    def _with_glyphs(self, style: Style | KindStyle, folder: Path) -> Style | KindStyle:
        """Let a style's handwriting use MNIST's training digits if MNIST is prepared beside."""
        if not isinstance(style, KindStyle) or style.glyphs:
            return style
        root = str(Path(self.data_dir).parents[2])
        if not tfds.builder("mnist", data_dir=root).is_prepared():
            log.warning("MNIST is not prepared in %s: handwriting is drawn as strokes alone", root)
            return style
        path = folder / "digits.npz"
        write_glyphs(root, path)
        return dataclasses.replace(style, glyphs=str(path))

    def _draw(self, split: str, count: int, style: Style | KindStyle) -> Iterator[tuple[str, dict]]:
        images = draw_many(SEEDS[split], count, style, self.builder_config.workers)
        for index, drawn in enumerate(images):
            name = f"{split}-{index:06d}"
            digits = [
                {"label": int(digit), "box": box}
                for digit, box in zip(drawn.number, drawn.boxes, strict=True)
            ]
            # The bytes go in as they are: compressing again would add artefacts of its own.
            yield (
                name,
                {
                    "id": name,
                    "image": io.BytesIO(drawn.jpeg),
                    "number": drawn.number,
                    "digits": digits,
                },
            )
