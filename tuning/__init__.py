"""Search for better models: `python -m tuning --help`."""
