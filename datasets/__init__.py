"""Images with numbers in them, as `tf.data` pipelines.

    import datasets

    datasets.list_datasets()
    train = datasets.load_training("rendered_numbers:2,photos:1", epochs=10, seed=0)
    test = datasets.load("photos", "test")

TensorFlow is only imported when the first pipeline is created.
"""

from __future__ import annotations

from artifacts.lazy import lazy_attributes

_MODULES = {
    "Augmentation": "augmentation",
    "DataSet": "registry",
    "Example": "example",
    "covered_area": "display",
    "defaults": "sources",
    "describe": "registry",
    "examples": "sources",
    "fingerprint": "sources",
    "label_texts": "display",
    "labels": "sources",
    "list_datasets": "registry",
    "is_scenes": "sources",
    "load": "pipeline",
    "load_scene_batches": "scene_pipeline",
    "load_scene_training": "scene_pipeline",
    "load_training": "pipeline",
    "plot_statistics": "display",
    "prepare_image": "crops",
    "show": "display",
    "size": "sources",
}

__all__ = sorted(_MODULES)
__getattr__ = lazy_attributes(__name__, _MODULES)
