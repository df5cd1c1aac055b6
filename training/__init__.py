"""Train a model of the zoo in a run folder, as `train.py` does.

import training

configuration = training.configure("shallow_cnn", "mnist", epochs=3)
training.train(configuration, "runs/shallow")
"""

from __future__ import annotations

from artifacts.lazy import lazy_attributes

_MODULES = {
    "Configuration": "configuration",
    "Recipe": "recipes",
    "configure": "configuration",
    "list_recipes": "recipes",
    "read_configuration": "configuration",
    "train": "fit",
}

__all__ = sorted(_MODULES)
__getattr__ = lazy_attributes(__name__, _MODULES)
