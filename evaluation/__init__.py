"""Evaluate trained models on the same images: figures, intervals, charts, reports."""

CONSTANT = "constant answer"
"""Name of the baseline in results: the most common training label, given for every image."""
