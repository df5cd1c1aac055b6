"""The registry of named models: list and create them."""

from __future__ import annotations

import fnmatch
import functools
import importlib
import json
import pkgutil
import zipfile
from pathlib import Path
from typing import Any, Literal

import keras

from models import published
from models.arguments import check_arguments
from models.entry import Entry
from number_zoo.names import unknown_name


@functools.cache
def _entries() -> dict[str, Entry]:
    """The `ENTRIES` of every module of this package, by name."""
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names]
    return {entry.name: entry for module in modules for entry in getattr(module, "ENTRIES", ())}


def list_models(pattern: str = "*", *, task: Literal["read", "locate"] | None = None) -> list[str]:
    """Names of the models that match a shell-style `pattern`, such as `"deep_*"`, in order.

    Args:
        pattern: pattern of the names, with wildcards.
        task: only models of this task; None for all.
    """
    return [
        name
        for name, entry in _entries().items()
        if fnmatch.fnmatch(name, pattern) and task in (None, entry.task)
    ]


def entry(name: str) -> Entry:
    """Return the entry of a model.

    Raises:
        ValueError: if no model has that name; the message lists the known ones, nearest first.
    """
    if name not in _entries():
        raise ValueError(unknown_name("model", name, _entries()))
    return _entries()[name]


def task_of(source: str | Path) -> Literal["read", "locate"]:
    """The task of a trained model: published weights, a run folder or a `.keras` file.

    The task of a single file follows from the name of its model; a file of an unknown model, or a
    damaged one, counts as a reader.

    Raises:
        ValueError: if there is no such name, run or file.
    """
    architecture = published.architecture_of(source)
    if architecture is not None:
        return entry(architecture[0]).task
    try:
        with zipfile.ZipFile(published.model_file(source)) as file:
            name = json.loads(file.read("config.json"))["config"]["name"]
    except (zipfile.BadZipFile, KeyError, TypeError, OSError, json.JSONDecodeError):
        return "read"
    tasks = {entry.builder.__name__: entry.task for entry in _entries().values()}
    return tasks.get(name, "read")


def configuration(name: str, **arguments: Any) -> dict[str, Any]:
    """All builder arguments of the model `name`, defaults included, as JSON values.

    Args:
        name: a name that `list_models` gives.
        **arguments: builder arguments that replace the model's.

    Raises:
        ValueError: if the name or an argument is unknown, or a value does not match the builder's
            annotation.
    """
    model = entry(name)
    return check_arguments(name, model.builder, dict(model.arguments) | arguments)


def create(name: str, **arguments: Any) -> keras.Model:
    """Build the model `name` with random weights; `models.load` loads a trained one.

    Args:
        name: a name that `list_models` gives.
        **arguments: builder arguments: `input_shape` (height, width, channels), `max_digits`, and
            those of the architecture.

    Returns:
        A functional model from images (batch, height, width, channels) in [0, 255] to the logits
        that `models.heads` or `models.locator` describes.

    Raises:
        ValueError: if the name or an argument is unknown, or a value is invalid.

    Example:
        >>> model = models.create("deep_cnn", input_shape=(64, 64, 1), max_digits=5)
    """
    arguments = configuration(name, **arguments)
    arguments["input_shape"] = tuple(arguments["input_shape"])
    return entry(name).builder(**arguments)
