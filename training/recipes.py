"""Recipes: how a model is trained, apart from which model and on what."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from artifacts.names import unknown_name
from datasets import Augmentation

CHECKPOINTS = ("best", "last")


@dataclass(frozen=True)
class Recipe:
    """Optimiser, schedule and augmentation of a training.

    Attributes:
        epochs: times that validation is scored; also how often the run can be resumed.
        steps_per_epoch: batches in an epoch; None for as many as hold every image once.
        batch_size: images in a batch, over all devices.
        learning_rate: the largest of the schedule: a linear warm-up, then half a cosine to 0.
        warmup_fraction: share of all steps spent warming up, in [0, 1).
        weight_decay: decoupled weight decay of AdamW, for each step times the learning rate.
        clip_norm: largest norm of all gradients together; 0 for no limit.
        ema_momentum: momentum of the moving average of weights that is validated and kept, in
            [0, 1); 0 keeps the weights themselves. It spans a fifth of the training at most.
        label_smoothing: share of the probability spread evenly over the classes, in [0, 1).
        checkpoint: which epoch's model is the run's: "best", of the highest validation sequence
            accuracy, or "last". With a small validation split, "last" avoids selecting the
            luckiest of many epochs.
        augmentation: how strongly images are changed.
    """

    epochs: int = 12
    steps_per_epoch: int | None = None
    batch_size: int = 128
    learning_rate: float = 1e-3
    warmup_fraction: float = 0.05
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    ema_momentum: float = 0.998
    label_smoothing: float = 0.0
    checkpoint: str = "best"
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self):
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1. Received: {getattr(self, name)!r}")
        if self.steps_per_epoch is not None and self.steps_per_epoch < 1:
            raise ValueError(f"steps_per_epoch is at least 1. Received: {self.steps_per_epoch!r}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate is above 0. Received: {self.learning_rate!r}")
        for name in ("warmup_fraction", "ema_momentum", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is in [0, 1). Received: {getattr(self, name)!r}")
        if self.checkpoint not in CHECKPOINTS:
            raise ValueError(unknown_name("checkpoint", self.checkpoint, CHECKPOINTS))


def linear() -> Recipe:
    """Logistic regression: no augmentation, since a linear model cannot make use of it.

    `logistic_regression` on `mnist`: 92.6 % of the test digits in three minutes on two CPU cores.
    """
    return Recipe(
        epochs=20, batch_size=256, learning_rate=2e-3, weight_decay=0.0, ema_momentum=0.99
    )


def digits() -> Recipe:
    """Single digits, with small moves and turns.

    `shallow_cnn` on `mnist`: 99.5 % of the test digits in a quarter of an hour on two CPU cores.
    """
    return Recipe(epochs=15, augmentation=Augmentation.light(), ema_momentum=0.999)


def numbers() -> Recipe:
    """Numbers on a plain ground.

    `deep_cnn` on `mnist_numbers`: 97.3 % of the test numbers after 16 epochs with two fifths of the
    augmentation, less than an hour on two CPU cores (docs/experiments.md has the command).
    """
    varied = replace(Augmentation.light(), random_crop=0.3, zoom=0.15, stretch=0.15, rotation=10.0)
    # Validated four times in a pass through the 220,000 numbers.
    return Recipe(epochs=10, steps_per_epoch=860, batch_size=64, augmentation=varied)


def photos() -> Recipe:
    """Street photos, real or drawn or both: windows and strong changes, epochs of 16,000 images.

    `residual_cnn` on drawn numbers and 2,229 photos (`rendered_numbers:5,rendered_numbers/wide:2`
    and the photos at 2): 95.5 % of the test photos' numbers, whole images, in 1 h 44 min on two
    CPU cores.
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
    """A trained model on a few images of a new kind: low rate, few steps, minutes.

    `street_numbers` on 40 handwritten numbers, half of each batch drawn ones: from 65.7 to 76.4 %
    of 1,000 other handwritten numbers, in seven minutes on two busy CPU cores.
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


def demo() -> Recipe:
    """What `make demo` runs: a small reader of drawn numbers, in four minutes on two CPU cores.

    `residual_cnn_small` on `rendered_numbers`: 54 % of 2,000 test numbers, whole images; with
    `--epochs 7` 64.5 % of 6,000.

    Many small steps and hardly any augmentation: in so short a time the drawing's own variety is
    more than enough.
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
    builder.__name__: builder for builder in (linear, digits, numbers, photos, fine_tuning, demo)
}
QUICK = "-quick"


def quick(recipe: Recipe) -> Recipe:
    """A tenth of the recipe, to see whether everything runs: never for a published figure."""
    steps = recipe.steps_per_epoch and max(1, recipe.steps_per_epoch // 4)
    epochs = max(1, recipe.epochs // 4 if steps else recipe.epochs // 10)
    return replace(
        recipe, epochs=epochs, steps_per_epoch=steps, ema_momentum=recipe.ema_momentum**4
    )


def list_recipes() -> dict[str, str]:
    """Names of the recipes and the first line of what each promises."""
    return {name: inspect.getdoc(make).splitlines()[0] for name, make in RECIPES.items()}


def get_recipe(name: str) -> Recipe:
    """Return the recipe `name`; `NAME-quick` is its quick variant.

    Raises:
        ValueError: if no recipe has that name; the message lists the known ones, nearest first.
    """
    base = name.removesuffix(QUICK)
    if base not in RECIPES:
        known = [*RECIPES, *(other + QUICK for other in RECIPES)]
        raise ValueError(unknown_name("recipe", name, known))
    recipe = RECIPES[base]()
    return quick(recipe) if name != base else recipe


def default_recipe(model: str, kind: str, source: str, started: bool = False) -> str:
    """Name of the recipe that suits a model and a data set of a kind ("digits", "numbers").

    `started` says that the model starts from trained weights.
    """
    if model.startswith("logistic_regression"):
        return "linear"
    if kind == "digits":
        return "digits"
    if started:
        return "fine_tuning"
    return "numbers" if source == "mnist_numbers" else "photos"
