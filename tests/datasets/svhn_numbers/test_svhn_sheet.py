"""The sheet on which boxes are looked at: a box must be drawn where it is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from datasets.svhn_numbers import sheet
from datasets.svhn_numbers.archives import Example
from datasets.svhn_numbers.digit_struct import Entry
from tests.datasets.svhn_numbers.samples import draw_entries, make_folder


def test_boxes_are_drawn_where_they_are():
    out = io.BytesIO()
    Image.new("RGB", (98, 56)).save(out, "png")  # shown at twice its size
    boxes = np.array([[10, 5, 30, 45], [90, 20, 102, 50]], np.float32)
    tile = sheet.draw_tile(Example(Entry("1.png", np.array([1, 0]), boxes), out.getvalue()))
    pixels = np.asarray(tile)
    red = (pixels[:, :, 0] > 200) & (pixels[:, :, 1] < 100) & (pixels[:, :, 2] < 100)
    rows, columns = np.nonzero(red)
    assert (columns.min(), columns.max()) == (10 * 2 + 12, 30 * 2 + 12)
    assert rows.max() == 45 * 2 + 12 + 14
    assert red[5 * 2 + 26, 32:73].all()
    green = (pixels[:, :, 1] > 150) & (pixels[:, :, 0] < 100)
    assert np.nonzero(green)[1].max() == 102 * 2 + 12  # past the image's edge


def test_the_command_draws_the_chosen_images(tmp_path):
    folder = make_folder(tmp_path / "train", draw_entries(5))
    out = tmp_path / "sheet.png"
    sheet.main([str(folder), "--out", str(out), "--count", "3"])
    assert Image.open(out).size == (8 * 220, 150)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["sheet.png", "train"]
    with pytest.raises(ValueError, match="one image or more"):
        sheet.main([str(folder), "--out", str(out), "--first", "5"])
