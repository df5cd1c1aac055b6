"""The README's table of results, from the `results.json` files that were kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from artifacts.files import read_json, replacing
from evaluation.compare import CONSTANT

KEPT = Path("docs/results")
"""Where `results.json` files are kept, under names of their own."""

BEGIN, END = "<!-- results: evaluate.py --table -->", "<!-- end of results -->"

_GIVEN = {"full": "whole images", "union": "true box + 30 %", "square": "true square + 30 %"}


def results_table(files: list[Path]) -> str:
    """A Markdown table: a row for each model, the constant answer before them.

    Args:
        files: `results.json` files of `evaluate.py`.

    Raises:
        ValueError: if there are none, or one is not such a file; it is named.
    """
    if not files:
        raise ValueError(f"there are no results to make a table of: keep some in {KEPT}/")
    lines = [
        "| data, split | given | model | numbers right | 95 % interval | answered at 98 % right "
        "| at 99 % right |",
        "| --- | --- | --- | ---: | --- | ---: | ---: |",
    ]
    trained, measured = {}, {}
    for path in sorted(files):
        results = read_json(path)
        try:
            for name, found in results["models"].items():
                row = _row(results, name)
                if row not in lines:  # one constant answer for each set of images
                    lines.append(row)
                if found.get("trained_with"):
                    trained[f"- `{name}` was trained with `{found['trained_with']}`"] = None
            measured[f"- measured with `{results['environment']['command']}`"] = None
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is not results of evaluate.py: no {error}") from error
    return "\n".join([*lines, "", *trained, *measured])


def _row(results: dict[str, Any], name: str) -> str:
    found = results["models"][name]
    low, high = found["sequence_accuracy_interval"]
    crop = found.get("crop", results["crop"])
    cells = (
        f"{results['dataset']}, {results['split']} ({found['images']:,})",
        "" if name == CONSTANT else _GIVEN.get(crop, crop),
        name if name == CONSTANT else f"`{name}`",
        f"{100 * found['sequence_accuracy']:.2f} %",
        f"{100 * low:.1f} – {100 * high:.1f}",
        *(f"{100 * found['coverage'][share]:.1f} %" for share in ("0.98", "0.99")),
    )
    return f"| {' | '.join(cells)} |"


def write_table(readme: Path, files: list[Path]) -> None:
    """Put the table between the two marks of a Markdown file; all else stays.

    Raises:
        ValueError: if the file has no such marks.
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} has no place for results: two lines {BEGIN} and {END}")
    table = results_table(files)
    with replacing(readme) as part:
        part.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")
