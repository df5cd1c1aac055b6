"""Errors for unknown names, with the nearest known names first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Error message for a `name` that is no known `kind`: lists the known names, nearest first."""
    known = list(known)
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    others = [other for other in known if other not in nearest]
    return f"unknown {kind} {name!r}. Known: {', '.join(nearest + others)}"
