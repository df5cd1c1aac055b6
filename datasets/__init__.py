"""Images with numbers in them, as `tf.data` pipelines.

    import datasets

    datasets.list_datasets()
    train = datasets.load_training("rendered_numbers:2,photos:1", epochs=10, seed=0)
    test = datasets.load("photos", "test")

Importing this is cheap: TensorFlow is imported when the first pipeline is made.
"""

from __future__ import annotations

import importlib

_WHERE = {
    "DataSet": "registry",
    "describe": "registry",
    "list_datasets": "registry",
    "Augmentation": "augmentation",
    "decode_image": "images",
    "prepare_image": "images",
    "defaults": "contents",
    "fingerprint": "contents",
    "load": "pipeline",
    "load_training": "pipeline",
    "numbers": "contents",
    "image_hashes": "contents",
    "size": "contents",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
