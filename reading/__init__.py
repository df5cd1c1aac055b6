"""Read the numbers in pictures: `read(pictures)`, or a `Reader` kept for many calls."""

from reading.reader import Reader, Reading, read

__all__ = ["Reader", "Reading", "read"]
