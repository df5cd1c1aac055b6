"""TFDS builder of rendered numbers; nothing is downloaded.

import tensorflow_datasets as tfds
import datasets.rendered_numbers.rendered_numbers_dataset_builder  # registers the data set

tfds.load("rendered_numbers/default", data_dir=..., split="train")
"""

from __future__ import annotations

import dataclasses
import io
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from .mnist_digits import write_digits
from .rendering import render_many
from .styles import STYLES, TYPEFACES, ObjectStyle, Style
from .typefaces import copy_fonts

log = logging.getLogger(__name__)

SEEDS = {"train": 1, "test": 2}
"""Seed of each split: the splits have no image in common."""


@dataclasses.dataclass(eq=False)
class RenderedConfig(tfds.core.BuilderConfig):
    """Configuration of a rendered data set, of numbers or (in `rendered_scenes`) of scenes.

    Attributes:
        style: the statistics that images follow: a `Style`, or a `SceneStyle` for scenes.
        counts: number of images in each split.
        workers: number of rendering processes; None for one per processor.
        typefaces: whether numbers are set in the typefaces of `fontsource`.
    """

    style: Any = None
    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    workers: int | None = None
    typefaces: bool = False


_DESCRIPTIONS = {
    "default": "House numbers, cropped as in SVHN",
    "wide": "Scenes of which the number covers 0.5 to 5 %; a tenth have no number",
    "suffixes": "House numbers followed by letters, words, or a hyphen and another number",
    "devices": "Numbers on meters, displays, labels, race bibs and number plates",
    "kinds": "Numbers of any kind, 1 to 10 digits, and images without a number",
    "meters": "Mechanical counters and seven-segment displays",
    "handwriting": "Handwritten amounts, as on cheques",
    "symbols": "Times, decimals, numbers with units, under glare; text and fittings",
}
_LARGE, _SMALL = {"train": 60_000, "test": 6_000}, {"train": 20_000, "test": 2_000}


class Builder(tfds.core.GeneratorBasedBuilder):
    """Numbers rendered from fonts and brush strokes, as photos show them."""

    VERSION = tfds.core.Version("2.1.0")
    RELEASE_NOTES = {  # noqa: RUF012
        "1.0.0": "First version.",
        "1.1.0": "More like photos: colours, contrast, enamel lettering, framing.",
        "1.2.0": "Faster rendering; images differ from 1.1.0 by rounding.",
        "2.0.0": "The feature `number` is called `label`; the images are the same.",
        "2.1.0": "On segment displays, three in ten have sevens of four segments.",
    }
    BUILDER_CONFIGS = [
        RenderedConfig(
            name=name,
            description=description,
            style=STYLES[name],
            counts=_LARGE if name in ("default", "kinds", "symbols") else _SMALL,
        )
        for name, description in _DESCRIPTIONS.items()
    ] + [
        RenderedConfig(
            name="typefaces",
            description="Printed numbers in many typefaces, in test others than in train",
            style=TYPEFACES,
            counts=_LARGE,
            typefaces=True,
        )
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
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
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # nothing to download
        counts = self.builder_config.counts
        return {split: self._generate_examples(split, count) for split, count in counts.items()}

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[str, dict]]:
        with tempfile.TemporaryDirectory() as folder:
            style = self._add_glyphs(self.builder_config.style, Path(folder))
            if self.builder_config.typefaces:
                copy_fonts(split, Path(folder))
                style = dataclasses.replace(style, fonts=folder)
            images = render_many(SEEDS[split], count, style, self.builder_config.workers)
            for index, rendered in enumerate(images):
                example_id = f"{split}-{index:06d}"
                labels = [int(digit) for digit in rendered.label]
                yield (
                    example_id,
                    {
                        "id": example_id,
                        # The encoded bytes are stored: encoding them again would add artefacts.
                        "image": io.BytesIO(rendered.jpeg),
                        "label": rendered.label,
                        "digits": {"label": labels, "box": rendered.boxes},
                    },
                )

    def _add_glyphs(self, style: Style, folder: Path) -> Style:
        """Let handwriting use MNIST's training digits if MNIST is prepared in the same folder."""
        if not isinstance(style, ObjectStyle) or style.glyphs:
            return style
        root = str(Path(self.data_dir).parents[2])
        if not tfds.builder("mnist", data_dir=root).is_prepared():
            log.warning(
                "MNIST is not prepared in %s: handwriting is rendered from strokes only", root
            )
            return style
        path = folder / "digits.npz"
        write_digits(root, path)
        return dataclasses.replace(style, glyphs=str(path))
