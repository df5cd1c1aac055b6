"""Write a page about a folder of photos: its content, and labels that are probably wrong.

    python -m datasets my_photos
    python -m datasets my_photos/labels.xlsx --labels digits --report report/mine

Suspects are images whose reading by a trained reader differs from the label, with a high
confidence. Labels that are corrected on the page are saved as a table for training. If images have
several numbers, each number is shown and read separately.
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from artifacts.files import write_text
from artifacts.folders import check_report
from artifacts.startup import command, quiet_tensorflow, run_command, start_log
from datasets import photo_folder
from datasets.folder_options import add_folder_options, read_folder_options
from datasets.photo_folder import Folder, Photo, format_boxes
from datasets.registry import SPLITS
from datasets.sources import is_scenes
from evaluation import FIGURES_FILE
from evaluation.html import embed, template, thumbnail
from inference.split_images import random_indices
from number_zoo.images import decode_image
from number_zoo.predictions import Reading
from number_zoo.upright import UprightCrop

log = logging.getLogger(__name__)

PAGE = "index.html"
"""Name of the page in its folder."""

CONFIDENT = 0.9
"""Minimum confidence of a reading that makes an image with another label a suspect."""

SHOWN, SUSPECTS, GROUPS = 24, 100, 50
"""Maximum numbers on the page: of images of each split, of suspects and of groups of duplicates."""

_LOGGED = 256  # images from one line of the log to the next


def find_suspects(folder: Folder, weights: str | None = None) -> list[tuple[int, Reading]]:
    """Find photos whose reading differs from the label, by descending confidence.

    Args:
        folder: folder whose photos are read; if images have several numbers, only those with boxes.
        weights: as for `inference.Reader`.

    Returns:
        The index of each photo, and its reading.
    """
    from inference import Reader

    reader = Reader(weights)
    indices = [
        index
        for index, photo in enumerate(folder.photos)
        if not (folder.several and photo.label) or photo.boxes is not None
    ]

    def images() -> Iterator[np.ndarray]:
        for number, index in enumerate(indices):
            if number % _LOGGED == 0:
                log.info("Reading labels: %d of %d images", number, len(indices))
            yield _image(folder, folder.photos[index])

    suspects = [
        (index, reading)
        for index, reading in zip(indices, reader.read(images()), strict=True)
        if reading.number != folder.photos[index].label and reading.confidence >= CONFIDENT
    ]
    return sorted(suspects, key=lambda suspect: -suspect[1].confidence)


def _image(folder: Folder, photo: Photo) -> np.ndarray:
    """The image of a photo; for one of several numbers its crop, turned upright."""
    image = decode_image(photo.path)
    if not folder.several or photo.boxes is None:
        return image
    return UprightCrop.around(image, photo.box, photo.turn).pixels.copy()


def render(folder: Folder, suspects: Sequence[tuple[int, Reading]] | None) -> str:
    """The page of a decoded folder as text; `suspects` is None if no reader was used."""

    def card(photo: Photo, *, whole: bool = False) -> dict[str, Any]:
        image = decode_image(photo.path) if whole else _image(folder, photo)
        thumb = embed(thumbnail(image))
        return {"image": thumb, "file": photo.file, "label": photo.label, "split": photo.split}

    photos = folder.photos
    sizes = np.array([(photo.facts.width, photo.facts.height) for photo in photos])
    lengths = sorted({len(photo.label) for photo in photos})
    parts = {split: [photo for photo in photos if photo.split == split] for split in SPLITS}
    counts = Counter((photo.split, len(photo.label)) for photo in photos)
    has_turns = folder.several or any(photo.turn for photo in photos)
    return template(Path(__file__).with_name("folder_page.html.j2")).render(
        folder=folder,
        corrected=shlex.quote(str(folder.root / "corrected.csv")),
        lengths=lengths,
        table=[(split, [counts[split, length] for length in lengths]) for split in SPLITS],
        sizes=[
            (name, *np.percentile(values, (0, 25, 50, 75, 100)).round().astype(int).tolist())
            for name, values in zip(("width", "height"), sizes.T, strict=True)
        ],
        sheets=[
            (split, len(part), [card(part[index]) for index in random_indices(len(part), SHOWN)])
            for split, part in parts.items()
        ],
        suspects=[
            (card(photos[index]), index, reading) for index, reading in (suspects or ())[:SUSPECTS]
        ],
        confident=CONFIDENT,
        asked=suspects is not None,
        total_suspects=len(suspects or ()),
        groups=[
            [card(photo, whole=True) for photo in {photo.path: photo for photo in group}.values()]
            for group in folder.duplicates()[:GROUPS]
        ],
        has_turns=has_turns,
        rows=json.dumps([_row(folder, photo, has_turns) for photo in photos]).replace(
            "<", "\\u003c"
        ),
    )


def _row(folder: Folder, photo: Photo, has_turns: bool) -> list[str]:
    """File, label, boxes and split as in a `labels.csv`, and the turn if there are any."""
    is_inside = photo.path.is_relative_to(folder.root)
    path = photo.path.relative_to(folder.root) if is_inside else photo.path.absolute()
    row = [path.as_posix(), photo.label, format_boxes(photo.boxes), photo.split]
    return [*row, str(photo.turn)] if has_turns else row


@command("python -m datasets")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m datasets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("dataset", metavar="FOLDER|TABLE", help="a folder of photos, or its table of labels")
    add("--weights", metavar="NAME|RUN|FILE", help="the reader that checks labels (default: the "
        "most accurate published one)")  # fmt: skip
    add("--no-reader", action="store_true", help="do not search for suspects")
    add("--report", type=Path, metavar="FOLDER", help="folder of the page (default: one under "
        "report/)")  # fmt: skip
    add_folder_options(parser)
    options = parser.parse_args(arguments)
    start_log()
    read_folder_options(parser, options)
    # Bad rows are shown on the page.
    source = photo_folder.with_options(options.dataset, skip_bad="1")
    folder = photo_folder.understand(source, is_scenes(source), decode=True)
    path = folder.source.resolve()
    name = path.name if path.is_dir() else Path(path.parent.name, path.stem)
    report = options.report or Path("report") / name
    check_report(report, PAGE)
    if (report / FIGURES_FILE).exists():
        raise ValueError(f"{report} has a report of evaluate.py. Name another folder with --report")
    print(folder.summary())
    quiet_tensorflow()
    suspects = None if options.no_reader else find_suspects(folder, options.weights)
    report.mkdir(parents=True, exist_ok=True)
    write_text(report / PAGE, render(folder, suspects))
    if suspects is not None:
        print(f"{len(suspects)} labels are probably wrong")
    print(f"Wrote {report / PAGE}")
    if folder.skipped and not options.skip_bad:
        print(photo_folder.BadRows(folder.source, folder.skipped, folder.rows), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run_command(main)
