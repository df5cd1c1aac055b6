"""Small photo folders that the tests make themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """A function that makes a folder of `count` photos p00.png, p01.png …

    Photo i shows the number 10 + i and is identified by its mean colour: 40 + 4 i in all channels
    but the last, which is 200, with a lighter left half.
    """

    def make(count: int = 40, name: str = "photos", size: tuple[int, int] = (24, 40)) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        rows = ["file,label"]
        for index in range(count):
            image = np.full((*size, 3), 40 + 4 * index, np.uint8)
            image[:, : size[1] // 2] += 20
            image[..., 2] = 200
            Image.fromarray(image).save(folder / f"p{index:02d}.png")
            rows.append(f"p{index:02d}.png,{10 + index}")
        (folder / "labels.csv").write_text("\n".join(rows) + "\n")
        return folder

    return make
