"""Contact sheets of rendered images, SVHN and photos."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets.svhn_numbers.samples import draw_entries, make_folder
from tools import contact_sheet
from tools.contact_sheet import TILE, Example, draw_tile


def test_boxes_are_drawn_where_they_are():
    boxes = np.array([[10, 5, 30, 45], [70, 20, 80, 40]], np.float32)
    example = Example(Image.new("RGB", (75, 50)), "1.png", "10", boxes)  # shown at twice its size
    assert not (np.asarray(draw_tile(example))[20:] > 100).any()
    pixels = np.asarray(draw_tile(example, boxes=True))
    red = (pixels[:, :, 0] > 200) & (pixels[:, :, 1] < 100) & (pixels[:, :, 2] < 100)
    rows, columns = np.nonzero(red)
    assert (columns.min(), columns.max()) == (10 * 2 + 12, 30 * 2 + 12)
    assert rows.max() == 45 * 2 + 16
    assert red[5 * 2 + 16, 32:73].all()
    green = (pixels[:, :, 1] > 150) & (pixels[:, :, 0] < 100)
    assert np.nonzero(green)[1].max() == 80 * 2 + 12  # beyond the image's edge


def test_sheet_shows_sources_side_by_side(tmp_path: Path, photos: Path):
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (30, 20), (0, 200, 0)).save(images / "a.png")
    svhn = make_folder(tmp_path / "train", draw_entries(3))
    out = tmp_path / "sheets" / "sheet.png"
    sources = ["rendered_numbers/kinds", str(svhn), str(photos), str(images)]
    contact_sheet.main([*sources, "--boxes", "--count", "5", "--columns", "4", "--out", str(out)])
    sheet = np.asarray(Image.open(out))
    width = 4 * TILE[0] + 12
    assert sheet.shape == (2 * TILE[1], 4 * width - 12, 3)
    for source, count in enumerate((5, 3, 5, 1)):
        for index in range(8):
            row, column = divmod(index, 4)
            left, top = source * width + column * TILE[0] + 12, row * TILE[1] + 16
            tile = sheet[top : top + 50, left : left + 20]
            assert tile.any() == (index < count), (source, index)
    assert (sheet[16:116, 3 * width + 12 : 3 * width + 162] == (0, 200, 0)).all()
    assert [path.name for path in out.parent.iterdir()] == ["sheet.png"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["none", "--out", "sheet.png"], r"rendered_numbers/kinds.*a folder with images"),
        (["rendered_numbers", "--out", "sheet.jpg"], r"must end in \.png"),
        (["photos", "--out", "sheet.png", "--first", "60"], "no more than 60 images"),
    ],
)
def test_wrong_arguments_are_errors(tmp_path, photos, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").symlink_to(photos)
    with pytest.raises(SystemExit):
        contact_sheet.main(arguments)
    assert re.search(message, capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
