"""Predicted boxes as labels: only for photos whose label is read, in a table that is valid."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

import models
from datasets import photo_folder
from number_zoo.predictions import Reading
from tests.datasets.folders import put_images
from tools.pseudo_label_boxes import main


class ConstantReader:
    """Reads 12 in every image, in a box that leaves the image; upside down if it is dark."""

    def __init__(self, weights):
        pass

    def predict_any_turn(self, images):
        turns = [2 * bool(image.max() < 50) for image in images]
        readings = [Reading("12", 0.9, (5.0, -3.0, 20.0, 99.0), turn) for turn in turns]
        return SimpleNamespace(readings=lambda: readings, arrays={"box": None})


@pytest.fixture
def photos(tmp_path) -> Path:
    put_images(tmp_path, "right.png", "wrong.png", "known.png", "none.png", size=(60, 40))
    (tmp_path / "labels.csv").write_text(
        "file,label,boxes,split,turn\nright.png,12,,train,\nwrong.png,13,,train,\n"
        "known.png,12,1 2 3 4,train,3\nnone.png,,,test,\nturned.png,12,,train,2\n"
        "upside.png,12,,train,\nother.png,12,,validation,2\n"
    )
    for level, name in enumerate(("turned.png", "upside.png", "other.png")):
        Image.new("RGB", (60, 40), (level, 0, 0)).save(tmp_path / name)
    return tmp_path


def test_photos_whose_label_is_read_are_given_a_box(photos, monkeypatch, capsys):
    monkeypatch.setattr("number_zoo.reader.open_reader", ConstantReader)
    before = photo_folder.read_folder(photos)
    assert main([str(photos), str(photos / "labels.csv"), "--split", "train"]) == 0
    assert "boxes for 2 of 5 photos" in capsys.readouterr().out
    after = photo_folder.read_folder(photos)
    assert [(p.file, p.label, p.split, p.turn) for p in after] == [
        (p.file, p.label, p.split, p.turn) for p in before
    ]
    boxes = [photo.boxes if photo.boxes is None else photo.boxes.tolist() for photo in after]
    assert boxes == [[[5, 0, 20, 40]], None, [[1, 2, 3, 4]], None, [[5, 0, 20, 40]], None, None]


def test_weights_without_a_box_are_refused(photos, tmp_path, capsys):
    plain, out = tmp_path / "plain.keras", tmp_path / "new.csv"
    models.create("deep_cnn_tiny", input_shape=(32, 64, 3)).save(plain)
    assert main([str(photos), str(out), "--weights", str(plain)]) == 2
    assert "predicts no box" in capsys.readouterr().err
    assert main([str(photos), str(tmp_path / "no" / "new.csv")]) == 2
    assert "There is no folder" in capsys.readouterr().err
    assert not out.exists()
