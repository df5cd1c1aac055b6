"""Read images with a `Reader`, the end-to-end graph of a model on Keras.

Importing this is cheap: the model's framework is imported when a reader is first asked for.
"""

from artifacts.lazy import lazy_attributes

__all__ = ["Reader"]
__getattr__ = lazy_attributes(__name__, {"Reader": "reader"})
