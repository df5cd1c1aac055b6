"""Write a contact sheet of rendered images, SVHN or photos; several sources are side by side.

python -m tools.contact_sheet rendered_numbers/kinds --boxes --out kinds.png
python -m tools.contact_sheet rendered_numbers/default my_photos --out compare.png
python -m tools.contact_sheet svhn/train.tar.gz --boxes --out svhn.png

A source is a style of `rendered_numbers`, `rendered_scenes`, an SVHN archive, or a folder: of SVHN,
of photos with a labels.csv, or of any images.
"""

from __future__ import annotations

import argparse
import io
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from artifacts.files import atomic_path
from datasets.photo_folder import LABELS_FILE, read_folder
from datasets.rendered_numbers.rendering import render
from datasets.rendered_numbers.styles import STYLES
from datasets.rendered_scenes.rendering import render_scene
from datasets.scenes import is_scenes, read_scenes
from datasets.svhn_numbers.archives import read_split

_IMAGE_SIZE = (150, 100)  # maximum width and height of an image, in pixels
_PAD = 12  # margin around each image, which shows boxes beyond it, and gap between sources
_CAPTION = 16  # height of the caption above each image
TILE = (_IMAGE_SIZE[0] + 2 * _PAD, _IMAGE_SIZE[1] + _CAPTION + _PAD)
"""Width and height of an image with its caption and margin, in pixels."""

_COLOURS = ("#ff3b30", "#34c759", "#0a84ff", "#ffd60a", "#ff2dd4", "#64d2ff")
_SUFFIXES = (".png", ".jpg", ".jpeg")


class Example(NamedTuple):
    """An image of a contact sheet.

    Attributes:
        image: the image.
        caption: the text above it.
        label: its digits, or those of each of its numbers.
        boxes: box of each digit or of each number, float (n, 4), or of the number, (1, 4); (0, 4)
            if unknown.
    """

    image: Image.Image
    caption: str
    label: str | list[str] = ""
    boxes: np.ndarray = np.zeros((0, 4))


def read_source(source: str, seed: int = 0) -> Iterator[Example]:
    """Yield the examples of a source; those of a folder in random order.

    Raises:
        FileNotFoundError: if the source is not one of those that the module's docstring lists.
    """
    dataset, _, style = source.partition("/")
    path = Path(source)
    if dataset == "rendered_numbers" and (style or "default") in STYLES:
        for index in itertools.count():
            rendered = render(seed, index, STYLES[style or "default"])
            image = Image.fromarray(rendered.image)
            yield Example(image, rendered.label or "no number", rendered.label, rendered.boxes)
    elif source == "rendered_scenes":
        for index in itertools.count():
            scene = render_scene(seed, index)
            yield Example(Image.fromarray(scene.image), f"{index}", scene.labels, scene.boxes)
    elif path.name.endswith((".tar.gz", ".tgz")) or (path / "digitStruct.mat").is_file():
        for entry, data in read_split(path, path.name.partition(".")[0], skip_broken=True):
            image = Image.open(io.BytesIO(data)).convert("RGB")
            yield Example(image, f"{entry.name}: {entry.label}", entry.label, entry.boxes)
    elif (path / LABELS_FILE).is_file() and is_scenes(path):
        scenes = read_scenes(path)
        for index in np.random.default_rng(seed).permutation(len(scenes)):
            scene = scenes[index]
            image = Image.open(scene.image).convert("RGB")
            yield Example(image, scene.image.stem, scene.labels, np.nan_to_num(scene.boxes))
    elif (path / LABELS_FILE).is_file():
        photos = read_folder(path)
        for index in np.random.default_rng(seed).permutation(len(photos)):
            photo = photos[index]
            boxes = np.zeros((0, 4)) if photo.boxes is None else photo.boxes
            image = Image.open(photo.path).convert("RGB")
            yield Example(image, f"{photo.path.stem}: {photo.label}", photo.label, boxes)
    else:
        paths = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)
        if not paths:
            styles = ", ".join([*(f"rendered_numbers/{n}" for n in STYLES), "rendered_scenes"])
            raise FileNotFoundError(
                f"A source must be one of {styles}, an SVHN archive, or a folder with images "
                f"({', '.join(_SUFFIXES)}). Received: {source}"
            )
        for index in np.random.default_rng(seed).permutation(len(paths)):
            yield Example(Image.open(paths[index]).convert("RGB"), paths[index].stem)


def draw_tile(example: Example, boxes: bool = False) -> Image.Image:
    """Draw an image with its caption and, if `boxes` is true, each box with its digit."""
    image, caption, label, coordinates = example
    scale = min(_IMAGE_SIZE[0] / image.width, _IMAGE_SIZE[1] / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    tile = Image.new("RGB", TILE, "#202020")
    tile.paste(image.resize(size, Image.Resampling.BICUBIC), (_PAD, _CAPTION))
    draw, font = ImageDraw.Draw(tile), ImageFont.load_default(11)
    draw.text((_PAD, 1), caption[:26], fill="white", font=font)
    digits = label if len(label) == len(coordinates) else [label]
    for index, (digit, box) in enumerate(zip(digits, coordinates if boxes else (), strict=False)):
        colour = _COLOURS[index % len(_COLOURS)]
        left, right = (float(x) * scale + _PAD for x in box[0::2])
        top, bottom = (float(y) * scale + _CAPTION for y in box[1::2])
        draw.rectangle((left, top, right, bottom), outline=colour)
        draw.text((left + 2, top - 12), digit, fill=colour, font=font)
    return tile


def contact_sheet(sources: Iterable[list[Image.Image]], columns: int) -> Image.Image:
    """Arrange the tiles of each source in rows of `columns` tiles, the sources side by side."""
    sources = list(sources)
    rows = max(-(-len(tiles) // columns) for tiles in sources)
    source_width = columns * TILE[0] + _PAD
    sheet = Image.new("RGB", (len(sources) * source_width - _PAD, rows * TILE[1]), "black")
    for number, tiles in enumerate(sources):
        for index, tile in enumerate(tiles):
            row, column = divmod(index, columns)
            sheet.paste(tile, (number * source_width + column * TILE[0], row * TILE[1]))
    return sheet


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.contact_sheet", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="rendered_numbers/STYLE, rendered_scenes, an archive or a folder",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the .png file to write"
    )
    parser.add_argument("--boxes", action="store_true", help="draw the boxes of the digits")
    parser.add_argument(
        "--first",
        type=int,
        default=0,
        metavar="N",
        help="images of each source to skip (default: 0)",
    )
    parser.add_argument(
        "--count", type=int, default=60, metavar="N", help="images of each source (default: 60)"
    )
    parser.add_argument(
        "--columns",
        type=int,
        default=6,
        metavar="N",
        help="images of a source in a row (default: 6)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of images and their order (default: 0)",
    )
    options = parser.parse_args(arguments)
    if min(options.count, options.columns) < 1 or min(options.first, options.seed) < 0:
        parser.error("--count and --columns must be at least 1, --first and --seed at least 0")
    if options.out.suffix.lower() != ".png":
        parser.error(f"--out must end in .png. Received: {options.out}")
    sources = []
    try:
        for source in options.sources:
            examples = read_source(source, options.seed)
            chosen = itertools.islice(examples, options.first, options.first + options.count)
            sources.append([draw_tile(example, options.boxes) for example in chosen])
            if not sources[-1]:
                raise ValueError(f"{source} has no more than {options.first} images")
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(options.out) as part:
            contact_sheet(sources, options.columns).save(part, "PNG")
    except (OSError, ValueError, ModuleNotFoundError) as error:
        parser.exit(1, f"{error}\n")
    print(f"Wrote {options.out}")


if __name__ == "__main__":
    main()
