"""The differences between training a reader and training a locator: data, loss and scores."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import keras

import datasets
import models
from labels import BOX
from models.losses import losses
from models.metrics import sequence_scores
from training.configuration import Configuration

if TYPE_CHECKING:
    import tensorflow as tf

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """The data of a training, of readers and locators.

    Attributes:
        configuration: what is trained.
    """

    configuration: Configuration

    several: ClassVar[bool] = False
    """Whether an image may show several numbers."""

    def size(self, split: str, data_dir: str | Path | None = None) -> int:
        """Number of images of "train" or "validation"."""
        sources = {"train": self.configuration.dataset, "validation": self.configuration.validation}
        return datasets.size(sources[split], split, data_dir, several=self.several)


class ReadTask(Task):
    """A model of one number; see `models.heads`."""

    def check(self) -> None:
        """Warn about labels that are too long for the model.

        Raises:
            ValueError: if the teacher takes other images, or other numbers of digits.
        """
        configuration = self.configuration
        max_digits = configuration.arguments["max_digits"]
        if configuration.teacher:
            _check_teacher(configuration)
        for source in sorted({configuration.dataset, configuration.validation}):
            longest = datasets.defaults(source)["max_digits"]
            if longest > max_digits:
                log.warning(
                    f"{source} has labels of up to {longest} digits, but the model's max_digits "
                    f"is {max_digits}: it can only learn to refuse longer numbers, and they never "
                    f"count as correct. To read them, add --set max_digits={longest}"
                )

    def loss(self, model: keras.Model) -> Any:
        """The argument `loss` of `compile`."""
        return losses(
            self.configuration.arguments["max_digits"],
            self.configuration.recipe.label_smoothing,
            box=BOX in model.output,
        )

    def training(self, model: keras.Model, **arguments: Any) -> tf.data.Dataset:
        """Batches `(images, labels)`; `arguments` are those of `datasets.load_training`."""
        configuration = self.configuration
        return datasets.load_training(
            configuration.dataset,
            seed=configuration.seed,
            batch_size=configuration.recipe.batch_size,
            augmentation=configuration.recipe.augmentation,
            with_boxes=BOX in model.output,
            **configuration.input_spec,
            **arguments,
        )

    def validation(self, **folders: Any) -> tf.data.Dataset:
        """One pass over the validation images: batches `(images, labels)`."""
        spec = self.configuration.input_spec
        return datasets.load(self.configuration.validation, "validation", **spec, **folders)

    def scores(self, outputs: Any, truth: Any) -> dict[str, float]:
        """Scores of a model's outputs for all validation images."""
        return sequence_scores(outputs, truth)


class LocateTask(Task):
    """A locator; see `models.locator`. The methods are those of `ReadTask`."""

    several = True

    def check(self) -> None:
        """Raise ValueError for settings that locators do not support."""
        configuration = self.configuration
        if configuration.crop != "full":
            raise ValueError(
                "a locator is trained on whole images: leave --crop out. "
                f"Received: {configuration.crop}"
            )
        if configuration.teacher:
            raise ValueError(
                f"a locator has no teacher: leave --teacher out. Received: {configuration.teacher}"
            )
        if configuration.recipe.label_smoothing:
            raise ValueError(
                "a locator has no label_smoothing: leave it out. "
                f"Received: {configuration.recipe.label_smoothing}"
            )
        if None in configuration.arguments["input_shape"]:
            raise ValueError(
                "a locator is trained on images of one size, and is then used at any: give it in "
                f"input_shape. Received: {configuration.arguments['input_shape']}"
            )

    def loss(self, model):
        return models.LocatorLoss()

    def training(self, model, *, shard=(0, 1), cache_dir=None, **arguments):
        if shard != (0, 1):
            raise ValueError(
                "a locator is trained in one process, on all devices of a machine: leave HOST:PORT "
                "of --distribute out"
            )
        configuration = self.configuration
        return datasets.load_scene_training(
            configuration.dataset,
            seed=configuration.seed,
            batch_size=configuration.recipe.batch_size,
            augmentation=configuration.recipe.augmentation,
            image_size=configuration.image_size,
            **arguments,
        )

    def validation(self, *, cache_dir=None, data_dir=None, **arguments):
        source, size = self.configuration.validation, self.configuration.image_size
        examples = datasets.examples(source, "validation", data_dir, several=True)
        if not any(example.labels for example in examples):
            raise ValueError(
                f"{source} has no number in its validation split, so that epochs cannot be "
                "compared: label more images, or name other data with --validation"
            )
        return datasets.load_scene_batches(
            source, "validation", image_size=size, data_dir=data_dir, **arguments
        )

    def scores(self, outputs, truth):
        return models.location_scores(outputs, truth, self.configuration.image_size)


def _check_teacher(configuration: Configuration) -> None:
    models.model_file(configuration.teacher)  # an error if there is no such file
    architecture = models.architecture_of(configuration.teacher)
    if architecture is None or models.entry(architecture[0]).task != "read":
        raise ValueError(
            "a teacher is a run or published weights of a reader. "
            f"Received: {configuration.teacher}"
        )
    for key in ("input_shape", "max_digits"):
        theirs, ours = (json.dumps(a[key]) for a in (architecture[1], configuration.arguments))
        if theirs != ours:
            raise ValueError(
                f"a model and its teacher have the same {key}, but {configuration.teacher} has "
                f"{theirs} and the model {ours}: add --set {key}={theirs.replace(' ', '')}"
            )


def task_of(configuration: Configuration) -> ReadTask | LocateTask:
    """The task that a configuration's model is trained for."""
    task = LocateTask if models.entry(configuration.model).task == "locate" else ReadTask
    return task(configuration)


def check_buildable(configuration: Configuration) -> None:
    """Build the model once, before anything is written, and check what its task needs.

    Raises:
        ValueError: if the model cannot be built, or cannot be trained with these settings.
    """
    task_of(configuration).check()
    models.create(configuration.model, **configuration.arguments)
