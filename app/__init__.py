"""A server that reads the numbers in images: `python -m app`."""
