"""Execute the notebooks and write them with their outputs.

python -m tools.notebooks                       all of notebooks/, as `make notebooks`
python -m tools.notebooks 1 2                   some, by the start of their names
python -m tools.notebooks 1 --set epochs=1 --out /tmp/notebooks
python -m tools.notebooks --text                after changes of the text alone: nothing is executed
"""

from __future__ import annotations

import argparse
import ast
import base64
import io
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jupytext
import nbclient
import nbformat
from PIL import Image

from artifacts.console import duration
from artifacts.files import atomic_path, write_bytes
from artifacts.startup import command

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
COVERS = FOLDER.parent / "docs" / "images"

PARAMETERS, COVER = "parameters", "cover"
"""Tags of cells: parameters that may be replaced, and the cover figure of the notebook."""

COLOURS = 128
"""Number of colours of a figure in a notebook; it halves the size of the file."""

COVER_SIZE, COVER_COLOURS = (440, 280), 64
"""Maximum width and height of a cover in pixels, and its number of colours."""


def sources(names: Sequence[str] = ("",)) -> list[Path]:
    """The notebooks as text, in order, whose names start with one of `names`.

    Raises:
        ValueError: if no notebook has one of them.
    """
    paths = sorted(FOLDER.glob("[0-9]*.py"))
    for name in names:
        if not any(path.name.startswith(name) for path in paths):
            known = ", ".join(path.stem for path in paths)
            raise ValueError(f"no notebook starts with {name!r}. Known: {known}")
    return [path for path in paths if path.name.startswith(tuple(names))]


def read(path: Path, values: Mapping[str, Any] | None = None) -> nbformat.NotebookNode:
    """Read a notebook from its text, without outputs.

    Args:
        path: a Python file in jupytext's percent format.
        values: settings by name; a cell that assigns them follows the one tagged "parameters".

    Raises:
        ValueError: if the cell does not assign a name of `values`.
    """
    notebook = jupytext.read(path)
    notebook.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python",
    }  # fmt: skip
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    if values:
        index = next(i for i, cell in enumerate(notebook.cells) if PARAMETERS in _tags(cell))
        for name in values:
            if f"{name} = " not in notebook.cells[index].source:
                raise ValueError(f"{path.name} has no parameter {name!r}")
        text = "\n".join(f"{name} = {value!r}" for name, value in values.items())
        notebook.cells.insert(index + 1, nbformat.v4.new_code_cell(text))
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number}"  # jupytext's ids are random: every execution would differ
    return notebook


def execute(notebook: nbformat.NotebookNode, **options: Any) -> None:
    """Execute a notebook in place, in the folder of the notebooks.

    Args:
        notebook: from `read`.
        **options: options of `nbclient.NotebookClient`; `km` is a kernel to reuse.
    """
    client = nbclient.NotebookClient(
        notebook,
        resources={"metadata": {"path": str(FOLDER)}},
        timeout=None,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        **options,
    )
    client.execute()
    for output, image in figures(notebook):
        output["data"]["image/png"] = base64.b64encode(_png(image)).decode()


def keep_outputs(notebook: nbformat.NotebookNode, executed: nbformat.NotebookNode) -> None:
    """Copy the outputs of an executed notebook to a notebook with the same code.

    Raises:
        ValueError: if their code differs.
    """
    new, old = (
        [cell for cell in cells if cell.cell_type == "code"]
        for cells in (notebook.cells, executed.cells)
    )
    if [cell.source for cell in new] != [cell.source for cell in old]:
        raise ValueError("the code has changed as well: execute the notebook")
    for cell, source in zip(new, old, strict=True):
        cell.outputs, cell.execution_count = source.outputs, source.execution_count
    notebook.metadata |= executed.metadata


def figures(notebook: nbformat.NotebookNode) -> Iterator[tuple[dict, Image.Image]]:
    """The outputs of an executed notebook that hold a figure, and the figures."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", ()):
                data = base64.b64decode(output["data"]["image/png"])
                yield output, Image.open(io.BytesIO(data)).convert("RGB")


def _tags(cell: Mapping[str, Any]) -> Sequence[str]:
    return cell["metadata"].get("tags", ())


def _png(image: Image.Image, colours: int = COLOURS) -> bytes:
    data = io.BytesIO()
    image.quantize(colours, kmeans=1, dither=Image.Dither.NONE).save(data, "PNG", optimize=True)
    return data.getvalue()


def _write_cover(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write the first figure of the cell tagged "cover", if there is one, reduced in size."""
    cells = [cell for cell in notebook.cells if COVER in _tags(cell)]
    for _, image in figures(nbformat.v4.new_notebook(cells=cells)):
        image.thumbnail(COVER_SIZE, Image.Resampling.LANCZOS)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, _png(image, COVER_COLOURS))
        return


def _setting(text: str) -> tuple[str, Any]:
    """Parse `NAME=VALUE`; a value that is not a Python literal is text."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


@command("tools.notebooks", nbclient.exceptions.CellExecutionError)
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.notebooks", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("names", nargs="*", default=[""], metavar="NAME", help="start of a name (default: all)")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="replace a parameter")
    add(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="write the notebooks here (default: beside their text, and covers to docs/images)",
    )
    add("--text", action="store_true", help="only replace the text between the code")
    options = parser.parse_args(arguments)
    values = dict(_setting(text) for text in options.set)
    for path in sources(options.names):
        notebook, start = read(path, values), time.monotonic()
        out = (options.out or FOLDER) / f"{path.stem}.ipynb"
        if options.text:
            keep_outputs(notebook, nbformat.read(out, as_version=4))
        else:
            execute(notebook)
        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(out) as part:
            nbformat.write(notebook, part)
        if options.out is None:
            _write_cover(notebook, COVERS / f"{path.stem}.png")
        print(f"{out.name}: {duration(time.monotonic() - start)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
