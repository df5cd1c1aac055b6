"""Draws the examples that the page offers to a first visitor: `python -m app.gallery`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from artifacts.files import replacing, write_json
from datasets.rendered_numbers.drawing import Drawn, draw
from datasets.rendered_numbers.style import DEFAULT, WIDE, Framing

FOLDER = Path(__file__).parent / "static" / "gallery"

SEED = 7

NEAR = dataclasses.replace(DEFAULT, absent=0.0, digit_height=(75.0, 0.15), largest=480)
FAR = dataclasses.replace(
    WIDE,
    absent=0.0,
    digit_height=(60.0, 0.2),
    largest=640,
    framings=((1.0, Framing(area_share=(0.03, 0.10), aspect=(1.5, 0.15))),),
)
"""Larger images than those that models are trained on: they are shown to people."""

CHOSEN = ((FAR, 3), (NEAR, 18), (FAR, 33), (FAR, 11), (FAR, 30), (FAR, 24), (FAR, 6), (FAR, 29))
"""Style and index of each example, chosen by eye; the last three have letters beside the number,
which is hard."""


def draw_examples() -> list[Drawn]:
    """Draw the examples, in the order in which the page shows them."""
    return [draw(SEED, index, style) for style, index in CHOSEN]


def write_gallery(folder: Path) -> None:
    """Write the examples and `examples.json`, which says what is to be read in each."""
    folder.mkdir(parents=True, exist_ok=True)
    examples = []
    for drawn in draw_examples():
        file = f"{drawn.number}.jpg"
        with replacing(folder / file) as part:
            part.write_bytes(drawn.jpeg)
        examples.append({"file": file, "number": drawn.number})
    write_json(folder / "examples.json", examples)


if __name__ == "__main__":
    write_gallery(FOLDER)
