"""Names of the inputs and outputs of the inference graphs, and errors for unknown names."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Sequence

LENGTH, DIGITS, BOX = "length", "digits", "box"
"""Keys of labels as arrays, and names of the models' outputs."""

IMAGES, CROPS, IMAGE_SIZES = "images", "crops", "image_sizes"
BOXES, SCORES, TURNS = "boxes", "scores", "turns"
CONFIDENCE, CROP, ATTENTION = "confidence", "crop", "attention"
LENGTH_LOG_PROBS, DIGIT_LOG_PROBS = "length_log_probs", "digit_log_probs"

ABSENT = -1
"""Value in `digits` at a position without a digit."""


def unknown_name(kind: str, name: str | Sequence[str], known: Iterable[str]) -> str:
    """Error message for one or several unknown names of a `kind`: lists the known names, nearest
    first."""
    known, unknown = list(known), [name] if isinstance(name, str) else name
    close = [difflib.get_close_matches(name, known, n=3, cutoff=0.5) for name in unknown]
    ordered = dict.fromkeys([*itertools.chain(*close), *known])
    kinds = kind if len(unknown) == 1 else f"{kind}s"
    return f"unknown {kinds} {', '.join(map(repr, unknown))}. Known: {', '.join(ordered) or 'none'}"
