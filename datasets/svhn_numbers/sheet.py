"""Draw images with the boxes and labels of their digits on one sheet, to look at.

python -m datasets.svhn_numbers.sheet PATH --split train --out sheet.png

PATH is an archive (`train.tar.gz`) or an extracted folder (`train/`).
"""

from __future__ import annotations

import argparse
import io
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from .archives import Example, read_split

_TILE = (220, 150)
_EDGE = 12  # pixels round each image, where boxes that leave it show
_CAPTION = 14
_COLOURS = ("#ff3b30", "#34c759", "#0a84ff", "#ffd60a", "#ff2dd4", "#64d2ff")


def draw_tile(example: Example, size: tuple[int, int] = _TILE) -> Image.Image:
    """One image, scaled to fit `(width, height)`, each box in a colour with its label."""
    entry = example.entry
    image = Image.open(io.BytesIO(example.image)).convert("RGB")
    width, height = size[0] - 2 * _EDGE, size[1] - 2 * _EDGE - _CAPTION
    scale = min(width / image.width, height / image.height)
    shown = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    tile = Image.new("RGB", size, "#202020")
    tile.paste(image.resize(shown, Image.Resampling.BICUBIC), (_EDGE, _EDGE + _CAPTION))
    draw, font = ImageDraw.Draw(tile), ImageFont.load_default(11)
    number = "".join(map(str, entry.labels))
    draw.text((_EDGE, 1), f"{entry.name}: {number}", fill="white", font=font)
    for turn, (label, box) in enumerate(zip(entry.labels, entry.boxes, strict=True)):
        colour = _COLOURS[turn % len(_COLOURS)]
        left, top, right, bottom = (float(value) * scale + _EDGE for value in box)
        draw.rectangle((left, top + _CAPTION, right, bottom + _CAPTION), outline=colour)
        draw.text((left + 2, top + _CAPTION - 11), str(label), fill=colour, font=font)
    return tile


def draw_sheet(examples: Iterable[Example], columns: int = 8) -> Image.Image:
    """Tiles of all examples in rows.

    Raises:
        ValueError: if there are none.
    """
    tiles = [draw_tile(example) for example in examples]
    if not tiles:
        raise ValueError("a sheet needs one image or more. Received: none")
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * _TILE[0], rows * _TILE[1]), "black")
    for index, tile in enumerate(tiles):
        sheet.paste(tile, (index % columns * _TILE[0], index // columns * _TILE[1]))
    return sheet


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the sheet of a split."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", type=Path, help="archive or extracted folder of one split")
    parser.add_argument("--split", help="folder inside the archive; defaults to the path's name")
    parser.add_argument("--out", type=Path, required=True, help="image file to write")
    parser.add_argument("--first", type=int, default=0, help="images to pass over")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--skip-broken", action="store_true", help="leave out what is broken")
    chosen = parser.parse_args(arguments)
    split = chosen.split or chosen.path.name.partition(".")[0]
    examples = read_split(chosen.path, split, skip_broken=chosen.skip_broken)
    sheet = draw_sheet(itertools.islice(examples, chosen.first, chosen.first + chosen.count))
    part = chosen.out.with_name(f"{chosen.out.stem}.part{chosen.out.suffix}")
    try:
        sheet.save(part)
        part.replace(chosen.out)
    finally:
        part.unlink(missing_ok=True)
    print(chosen.out)


if __name__ == "__main__":
    main()
