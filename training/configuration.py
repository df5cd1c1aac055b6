"""The configuration of a run: everything that is needed to repeat it."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt

import datasets
import models
from artifacts.files import RunError
from artifacts.run_folder import read_run_configuration
from artifacts.validation import validate
from datasets import Augmentation, mixing
from number_zoo.names import unknown_name
from training import recipes
from training.recipes import Recipe

AUGMENTATIONS = ("none", "light", "photo", "strong")


@dataclass(frozen=True)
class Configuration:
    """Model, data and recipe of a training. Runs with equal configurations give equal weights.

    Attributes:
        model: name in the registry of models.
        arguments: all arguments of the model's builder.
        dataset: name of a data set, path of a folder, or a mix such as "A:2,B:1".
        validation: data for selecting the best epoch, in the same form.
        crop: input of the model: the "full" image, or a "union" or "square" crop around the digits.
        recipe: optimizer, schedule and augmentation.
        seed: seed of the weights, the order of images and their augmentation.
        precision: Keras dtype policy.
        weights: run, file or published weights to start from; None for random weights.
        teacher: run or published weights of a reader whose predictions are further targets.

    Raises:
        ValueError: if a value does not fit.
    """

    model: str
    arguments: Mapping[str, Any]
    dataset: str
    validation: str
    crop: Literal["full", "union", "square"]
    recipe: Recipe
    seed: Annotated[int, Ge(0), Lt(2**32)] = 0
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    weights: str | None = None
    teacher: str | None = None

    def __post_init__(self):
        types = typing.get_type_hints(type(self), include_extras=True)
        del types["recipe"], types["arguments"]  # Checked by Recipe and by the registry.
        validate("configuration", types, {name: getattr(self, name) for name in types})

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the model's images, in pixels."""
        return tuple(self.arguments["input_shape"][:2])

    @property
    def input_spec(self) -> dict[str, Any]:
        """Arguments of `datasets.load` for images and labels in the form that the model takes."""
        return {
            "image_size": self.image_size,
            "channels": self.arguments["input_shape"][2],
            "max_digits": self.arguments["max_digits"],
            "crop": self.crop,
        }

    def to_json(self) -> dict[str, Any]:
        """The configuration as JSON values; `from_json` reads them back."""
        values = json.loads(json.dumps(dataclasses.asdict(self)))
        if self.teacher is None:  # Runs of earlier versions have no such key, and can be resumed.
            del values["teacher"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Configuration:
        """Read what `to_json` wrote; keys of a newer or older version are errors."""
        values = dict(values)
        recipe = dict(values.pop("recipe"))
        augmentation = Augmentation(**recipe.pop("augmentation"))
        return cls(recipe=Recipe(**recipe, augmentation=augmentation), **values)

    def digest(self) -> str:
        """Eight hexadecimal digits that differ when anything in the configuration differs."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def read_configuration(path: str | Path) -> Configuration:
    """Read the configuration from a run's `config.json`, or a file of the same form.

    Raises:
        RunError: if there is no such file or it has no configuration.
    """
    values = read_run_configuration(Path(path))
    try:
        return Configuration.from_json(values)
    except KeyError as error:
        raise RunError(f"{path} is not the configuration of a run: it has no {error}") from error
    except (TypeError, ValueError) as error:
        raise RunError(f"{path} is not the configuration of a run: {error}") from error


def configure(
    model: str | None,
    dataset: str,
    *,
    validation: str | None = None,
    recipe: str | None = None,
    crop: str = "full",
    seed: int = 0,
    precision: str = "float32",
    weights: str | None = None,
    teacher: str | None = None,
    settings: Sequence[str] = (),
    **recipe_fields: Any,
) -> Configuration:
    """Create a configuration from command-line options.

    Args:
        model: name in the registry of models; None for that of the weights.
        dataset: name, folder or mixture. It determines `max_digits` and, unless the data are
            photos, the image size (the largest values of a mixture).
        validation: data for the validation scores. Defaults to `dataset`; for a mixture of photos
            and rendered images, photos alone are more meaningful.
        recipe: name of a recipe. Defaults to that of the model, else to that of the data, and to
            `fine_tuning` for numbers if weights are given.
        crop: "full", "union" or "square".
        seed: 0 or a positive integer.
        precision: Keras dtype policy.
        weights: run, file or published weights to start from. If they are of the same model, its
            arguments are used, except those in `settings` and those that the data require.
        teacher: run or published weights of a reader with the same images and `max_digits`, whose
            predictions are learned in addition to the labels (distillation).
        settings: texts `key=value`; the key is an argument of the model's builder, a field of the
            recipe, or `augmentation.FIELD`; the value is a Python literal, or text.
            `augmentation` itself is a name (none, light, photo or strong) or a factor of the
            recipe's augmentation.
        **recipe_fields: fields of the recipe; None keeps the value of the recipe.

    Raises:
        ValueError: for an unknown name or key (the message lists the known, nearest first), a
            value that does not fit, or if `model` is None and the weights do not determine it.
    """
    model, trained_arguments = _initial_model(model, weights)
    fitted, name = _fit_to_data(model, dataset, trained_arguments, weights is not None)
    fields = {key: value for key, value in recipe_fields.items() if value is not None}
    base_recipe = dataclasses.replace(recipes.get_recipe(recipe or name), **fields)
    arguments, final_recipe = set_values(model, base_recipe, _parse_settings(settings))
    return Configuration(
        model=model,
        arguments=models.configuration(model, **trained_arguments | fitted | arguments),
        dataset=normalize(dataset),
        validation=normalize(validation or dataset),
        crop=crop,
        recipe=final_recipe,
        seed=seed,
        precision=precision,
        weights=None if weights is None else str(weights),
        teacher=None if teacher is None else str(teacher),
    )


def normalize(dataset: str) -> str:
    """A mixture with folders without a trailing slash, before their weight or options as well."""
    return re.sub(r"(?<=[^/])/+(?=$|[,?]|:[\d.]+(,|$))", "", str(dataset))


def _initial_model(model: str | None, weights: str | None) -> tuple[str, dict[str, Any]]:
    """The model's name, and the arguments of the weights if they are of this model.

    Without these arguments, only some weights could be copied to a model of another depth.
    """
    trained = None
    if weights is not None:
        models.model_file(weights)  # An early error if there is no such file.
        trained = models.architecture_of(weights)
    if model is None and trained is None:
        raise ValueError(f"{weights} does not say which model it is: name the model as well")
    name = model or trained[0]
    return name, dict(trained[1]) if trained and trained[0] == name else {}


def _fit_to_data(
    model: str, dataset: str, trained_arguments: Mapping[str, Any], fine_tuning: bool
) -> tuple[dict[str, Any], str]:
    """Builder arguments and recipe for the data.

    A reader has the image shape and `max_digits` of the data, at least the trained `max_digits`; a
    locator takes images of any size.
    """
    entry = models.entry(model)
    if entry.task == "locate":
        return {}, entry.recipe
    defaults = datasets.defaults(dataset)
    current = models.configuration(model, **trained_arguments)
    height, width = defaults["image_size"]
    max_digits = defaults["max_digits"]
    if trained_arguments and (max_digits > 1 or defaults["channels"] == 3):
        max_digits = max(max_digits, current["max_digits"])
    if max_digits > 1 and current["max_digits"] > 1 and defaults["channels"] == 3:
        height, width = current["input_shape"][:2]  # Photos have any size: use that of the model.
    name = recipes.default_recipe(entry.recipe, {**defaults, "max_digits": max_digits}, fine_tuning)
    return {"input_shape": [height, width, defaults["channels"]], "max_digits": max_digits}, name


def _parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Keys and values of texts `key=value`; a value that is no Python literal is text."""
    values = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"a setting is key=value. Received: {setting!r}")
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = {"true": True, "false": False}.get(text.lower(), text)
        values[key] = list(value) if isinstance(value, tuple) else value
    return values


def set_values(
    model: str, recipe: Recipe, values: Mapping[str, Any]
) -> tuple[dict[str, Any], Recipe]:
    """Sort settings into arguments of a model's builder and fields of a recipe.

    Args:
        model: name in the registry of models.
        recipe: recipe whose fields, and those of whose augmentation, the settings replace.
        values: values by key, with the keys of `settings` of `configure`.

    Returns:
        The builder's arguments among them, and the recipe with the other values.

    Raises:
        ValueError: for unknown keys (the message lists the known, nearest to each first) or a
            value that does not fit.
    """
    arguments, recipe_fields, augmentation_fields, unknown = {}, {}, {}, []
    known_arguments = models.configuration(model)
    known_fields = [field.name for field in dataclasses.fields(Recipe)]
    known_augmentation = typing.get_type_hints(Augmentation)
    for key, value in values.items():
        field = key.removeprefix("augmentation.")
        if key == "augmentation":
            recipe = dataclasses.replace(recipe, augmentation=_augmentation(recipe, value))
        elif key in known_fields:
            recipe_fields[key] = value
        elif key in known_arguments:
            arguments[key] = value
        elif field != key and field in known_augmentation:
            augmentation_fields[field] = value
        else:
            unknown.append(key)
    if unknown:
        of_augmentation = [f"augmentation.{name}" for name in known_augmentation]
        known = [*known_arguments, *known_fields, *of_augmentation]
        raise ValueError(unknown_name("setting", unknown, known))
    changes = validate("augmentation", known_augmentation, augmentation_fields)
    augmentation = dataclasses.replace(recipe.augmentation, **changes)
    return arguments, dataclasses.replace(recipe, **recipe_fields, augmentation=augmentation)


def _augmentation(recipe: Recipe, value: Any) -> Augmentation:
    """The augmentation with a name, or that of the recipe multiplied by a number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return recipe.augmentation.scaled(value)
    name = "none" if value is None else str(value)
    if name not in AUGMENTATIONS:
        raise ValueError(unknown_name("augmentation", name, AUGMENTATIONS))
    return getattr(Augmentation, name)()


def default_folder(configuration: Configuration) -> Path:
    """The default run folder, a different one for each configuration."""
    sources = [part.source for part in mixing.parse_mix(configuration.dataset)]
    parts = [Path(source.partition("?")[0]).name for source in sources]
    return Path("runs", f"{configuration.model}-{'+'.join(parts)}-{configuration.digest()}")
