"""Read the numbers in images: `read(images)`, or a `Reader` kept for many calls.

Importing this is cheap: the model's framework is imported when a reader is first asked for.
"""

from artifacts.lazy import lazy_attributes

__all__ = ["Reader", "Reading", "read"]
__getattr__ = lazy_attributes(__name__, dict.fromkeys(__all__, "reader"))
