"""Names of the inputs and outputs of the inference graphs, and errors for unknown names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LENGTH, DIGITS, BOX = "length", "digits", "box"
"""Keys of labels as arrays, and names of the models' outputs."""

IMAGES, CROPS, IMAGE_SIZES = "images", "crops", "image_sizes"
BOXES, SCORES, TURNS = "boxes", "scores", "turns"
CONFIDENCE, CROP, ATTENTION = "confidence", "crop", "attention"
LENGTH_LOG_PROBS, DIGIT_LOG_PROBS = "length_log_probs", "digit_log_probs"

ABSENT = -1
"""Value in `digits` at a position without a digit."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Error message for a `name` that is no known `kind`: lists the known names, nearest first."""
    known = list(known)
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    others = [other for other in known if other not in nearest]
    return f"unknown {kind} {name!r}. Known: {', '.join(nearest + others) or 'none'}"
