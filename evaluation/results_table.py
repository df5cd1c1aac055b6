"""The tables of README.md and docs/results.md, from kept `results.json` files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from artifacts.files import read_json, replacing
from evaluation import CONSTANT

RESULTS = Path("docs/results")
"""Folder of kept `results.json` files, each under a name of its own."""

HIGHLIGHTS = "highlights.json"
"""The rows of the README's table, in that folder: `[["FILE", "MODEL"], …]`."""

BEGIN, END = "<!-- results: evaluate.py --table -->", "<!-- end of results -->"

_CROPS = {"full": "whole image", "union": "true box + 30 %", "square": "true square + 30 %"}
_HEADER = (
    "| data, split (images) | crop | model | sequence accuracy | 95 % interval "
    "| coverage at 98 % accuracy | at 99 % |\n| --- | --- | --- | ---: | --- | ---: | ---: |"
)


def write_tables(root: Path) -> None:
    """Rewrite the highlights in README.md and all results in docs/results.md.

    Only what stands between the two marks of a file changes.

    Raises:
        ValueError: if there are no results, one is malformed, or a file has no marks.
        RunError: if a file is not JSON.
    """
    folder = root / RESULTS
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != HIGHLIGHTS]
    if not paths:
        raise ValueError(f"there are no results in {folder}: keep copies of results.json there")
    rows = {path.stem: _rows(path) for path in paths}
    chosen = [_chosen(rows, file, model) for file, model in read_json(folder / HIGHLIGHTS)]
    everything = dict.fromkeys(row for table in rows.values() for row in table.values())
    commands = dict.fromkeys(line for path in paths for line in _commands(path))
    texts = {
        root / "README.md": "\n".join([_HEADER, *chosen]),
        root / "docs" / "results.md": "\n".join([_HEADER, *everything, "", *commands]),
    }
    pages = {path: _between_marks(path, text) for path, text in texts.items()}
    for path, page in pages.items():
        with replacing(path) as part:
            part.write_text(page, encoding="utf-8")


def _rows(path: Path) -> dict[str, str]:
    """A row of the table for each model of a file."""
    results = read_json(path)
    try:
        return {name: _row(results, name) for name in results["models"]}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not results of evaluate.py: no {error}") from error


def _row(results: dict[str, Any], name: str) -> str:
    figures = results["models"][name]
    low, high = figures["sequence_accuracy_interval"]
    crop = figures.get("crop", results["crop"])
    cells = (
        f"{results['dataset']}, {results['split']} ({figures['images']:,})",
        "" if name == CONSTANT else _CROPS.get(crop, crop),
        name if name == CONSTANT else f"`{name}`",
        f"{100 * figures['sequence_accuracy']:.2f} %",
        f"{100 * low:.1f} – {100 * high:.1f}",
        *(_coverage(figures, results["split"], target) for target in ("0.98", "0.99")),
    )
    return f"| {' | '.join(cells)} |"


def _coverage(figures: dict[str, Any], split: str, target: str) -> str:
    """Coverage, with a mark where its threshold was chosen on the same images."""
    same = figures.get("thresholds_chosen_on", split) == split
    return f"{100 * figures['coverage'][target]['coverage']:.1f} %{'*' if same else ''}"


def _commands(path: Path) -> Iterable[str]:
    results = read_json(path)
    for name, figures in results["models"].items():
        if figures.get("trained_with"):
            yield f"- `{name}` was trained with `{figures['trained_with']}`"
    yield f"- measured with `{results['environment']['command']}`"


def _chosen(rows: dict[str, dict[str, str]], file: str, model: str) -> str:
    try:
        return rows[file][model]
    except KeyError as error:
        raise ValueError(
            f"{RESULTS}/{HIGHLIGHTS} names {model} of {file}.json, which has no {error}"
        ) from error


def _between_marks(path: Path, table: str) -> str:
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no place for results: two lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"
