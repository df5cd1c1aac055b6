"""What `export.py` shows on the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from exporting.check import SURE, Agreement
from exporting.make import Export


def show(made: Export) -> None:
    """Print what was made, how it compares and where to read on."""
    console = Console(highlight=False)
    model, checked = made.reader.model, made.checked
    height, width, channels = model.input_shape[1:]
    count = made.reader.max_glimpses
    glimpses = f"up to {count} glimpses" if count > 1 else "one glimpse"
    console.print(f"[bold]{made.path}[/bold], {made.size / 1e6:.2f} MB", soft_wrap=True)
    console.print(
        f"{model.name}, {glimpses} at {height} x {width} x {channels}; takes images of any size"
    )
    table = Table(
        title=f"Run by {made.format.runtime} on {checked.graph.images} {checked.source}",
        title_justify="left",
        box=box.SIMPLE,
    )
    table.add_column("compared with", no_wrap=True)
    for column in ("same reading", "of the sure*", "off at most", "beyond**"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_row("TensorFlow graph", *_cells(checked.graph))
    table.add_row("predict.py***", *_cells(checked.reader))
    console.print(table)
    console.print(
        f"*read with {SURE:.0%} or more. **off by more than {checked.graph.tolerance.confidence:g}"
        f" and {checked.reader.tolerance.confidence:g}. ***at no quarters"
    )
    console.print(
        f"Numbers wholly right: {checked.accuracy:.2%}, its TensorFlow graph "
        f"{checked.graph_accuracy:.2%}, predict.py {checked.predict_accuracy:.2%}"
    )
    console.print("How to run it: docs/export.md")


def _cells(found: Agreement) -> tuple[str, ...]:
    return (
        f"{found.equal} of {found.images}",
        f"{found.sure_equal} of {found.sure}",
        f"{found.difference:.2g}",
        str(found.beyond),
    )
