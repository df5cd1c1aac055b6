"""Commands for maintainers: publishing weights, preparing data."""
