"""Write the tables of README.md and docs/results.md from copies of `results.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from artifacts.files import read_json, replace_between
from evaluation import CONSTANT

RESULTS = Path("docs/results")
"""Folder of copies of `results.json` with different names."""

HIGHLIGHTS = "highlights.json"
"""The rows of the README's table, in that folder: `[["FILE", "MODEL"], …]`."""

BEGIN, END = "<!-- results: evaluate.py --table -->", "<!-- end of results -->"

_CROPS = {
    "full": "whole image",
    "search": "whole image, as `predict.py`",
    "union": "true box + 30 %",
    "square": "true square + 30 %",
}
_HEADER = (
    "| data, split (images) | crop | model | sequence accuracy | 95 % interval "
    "| coverage at 98 % accuracy | at 99 % |\n| --- | --- | --- | ---: | --- | ---: | ---: |"
)


def write_tables(root: Path) -> None:
    """Rewrite the highlights in README.md and all results in docs/results.md.

    Only the text between the two marks of a file changes.

    Raises:
        ValueError: if there are no results, or a file has no marks.
        RunError: if a file is not JSON or has no such figures.
    """
    folder = root / RESULTS
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != HIGHLIGHTS]
    if not paths:
        raise ValueError(f"there are no results in {folder}: put copies of results.json there")
    rows: dict[tuple[str, str], str] = {}
    commands: dict[str, None] = {}  # in order, without repetitions
    for path in paths:
        file, results = path.stem, read_json(path)
        for name, figures in results["models"].items():
            rows[file, name] = _row(results, name, figures)
            if figures.get("trained_with"):
                commands[f"- `{name}` was trained with `{figures['trained_with']}`"] = None
        commands[f"- measured with `{results['environment']['command']}`"] = None
    chosen = [tuple(pair) for pair in read_json(folder / HIGHLIGHTS)]
    if unknown := [pair for pair in chosen if pair not in rows]:
        raise ValueError(f"{folder / HIGHLIGHTS} names rows that do not exist: {unknown}")
    texts = {
        root / "docs" / "results.md": [*dict.fromkeys(rows.values()), "", *commands],
        root / "README.md": [rows[pair] for pair in chosen],
    }
    for path, lines in texts.items():
        replace_between(path, BEGIN, END, "\n".join([_HEADER, *lines]))


def _row(results: dict[str, Any], name: str, figures: dict[str, Any]) -> str:
    low, high = figures["sequence_accuracy_interval"]
    crop = figures.get("crop", results["crop"])
    same_images = figures.get("thresholds_chosen_on", results["split"]) == results["split"]
    cells = (
        f"{results['dataset']}, {results['split']} ({figures['images']:,})",
        "" if name == CONSTANT else _CROPS.get(crop, crop),
        name if name == CONSTANT else f"`{name}`",
        f"{100 * figures['sequence_accuracy']:.2f} %",
        f"{100 * low:.1f} – {100 * high:.1f}",
        *(
            f"{100 * figures['coverage'][target]['coverage']:.1f} %{'*' * same_images}"
            for target in ("0.98", "0.99")
        ),
    )
    return f"| {' | '.join(cells)} |"
