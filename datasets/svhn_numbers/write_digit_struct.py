"""Write files in the format of SVHN, for notebooks, tests and benchmarks."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
from PIL import Image

from artifacts.files import atomic_path

from .digit_struct import Entry

if TYPE_CHECKING:
    from datasets.rendered_numbers.rendering import RenderedImage


def write_digit_struct(path: str | os.PathLike, entries: Iterable[Entry]) -> None:
    """Write a `digitStruct.mat`, atomically.

    As in the original files, the digit 0 is 10, and an image of one digit has plain numbers instead
    of references. It takes some minutes for the number of entries of train.

    Args:
        path: file to write.
        entries: images with at least one digit each.
    """
    with (
        atomic_path(Path(path)) as part,
        h5py.File(part, "w", libver="earliest", userblock_size=512) as file,
    ):
        _write(file, entries)


def _write(file: h5py.File, entries: Iterable[Entry]) -> None:
    objects, count = file.create_group("#refs#"), itertools.count()

    def store(values) -> h5py.Reference:
        return objects.create_dataset(f"{next(count):x}", data=np.reshape(values, (-1, 1))).ref

    def references(values: list[h5py.Reference]) -> np.ndarray:
        return np.array(values, h5py.ref_dtype).reshape(-1, 1)

    names, boxes = [], []
    for entry in entries:
        names.append(store(np.frombuffer(entry.name.encode("utf-16-le"), np.uint16)))
        group = objects.create_group(f"{next(count):x}")
        boxes.append(group.ref)
        left, top, right, bottom = np.asarray(entry.boxes, np.float64).T
        columns = {
            "height": bottom - top,
            "label": np.array([float(digit) or 10.0 for digit in entry.label]),
            "left": left,
            "top": top,
            "width": right - left,
        }
        for field, values in columns.items():
            plain = len(values) == 1
            group[field] = values.reshape(1, 1) if plain else references(list(map(store, values)))
    file["digitStruct/name"], file["digitStruct/bbox"] = references(names), references(boxes)


def write_split(folder: str | os.PathLike, images: Iterable[RenderedImage]) -> None:
    """Write images as an extracted split of SVHN: `1.png`, `2.png`, … and `digitStruct.mat`.

    As in SVHN, boxes are whole pixels, and images without a number are left out.

    Args:
        folder: folder to write to; it is created.
        images: from `rendered_numbers.rendering`, or objects with the same attributes.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    numbered = enumerate((image for image in images if image.label), 1)

    def write(index: int, image: RenderedImage) -> Entry:
        Image.fromarray(image.image).save(folder / f"{index}.png")
        return Entry(f"{index}.png", image.label, np.round(image.boxes))

    write_digit_struct(folder / "digitStruct.mat", (write(*pair) for pair in numbered))
