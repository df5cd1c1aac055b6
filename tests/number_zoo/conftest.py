"""Images for the tests of `number_zoo`, which need no training requirements."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    """A folder of three images of noise, in subfolders, and one other file."""
    rng = np.random.default_rng(0)
    for name, shape in [("b.png", (20, 40, 3)), ("a.jpg", (33, 21, 3)), ("sub/c.png", (9, 9))]:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(path)
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    return tmp_path / "photos"
