"""A server that reads the numbers in pictures: `python -m app`."""
