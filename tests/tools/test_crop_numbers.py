"""Crops around small numbers in photos: a data set of all splits."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import photo_folder
from tools.crop_numbers import main

TABLE = """file,label,boxes,split,turn
middle.png,7,40 30 60 40,train,
corner.png,12,2 3 22 13,validation,2
unknown.png,5,,train,
none.png,,,test,
"""


@pytest.fixture
def photos(tmp_path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("middle", "corner", "unknown", "none"):
        pixels = np.full((70, 100, 3), 100, np.uint8)
        if name == "middle":
            pixels[30:40, 40:60] = 255
        Image.fromarray(pixels).save(folder / f"{name}.png")
    (folder / "labels.csv").write_text(TABLE)
    return folder


def test_the_crops_of_all_splits_have_labels_boxes_and_turns(photos, tmp_path, capsys):
    out = tmp_path / "crops"
    assert main([str(photos), str(out)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "2 crops and 1 whole images without a number; 1 images left out" in text
    known = {photo.label: photo for photo in photo_folder.read_folder(out)}
    assert {label: photo.split for label, photo in known.items()} == {
        "7": "train",
        "12": "validation",
        "": "test",
    }
    assert known["7"].boxes.tolist() == [[10, 5, 30, 15]] and known["7"].turn == 0
    assert known["12"].boxes.tolist() == [[2, 3, 22, 13]] and known["12"].turn == 2
    images = {label: np.asarray(Image.open(photo.path)) for label, photo in known.items()}
    assert {label: image.shape for label, image in images.items()} == {
        "7": (20, 40, 3),
        "12": (18, 32, 3),
        "": (70, 100, 3),
    }
    left, top, right, bottom = known["7"].boxes[0].astype(int)
    assert (images["7"][top:bottom, left:right] == 255).all()
    assert (images["7"] == 255).sum() == 3 * 10 * 20


def test_nothing_is_written_without_boxes_or_over_a_folder(photos, tmp_path, capsys):
    assert main([str(photos), str(photos)]) == 2
    assert "exists already" in capsys.readouterr().err
    (photos / "labels.csv").write_text("file,label,split\nmiddle.png,7,train\n")
    assert main([str(photos), str(tmp_path / "out")]) == 2
    assert "tools.pseudo_label_boxes adds predicted ones" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
