"""Tables, counts and durations for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()
) -> Table:
    """A `rich` table of plain text; the columns named in `right` are right-aligned."""
    result = Table(title=escape(title), title_justify="left", box=box.SIMPLE)
    for index, column in enumerate(columns):
        justify = "right" if column in right else "left"
        # The first column holds names to copy: they must not wrap.
        result.add_column(column, justify=justify, no_wrap=index == 0 or column in right)
    for row in rows:
        result.add_row(*map(escape, row))
    return result


def count(value: float) -> str:
    """A count with a unit prefix and three significant digits: "1.29 M", "640"."""
    value = float(f"{value:.3g}")  # otherwise 999,600 would be "1e+03 k"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:g}"


def duration(seconds: float) -> str:
    """A duration: "45 s", "12 min", "1 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
