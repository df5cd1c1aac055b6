"""Tables, counts and durations for the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text


class _Name:
    """A cell with a name or path, which is broken only if it does not fit, after a separator."""

    def __init__(self, name: str) -> None:
        self._parts = re.findall(r"[^/\\._-]*[/\\._-]+|[^/\\._-]+", name)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        lengths = list(map(cell_len, self._parts))
        return Measurement(max(lengths, default=0), sum(lengths))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = [""]
        for part in self._parts:
            if cell_len(lines[-1] + part) > options.max_width:
                lines.append("")
            lines[-1] += part
        yield Text("\n".join(lines))


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()
) -> Table:
    """A `rich` table of plain text; the columns named in `right` are right-aligned.

    In a narrow terminal the left-aligned columns but the first are wrapped, or the first where
    there is no other.
    """
    result = Table(title=escape(title), title_justify="left", box=box.SIMPLE)
    result.pad_edge, result.collapse_padding = False, True  # to fit into 80 columns
    wrapped = set(columns[1:]).difference(right) or columns[:1]
    for column in columns:
        justify = "right" if column in right else "left"
        result.add_column(column, justify=justify, no_wrap=column not in wrapped)
    for name, *cells in rows:
        result.add_row(_Name(name), *map(escape, cells))
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
