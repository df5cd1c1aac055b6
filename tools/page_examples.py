"""Render the example images of the web page: `python -m tools.page_examples`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from artifacts.files import write_bytes, write_json
from datasets.rendered_numbers.rendering import render
from datasets.rendered_numbers.styles import DEFAULT, WIDE, Framing

FOLDER = Path(__file__).resolve().parent.parent / "number_zoo/server/static/gallery"

SEED = 7

NEAR = dataclasses.replace(DEFAULT, no_number=0.0, digit_height=(75.0, 0.15), max_side=480)
FAR = dataclasses.replace(
    WIDE,
    no_number=0.0,
    digit_height=(60.0, 0.2),
    max_side=640,
    framings=((1.0, Framing(area_fraction=(0.03, 0.10), aspect=(1.5, 0.15))),),
)
"""Images are larger than training images, for display."""

EXAMPLES = ((FAR, 3), (NEAR, 18), (FAR, 33), (FAR, 11), (FAR, 30), (FAR, 24), (FAR, 6), (FAR, 29))
"""Style and index of each example; the last three, with letters next to the number, are hard."""


def write_gallery(folder: Path) -> None:
    """Write the examples and `examples.json`, which has their labels."""
    folder.mkdir(parents=True, exist_ok=True)
    examples = []
    for style, index in EXAMPLES:
        rendered = render(SEED, index, style)
        file = f"{rendered.label}.jpg"
        write_bytes(folder / file, rendered.jpeg)
        examples.append({"file": file, "number": rendered.label})
    write_json(folder / "examples.json", examples)


if __name__ == "__main__":
    write_gallery(FOLDER)
