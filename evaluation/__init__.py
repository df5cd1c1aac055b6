"""Score trained models on the same pictures: figures, intervals, files."""
