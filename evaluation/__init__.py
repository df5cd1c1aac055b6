"""Score trained models on the same images: figures, intervals, files."""
