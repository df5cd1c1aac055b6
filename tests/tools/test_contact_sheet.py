"""Contact sheets of rendered images and photos."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools import contact_sheet


def test_sheet_shows_rendered_images_and_photos(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (30, 20), (0, 200, 0)).save(photos / "a.png")
    out = tmp_path / "sheets" / "sheet.png"
    arguments = ["rendered_numbers/kinds", str(photos), "--count", "7", "--boxes"]
    contact_sheet.main([*arguments, "--out", str(out)])
    sheet = np.asarray(Image.open(out))
    assert sheet.shape == (2 * (100 + 16), 2 * 6 * 150 + 12, 3)
    assert sheet[:100, :900].std() > 10
    assert (sheet[:100, 912 : 912 + 150] == (0, 200, 0)).all()
    assert [path.name for path in out.parent.iterdir()] == ["sheet.png"]


@pytest.mark.parametrize(
    "source, out, message",
    [
        ("none", "sheet.png", "rendered_numbers/kinds.*or a folder with images"),
        ("rendered_numbers", "sheet.jpg", "must end in .png"),
    ],
)
def test_wrong_arguments_are_errors(tmp_path: Path, capsys, source: str, out: str, message: str):
    with pytest.raises(SystemExit):
        contact_sheet.main([str(tmp_path / source), "--out", str(tmp_path / out)])
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / out).exists()
