"""Recipes: optimizer, schedule and augmentation, independent of model and data."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from artifacts.validation import validate
from datasets import Augmentation
from number_zoo.names import unknown_name

_PositiveInt = Annotated[int, Ge(1)]
_Fraction = Annotated[float, Ge(0), Lt(1)]


@dataclass(frozen=True)
class Recipe:
    """Optimizer, schedule and augmentation of a training.

    Attributes:
        epochs: number of epochs; after each, validation is scored and the run can be resumed.
        steps_per_epoch: batches in an epoch; None for one pass over all images.
        batch_size: images in a batch, over all devices.
        learning_rate: peak of the schedule: linear warm-up, then cosine decay to 0.
        warmup_fraction: fraction of all steps that the warm-up takes, in [0, 1).
        weight_decay: decoupled weight decay of AdamW, per step times the learning rate.
        clip_norm: maximum global norm of the gradients; 0 for no limit.
        ema_momentum: momentum of the moving average of weights that is validated and saved, in
            [0, 1); 0 saves the weights themselves. The average spans at most a fifth of the
            training.
        label_smoothing: fraction of the probability spread evenly over the classes, in [0, 1).
        checkpoint: the epoch whose model is saved: "best", the one with the highest validation
            sequence accuracy, or "last". With a small validation split, "last" avoids a selection
            by chance among many epochs.
        augmentation: strengths of random changes of the images.
        frozen: regular expression that matches the beginning of the names of frozen layers; "" for
            none.

    Raises:
        ValueError: if a value does not fit.
    """

    epochs: _PositiveInt = 12
    steps_per_epoch: _PositiveInt | None = None
    batch_size: _PositiveInt = 128
    learning_rate: Annotated[float, Gt(0)] = 1e-3
    warmup_fraction: _Fraction = 0.05
    weight_decay: Annotated[float, Ge(0)] = 0.01
    clip_norm: Annotated[float, Ge(0)] = 1.0
    ema_momentum: _Fraction = 0.998
    label_smoothing: _Fraction = 0.0
    checkpoint: Literal["best", "last"] = "best"
    augmentation: Augmentation = field(default_factory=Augmentation)
    frozen: str = ""

    def __post_init__(self):
        types = typing.get_type_hints(type(self), include_extras=True)
        del types["augmentation"]  # checked by Augmentation
        values = validate("recipe", types, {name: getattr(self, name) for name in types})
        try:
            re.compile(self.frozen)
        except re.error as error:
            raise ValueError(
                f"recipe: frozen should be a regular expression ({error}). "
                f"Received: {self.frozen!r}"
            ) from error
        for name, value in values.items():  # integers become floats where floats are expected
            object.__setattr__(self, name, value)


def linear() -> Recipe:
    """Logistic regression: no augmentation, which does not help a linear model.

    `logistic_regression` on `mnist`: 92.6 % of the test digits, in three minutes on two CPU cores.
    """
    return Recipe(
        epochs=20, batch_size=256, learning_rate=2e-3, weight_decay=0.0, ema_momentum=0.99
    )


def digits() -> Recipe:
    """Single digits, with small shifts and rotations.

    `shallow_cnn` on `mnist`: 99.5 % of the test digits, in a quarter of an hour on two CPU cores.
    """
    return Recipe(epochs=15, augmentation=Augmentation.light(), ema_momentum=0.999)


def numbers() -> Recipe:
    """Grey numbers on a plain background.

    `deep_cnn` on `mnist_numbers`: sequence accuracy 97.3 % on test after 16 epochs with two fifths
    of the augmentation, in less than an hour on two CPU cores (docs/experiments.md has the
    command).
    """
    varied = replace(Augmentation.light(), random_crop=0.3, zoom=0.15, stretch=0.15, rotation=10.0)
    # Four epochs are one pass over the 220,000 images.
    return Recipe(epochs=10, steps_per_epoch=860, batch_size=64, augmentation=varied)


def photos() -> Recipe:
    """Photos and rendered images: random crops and strong augmentation, epochs of 16,000 images.

    `residual_cnn` on `rendered_numbers:5,rendered_numbers/wide:2` and 2,229 photos with weight 2:
    sequence accuracy 95.5 % on the test photos, full images, in 1 h 44 min on two CPU cores.
    """
    return Recipe(
        epochs=56,
        steps_per_epoch=250,
        batch_size=64,
        learning_rate=2e-3,
        weight_decay=0.05,
        ema_momentum=0.998,
        checkpoint="last",
        augmentation=Augmentation.strong(),
    )


def fine_tuning() -> Recipe:
    """A trained model on a few images of a new kind: low learning rate, few steps.

    `street_numbers` on 40 handwritten numbers, half of each batch rendered images: sequence
    accuracy on 1,000 other handwritten numbers from 65.7 to 76.4 %, in seven minutes on two busy
    CPU cores.
    """
    return Recipe(
        epochs=10,
        steps_per_epoch=40,
        batch_size=32,
        learning_rate=3e-4,
        ema_momentum=0.98,
        checkpoint="last",
        augmentation=Augmentation.photo(),
    )


def few_labels() -> Recipe:
    """A published reader on a folder of labelled photos: its convolutions keep their weights.

    `train.py --dataset FOLDER` uses it, with a number of steps that depends on the number of
    photos. Only the encoder and the heads of `conv_transformer` are trained, which takes half the
    time of training all layers.
    """
    return replace(
        fine_tuning(),
        epochs=5,
        steps_per_epoch=30,
        batch_size=16,
        learning_rate=2e-4,
        ema_momentum=0.97,
        frozen="(text_)?(stem|stage)",
    )


def scenes() -> Recipe:
    """A locator on scenes with any number of numbers: random crops, changes of light and noise."""
    return Recipe(
        epochs=40,
        steps_per_epoch=500,
        batch_size=32,
        learning_rate=2e-3,
        weight_decay=0.05,
        ema_momentum=0.998,
        augmentation=Augmentation.photo(),
    )


def demo() -> Recipe:
    """The recipe of `make demo`: a small model on rendered images, four minutes on two CPU cores.

    `residual_cnn_small` on `rendered_numbers`: sequence accuracy 55 % on 2,000 test images, full
    images; with `--epochs 7` 64.5 % on 6,000.

    It has many small steps and little augmentation: for such a short training, the variety of the
    rendered images suffices.
    """
    return replace(
        photos(),
        epochs=5,
        steps_per_epoch=500,
        batch_size=32,
        weight_decay=0.02,
        ema_momentum=0.99,
        augmentation=Augmentation.light(),
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    builder.__name__: builder
    for builder in (linear, digits, numbers, photos, scenes, fine_tuning, few_labels, demo)
}


def list_recipes() -> dict[str, str]:
    """Names of the recipes and the first line of each one's docstring."""
    return {name: inspect.getdoc(make).splitlines()[0] for name, make in RECIPES.items()}


def get_recipe(name: str) -> Recipe:
    """Return the recipe `name`.

    Raises:
        ValueError: if no recipe has that name; the message lists the known ones, nearest first.
    """
    if name not in RECIPES:
        raise ValueError(unknown_name("recipe", name, RECIPES))
    return RECIPES[name]()


def default_recipe(
    preferred: str | None, defaults: Mapping[str, Any], fine_tuning: bool = False
) -> str:
    """Name of the default recipe for a model and its data.

    Args:
        preferred: recipe of the model (`models.Entry.recipe`), if any, for training from scratch.
        defaults: `max_digits` and `channels` of the data (`datasets.defaults`).
        fine_tuning: whether the model starts from trained weights.
    """
    if fine_tuning and defaults["max_digits"] > 1:
        return "fine_tuning"
    if preferred:
        return preferred
    if defaults["max_digits"] == 1:
        return "digits"
    return "numbers" if defaults["channels"] == 1 else "photos"
