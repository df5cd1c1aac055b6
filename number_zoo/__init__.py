"""Read the number in an image: `read("photo.jpg")`, `read_all` for all of them, or a `Reader`.

Runs the published readers, and exported ones, with ONNX Runtime, NumPy and Pillow alone. Importing
the package is fast: its modules are imported when one of their names is first used.
"""

__version__ = "1.0.0"

_MODULES = {
    "Reader": "reader",
    "read": "reader",
    "read_all": "reader",
    "Reading": "predictions",
    "Predictions": "predictions",
    "Lexicon": "lexicon",
    "decode_image": "images",
    "list_weights": "published",
    "card": "published",
}

__all__ = ["__version__", *_MODULES]


def __dir__():
    return sorted({*globals(), *_MODULES})


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
