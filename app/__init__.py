"""`python -m app`: the server of `number_zoo`, from the project's folder."""
