"""Small archives and folders in the structure of the official ones, drawn for the tests."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from datasets.svhn_numbers.digit_struct import Entry
from datasets.svhn_numbers.write_digit_struct import write_digit_struct
from tests.conftest import encode_image


def draw_png(seed: int, size: tuple[int, int] = (40, 20)) -> bytes:
    """A PNG of noise: no two are alike, and none survives being cut short."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return encode_image(Image.fromarray(pixels))


def draw_entries(count: int) -> list[Entry]:
    """Entries called 1.png, 2.png …, of one to three digits, with the 0 among them."""
    return [
        Entry(
            f"{index + 1}.png",
            "".join(str((place + index) % 10) for place in range(index % 3 + 1)),
            np.array([[5 * place - 1, 2, 5 * place + 4, 15] for place in range(index % 3 + 1)]),
        )
        for index in range(count)
    ]


def make_folder(folder: Path, entries: list[Entry], seed: int = 0) -> Path:
    """An extracted split: `digitStruct.mat`, the images and the official MATLAB script."""
    folder.mkdir(parents=True)
    write_digit_struct(folder / "digitStruct.mat", entries)
    (folder / "see_bboxes.m").write_text("% shows the boxes\n")
    for index, entry in enumerate(entries):
        (folder / entry.name).write_bytes(draw_png(seed + index))
    return folder


def folder_members(folder: Path) -> list[tuple[str, bytes]]:
    """Name and content of each file of a folder, as members of an archive."""
    files = sorted(folder.iterdir())
    return [(f"{folder.name}/{file.name}", file.read_bytes()) for file in files]


def make_archive(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    """A gzipped tar archive of these members."""
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members:
            header = tarfile.TarInfo(name)
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
    return path
