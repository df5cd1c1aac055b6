"""Write a contact sheet of rendered images, SVHN or photos; several sources are side by side.

python -m tools.contact_sheet rendered_numbers/kinds --boxes --out kinds.png
python -m tools.contact_sheet rendered_numbers/default my_photos --out compare.png
python -m tools.contact_sheet svhn/train.tar.gz --boxes --out svhn.png

A source is a style of `rendered_numbers`, `rendered_scenes`, `rendered_scenes/crops`, an SVHN
archive, or a folder: of SVHN, of photos with a labels.csv, or of any images.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from artifacts.files import atomic_path
from artifacts.plot_style import image_grid
from datasets.photo_folder import LABELS_FILE, read_folder
from datasets.photo_folder.files import find_images
from datasets.rendered_numbers.rendering import render
from datasets.rendered_numbers.styles import STYLES
from datasets.rendered_scenes.crops import crop_scene
from datasets.rendered_scenes.rendering import render_scene
from datasets.sources import folder_examples, is_scenes
from datasets.svhn_numbers.archives import read_split
from number_zoo.images import decode_image

CAPTION = 26
"""Maximum number of characters of a caption."""


class Example(NamedTuple):
    """An image of a contact sheet.

    Attributes:
        image: uint8 (height, width, 3).
        caption: the text above it.
        boxes: of its digits or numbers, (n, 4); None if unknown.
    """

    image: np.ndarray
    caption: str
    boxes: np.ndarray | None = None


EMPTY = Example(np.full((10, 15, 3), 255, np.uint8), "")
"""Placeholder for an image if a source has fewer images than another."""


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
            yield Example(rendered.image, rendered.label or "no number", rendered.boxes)
    elif source == "rendered_scenes":
        for index in itertools.count():
            scene = render_scene(seed, index)
            yield Example(scene.image, f"{index}", scene.boxes)
    elif source == "rendered_scenes/crops":
        for index in itertools.count():
            yield Example(*crop_scene(seed, index))
    elif path.name.endswith((".tar.gz", ".tgz")) or (path / "digitStruct.mat").is_file():
        for entry, data in read_split(path, path.name.partition(".")[0]):
            yield Example(decode_image(data), f"{entry.name}: {entry.label}", entry.boxes)
    else:
        images = _list_images(path)
        for index in np.random.default_rng(seed).permutation(len(images)):
            file, label, boxes = images[index]
            yield Example(decode_image(file), f"{file.stem}: {label}".removesuffix(": "), boxes)


def _list_images(folder: Path) -> list[tuple[Path, str, np.ndarray | None]]:
    """The file of each image of a folder, its label and its boxes, as far as they are known."""
    if (folder / LABELS_FILE).is_file() and is_scenes(folder):
        return [(scene.image, "", scene.boxes) for scene in folder_examples(folder)]
    if (folder / LABELS_FILE).is_file():
        return [(photo.path, photo.label, photo.boxes) for photo in read_folder(folder)]
    files = find_images(folder)
    if not files:
        styles = ", ".join(f"rendered_numbers/{name}" for name in STYLES)
        raise FileNotFoundError(
            f"A source must be one of {styles}, rendered_scenes, rendered_scenes/crops, an SVHN "
            f"archive, or a folder with images. Received: {folder}"
        )
    return [(file, "", None) for file in files]


def contact_sheet(sources: Sequence[Sequence[Example]], columns: int, boxes: bool) -> Figure:
    """Arrange the examples of each source in rows of `columns`, the sources side by side.

    Args:
        sources: examples of each source.
        columns: images of a source in a row.
        boxes: whether to draw the boxes.
    """
    rows = max(-(-len(examples) // columns) for examples in sources)
    padded = [[*examples, *[EMPTY] * (rows * columns - len(examples))] for examples in sources]
    cells = [
        example
        for row in range(rows)
        for examples in padded
        for example in examples[row * columns : (row + 1) * columns]
    ]
    return image_grid(
        [cell.image for cell in cells],
        [cell.caption[:CAPTION] for cell in cells],
        boxes=[cell.boxes for cell in cells] if boxes else None,
        columns=columns * len(sources),
    )


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.contact_sheet", description=__doc__.partition("\n")[0]
    )
    add = parser.add_argument
    add("sources", nargs="+", metavar="SOURCE",
        help="rendered_numbers/STYLE, rendered_scenes[/crops], an archive or a folder")  # fmt: skip
    add("--out", type=Path, required=True, metavar="FILE", help="the .png file to write")
    add("--boxes", action="store_true", help="draw the boxes of digits or numbers")
    add("--count", type=int, default=60, metavar="N", help="images of each source (default: 60)")
    add("--columns", type=int, default=6, metavar="N",
        help="images of a source in a row (default: 6)")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N", help="of images and their order (default: 0)")
    options = parser.parse_args(arguments)
    if min(options.count, options.columns) < 1 or options.seed < 0:
        parser.error("--count and --columns must be at least 1, --seed at least 0")
    if options.out.suffix.lower() != ".png":
        parser.error(f"--out must end in .png. Received: {options.out}")
    try:
        sources = [
            list(itertools.islice(read_source(source, options.seed), options.count))
            for source in options.sources
        ]
        figure = contact_sheet(sources, options.columns, options.boxes)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(options.out) as part:
            figure.savefig(part, format="png", dpi=150)
    except (OSError, ValueError, ModuleNotFoundError) as error:
        parser.exit(1, f"{error}\n")
    print(f"Wrote {options.out}")


if __name__ == "__main__":
    main()
