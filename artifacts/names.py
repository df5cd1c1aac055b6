"""How the project speaks of names it does not know: the known ones, the nearest first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that `name` is no known `kind`, and which there are, for an error's message."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    rest = [other for other in known if other not in near]
    return f"unknown {kind} {name!r}. Known: {', '.join(near + rest)}"
