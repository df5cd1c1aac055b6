"""TFDS builder of rendered scenes; nothing is downloaded.

import tensorflow_datasets as tfds
import datasets.rendered_scenes.rendered_scenes_dataset_builder  # registers the data set

tfds.load("rendered_scenes", data_dir=..., split="train")
"""

from __future__ import annotations

import dataclasses
import functools
import io
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow_datasets as tfds

from ..rendered_numbers.rendered_numbers_dataset_builder import RenderedConfig
from ..rendered_numbers.rendering import map_indices
from .crops import render_crop
from .rendering import Scene, render_scene
from .styles import SceneStyle

SEEDS = {"train": 101, "validation": 102, "test": 103}
"""Seed of each split: the splits have no image in common."""

_COUNTS = {"train": 20_000, "validation": 1_000, "test": 1_000}


@dataclasses.dataclass(eq=False)
class SceneConfig(RenderedConfig):
    """Configuration of scenes, or of crops of them.

    Attributes:
        render: renders the image of a seed and an index in a style.
    """

    render: Callable[[int, int, SceneStyle], Scene] = render_scene


class Builder(tfds.core.GeneratorBasedBuilder):
    """Scenes with none, one or many numbers, rendered from fonts and brush strokes, or crops."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012
    BUILDER_CONFIGS = [  # noqa: RUF012
        SceneConfig(
            name="default",
            description="0 to 14 numbers of any kind and size",
            style=SceneStyle(),
            counts=_COUNTS,
        ),
        SceneConfig(
            name="crops",
            description="Crops around one of the numbers; a seventh have none",
            style=SceneStyle(),
            render=render_crop,
            counts=_COUNTS,
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        boxes = tfds.features.Tensor(shape=(None, 4), dtype=np.float32)
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
                    "boxes": boxes,
                    "labels": tfds.features.Sequence(tfds.features.Text()),
                    "turns": tfds.features.Tensor(shape=(None,), dtype=np.int32),
                    "ignored_boxes": boxes,
                }
            ),
            supervised_keys=None,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # nothing to download
        counts = self.builder_config.counts
        return {split: self._generate_examples(split, count) for split, count in counts.items()}

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[str, dict]]:
        config = self.builder_config
        render_index = functools.partial(config.render, SEEDS[split], style=config.style)
        for index, scene in enumerate(map_indices(render_index, count, config.workers)):
            example_id = f"{split}-{index:06d}"
            yield (
                example_id,
                {
                    "id": example_id,
                    # The encoded bytes are stored: encoding them again would add artefacts.
                    "image": io.BytesIO(scene.jpeg),
                    "boxes": scene.boxes,
                    "labels": scene.labels,
                    "turns": scene.turns,
                    "ignored_boxes": scene.ignored_boxes,
                },
            )
