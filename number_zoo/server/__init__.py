"""A server that reads the numbers in images: `number-zoo serve`."""
