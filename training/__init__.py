"""Train a model of the zoo in a run folder, as `train.py` does.

import training

configuration = training.configure("shallow_cnn", "mnist", epochs=3)
training.train(configuration, "runs/shallow")
"""

from __future__ import annotations

import importlib

_MODULES = {
    "Configuration": "configuration",
    "Recipe": "recipes",
    "configure": "configuration",
    "list_recipes": "recipes",
    "read_configuration": "configuration",
    "train": "fit",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
