"""Write rendered images as a folder of photos with a `labels.csv`."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

from artifacts.files import atomic_path

from .rendering import RenderedImage


def write_folder(folder: str | os.PathLike, images: Iterable[RenderedImage]) -> None:
    """Write images as a folder that `datasets.load` takes; `labels.csv` is written last.

    Args:
        folder: folder to write to; it is created.
        images: from `render` or `render_many`.
    """
    folder, table = Path(folder), io.StringIO()
    folder.mkdir(parents=True, exist_ok=True)
    rows = csv.writer(table)
    rows.writerow(["file", "label", "boxes"])
    for index, image in enumerate(images):
        name = f"{index:06d}.jpg"
        (folder / name).write_bytes(image.jpeg)
        boxes = ";".join(" ".join(f"{edge:.1f}" for edge in box) for box in image.boxes)
        rows.writerow([name, image.label, boxes])
    with atomic_path(folder / "labels.csv") as part:
        part.write_text(table.getvalue(), encoding="utf-8")
