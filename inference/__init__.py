"""Read images with a `Reader`, the end-to-end graph of a model on Keras.

The import is fast: Keras is imported when a reader is first created.
"""

from artifacts.lazy import lazy_attributes

__all__ = ["Reader"]
__getattr__ = lazy_attributes(__name__, {"Reader": "reader"})
