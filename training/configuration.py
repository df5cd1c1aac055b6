"""The configuration of a run: everything that is needed to run it again."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import models
from artifacts.files import RunError
from artifacts.names import unknown_name
from artifacts.run_folder import RunFolder, read_run_configuration
from datasets import Augmentation, mixing, sources
from models import registry
from training import recipes
from training.recipes import Recipe

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclass(frozen=True)
class Configuration:
    """What is trained, on what and how. Two runs of equal configurations give equal weights.

    Attributes:
        model: name in the registry of models.
        arguments: all keyword arguments of the model's builder.
        dataset: name of a data set, path of a folder, or a mix such as "A:2,B:1".
        validation: what the best epoch is chosen on, in the same form.
        crop: "full", "union" or "square": which part of the image the model is given.
        recipe: how it is trained.
        seed: seed of the weights, the order of images and their augmentation.
        precision: Keras dtype policy.
        weights: run or file to start from; None for fresh weights.
    """

    model: str
    arguments: Mapping[str, Any]
    dataset: str
    validation: str
    crop: str
    recipe: Recipe
    seed: int = 0
    precision: str = "float32"
    weights: str | None = None

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the model's images, in pixels."""
        return tuple(self.arguments["input_shape"][:2])

    @property
    def view(self) -> dict[str, Any]:
        """Arguments by which `datasets.load` gives images as this model takes them."""
        return {
            "image_size": self.image_size,
            "channels": self.arguments["input_shape"][2],
            "max_digits": self.arguments["max_digits"],
            "crop": self.crop,
        }

    def to_json(self) -> dict[str, Any]:
        """The configuration as JSON values; `from_json` reads them back."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

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


def read_configuration(path: Path) -> Configuration:
    """Read the configuration from a run's `config.json`, or a file of the same form.

    Raises:
        RunError: if the file holds something else.
    """
    values = read_run_configuration(path)
    try:
        return Configuration.from_json(values)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} is not the configuration of a run: {error}") from error


def run_configuration(run: RunFolder) -> Configuration:
    """The configuration that a run was started with.

    Raises:
        RunError: if the folder is not a run.
    """
    run.configuration()
    return read_configuration(run.config)


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
    settings: Sequence[str] = (),
    **replaced: Any,
) -> Configuration:
    """Put a configuration together from what a command line gives.

    Args:
        model: name in the registry of models; None for that of the weights.
        dataset: name, folder or mix. The first of a mix gives the image size.
        validation: what validation scores are of, in place of `dataset`: of a mix with drawn
            images, the real ones say more.
        recipe: name of a recipe. Defaults to the one that suits the model and the data, and to
            `fine_tuning` for numbers where weights are given.
        crop: "full", "union" or "square".
        seed: any whole number.
        precision: one of `PRECISIONS`.
        weights: run, file or published weights to start from. A model of the same name is built
            as that one was, but for what `settings` and the data say.
        settings: texts `key=value`, the key an argument of the model's builder, a field of the
            recipe, or `augmentation.FIELD`; the value a Python literal, or text. `augmentation`
            itself takes a name (none, light, photo or strong), or a number: the recipe's own, so
            many times as strong.
        **replaced: fields of the recipe in place of the recipe's own; None leaves them.

    Raises:
        ValueError: for an unknown name or key (the message lists the known, nearest first), a
            value that does not fit, or a model left open where the weights do not tell it.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is one of {', '.join(PRECISIONS)}. Received: {precision!r}")
    model, donor = _start(model, weights)
    first = str(mixing.parse_mix(dataset)[0].source)
    folder = sources.is_folder(first)
    kind = "numbers" if folder else datasets.describe(first).kind
    name = recipe or recipes.default_recipe(model, kind, first, started=weights is not None)
    chosen = recipes.get_recipe(name)
    chosen = dataclasses.replace(chosen, **{k: v for k, v in replaced.items() if v is not None})
    arguments, chosen = set_values(model, chosen, _parse_settings(settings))
    return Configuration(
        model=model,
        arguments=registry.configuration(model, **_fit_to_data(model, dataset, donor, arguments)),
        dataset=_portable(dataset),
        validation=_portable(validation or dataset),
        crop=crop,
        recipe=chosen,
        seed=seed,
        precision=precision,
        weights=weights,
    )


def _portable(dataset: str) -> str:
    """The mix as it was written, folders without a trailing slash."""
    return ",".join(part.rstrip("/") for part in str(dataset).split(","))


def _start(model: str | None, weights: str | None) -> tuple[str, dict[str, Any]]:
    """The model's name, and the arguments that the weights were trained with if it is theirs.

    Without the latter a model of another depth would take over what fits, and lose the rest.
    """
    built = None
    if weights is not None:
        models.model_file(weights)  # Says so at once where there is no such file.
        built = models.architecture_of(weights)
    if model is None and built is None:
        raise ValueError(f"{weights} does not say which model it is: name one beside it")
    name = model or built[0]
    return name, dict(built[1]) if built and built[0] == name else {}


def _fit_to_data(
    model: str, dataset: str, donor: dict[str, Any], arguments: dict[str, Any]
) -> dict[str, Any]:
    """Fill in channels and places for digits, and the image size where the data's is small."""
    suited = datasets.defaults(dataset)
    own = registry.configuration(model, **donor)
    height, width = suited["image_size"]
    if suited["max_digits"] > 1 and own["max_digits"] > 1 and suited["channels"] == 3:
        height, width = own["input_shape"][:2]  # photos have no size of their own: the model's
    fitted = {
        "input_shape": [height, width, suited["channels"]],
        "max_digits": suited["max_digits"],
    }
    return donor | fitted | arguments


def _parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    values = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"a setting is key=value. Received: {setting!r}")
        values[key] = _parse(text)
    return values


def set_values(
    model: str, recipe: Recipe, values: Mapping[str, Any]
) -> tuple[dict[str, Any], Recipe]:
    """Sort settings into arguments of a model's builder and fields of a recipe.

    Args:
        model: name in the registry of models.
        recipe: what the settings of the recipe and of its augmentation change.
        values: by the keys that the `settings` of `configure` have.

    Returns:
        The builder's arguments among them, and the recipe with the rest.

    Raises:
        ValueError: for an unknown key (the message lists the known, nearest first) or a value
            that does not fit.
    """
    arguments: dict[str, Any] = {}
    own = registry.configuration(model)
    fields = typing.get_type_hints(Recipe)
    for key, value in values.items():
        if key == "augmentation":
            recipe = dataclasses.replace(recipe, augmentation=_augmentation(recipe, value))
        elif key.startswith("augmentation."):
            recipe = _set_augmentation(recipe, key.removeprefix("augmentation."), value)
        elif key in fields:
            recipe = dataclasses.replace(recipe, **{key: _check(key, value, fields[key])})
        elif key in own:
            arguments[key] = value
        else:
            known = [*own, *fields, *(f"augmentation.{n}" for n in _augmentation_fields())]
            raise ValueError(unknown_name("setting", key, known))
    return arguments, recipe


def _parse(text: str) -> Any:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False, "none": None}.get(text.lower(), text)
    return list(value) if isinstance(value, tuple) else value


def _check(key: str, value: Any, kind: Any) -> Any:
    """Give `value` the field's type, or say which it must be."""
    allowed = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, allowed) or isinstance(value, bool):
        names = " or ".join(one.__name__ for one in allowed)
        raise ValueError(f"{key} is {names}. Received: {value!r}")
    return value


def _augmentation_fields() -> list[str]:
    return [field.name for field in dataclasses.fields(Augmentation)]


def _augmentation(recipe: Recipe, value: Any) -> Augmentation:
    """The augmentation of a name, or the recipe's own times a number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return recipe.augmentation.scaled(value)
    name = "none" if value is None else str(value)
    presets = {
        preset: getattr(Augmentation, preset) for preset in ("none", "light", "photo", "strong")
    }
    if name not in presets:
        raise ValueError(unknown_name("augmentation", name, presets))
    return presets[name]()


def _set_augmentation(recipe: Recipe, field: str, value: Any) -> Recipe:
    if field not in _augmentation_fields():
        raise ValueError(unknown_name("setting", field, _augmentation_fields()))
    value = _check(f"augmentation.{field}", value, float)
    augmentation = dataclasses.replace(recipe.augmentation, **{field: value})
    return dataclasses.replace(recipe, augmentation=augmentation)


def default_folder(configuration: Configuration, runs: Path = Path("runs")) -> Path:
    """Where a run lies when no folder is named: one for each configuration."""
    parts = [Path(part.source).name for part in mixing.parse_mix(configuration.dataset)]
    return runs / f"{configuration.model}-{'+'.join(parts)}-{configuration.digest()}"
