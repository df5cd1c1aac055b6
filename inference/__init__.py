"""Read the numbers in images: `read(images)`, or a `Reader` kept for many calls.

Importing this is cheap: the model's framework is imported when a reader is first asked for.
"""

__all__ = ["Reader", "Reading", "read"]


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from inference import reader

    return getattr(reader, name)
