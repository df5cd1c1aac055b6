"""The differences between training a reader and training a locator: data, loss and scores."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

Scores = dict[str, float]


class ReadTask:
    """A model of one number; see `models.heads`."""

    def check(self, configuration: Configuration) -> None:
        """Warn about labels that are too long for the model.

        Raises:
            ValueError: if the teacher takes other images, or other numbers of digits.
        """
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

    def size(self, source: str, split: str, data_dir: str | Path | None = None) -> int:
        """Number of images of a split."""
        return datasets.size(source, split, data_dir)

    def loss(self, configuration: Configuration, model: keras.Model) -> Any:
        """The argument `loss` of `compile`."""
        return losses(
            configuration.arguments["max_digits"],
            configuration.recipe.label_smoothing,
            box=BOX in model.output,
        )

    def training(self, configuration: Configuration, model, **arguments: Any) -> tf.data.Dataset:
        """Batches `(images, labels)`; `arguments` are those of `datasets.load_training`."""
        return datasets.load_training(
            configuration.dataset,
            seed=configuration.seed,
            batch_size=configuration.recipe.batch_size,
            augmentation=configuration.recipe.augmentation,
            with_boxes=BOX in model.output,
            **configuration.input_spec,
            **arguments,
        )

    def validation(self, configuration: Configuration, **folders: Any) -> tf.data.Dataset:
        """One pass over the validation images: batches `(images, labels)`."""
        return datasets.load(
            configuration.validation, "validation", **configuration.input_spec, **folders
        )

    def scores(self, outputs: Any, truth: Any, configuration: Configuration) -> Scores:
        """Scores of a model's outputs for all validation images."""
        return sequence_scores(outputs, truth)


class LocateTask:
    """A locator; see `models.locator`. The methods are those of `ReadTask`."""

    def check(self, configuration: Configuration) -> None:
        """Raise ValueError for settings that locators do not support."""
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

    def size(self, source, split, data_dir=None):
        return datasets.size(source, split, data_dir, several=True)

    def loss(self, configuration, model):
        return models.LocatorLoss()

    def training(self, configuration, model, *, shard=(0, 1), cache_dir=None, **arguments):
        if shard != (0, 1):
            raise ValueError(
                "a locator is trained in one process, on all devices of a machine: leave HOST:PORT "
                "of --distribute out"
            )
        return datasets.load_scene_training(
            configuration.dataset,
            seed=configuration.seed,
            batch_size=configuration.recipe.batch_size,
            augmentation=configuration.recipe.augmentation,
            image_size=configuration.image_size,
            **arguments,
        )

    def validation(self, configuration, *, cache_dir=None, data_dir=None, **arguments):
        source = configuration.validation
        if not any(
            example.labels
            for example in datasets.examples(source, "validation", data_dir, several=True)
        ):
            raise ValueError(
                f"{source} has no number in its validation split, so that epochs cannot be "
                "compared: label more images, or name other data with --validation"
            )
        return datasets.load_scene_batches(
            source,
            "validation",
            image_size=configuration.image_size,
            data_dir=data_dir,
            **arguments,
        )

    def scores(self, outputs, truth, configuration):
        return models.location_scores(outputs, truth, configuration.image_size)


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


READ, LOCATE = ReadTask(), LocateTask()


def task_of(configuration: Configuration) -> ReadTask | LocateTask:
    """The task that a configuration's model is trained for."""
    return LOCATE if models.entry(configuration.model).task == "locate" else READ


def check_buildable(configuration: Configuration) -> None:
    """Build the model once, before anything is written, and check what its task needs.

    Raises:
        ValueError: if the model cannot be built, or cannot be trained with these settings.
    """
    task_of(configuration).check(configuration)
    models.create(configuration.model, **configuration.arguments)
