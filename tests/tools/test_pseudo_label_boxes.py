"""Predicted boxes as labels: only for photos whose label is read, in a table that is valid."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import models
from datasets import photo_folder
from number_zoo.predictions import Reading
from tools.pseudo_label_boxes import main, pseudo_label_boxes


class ConstantReader:
    """Reads 12 in every image, in a box that leaves the image."""

    def predict(self, images):
        readings = [Reading("12", 0.9, (5.0, -3.0, 20.0, 99.0)) for _ in images]
        return SimpleNamespace(readings=lambda: readings)


@pytest.fixture
def photos(tmp_path) -> Path:
    for name in ("right.png", "wrong.png", "known.png", "none.png"):
        Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(tmp_path / name)
    (tmp_path / "labels.csv").write_text(
        "file,label,boxes,split\nright.png,12,,train\nwrong.png,13,,train\n"
        "known.png,12,1 2 3 4,train\nnone.png,,,test\n"
    )
    return tmp_path


def test_only_photos_whose_label_is_read_are_given_a_box(photos):
    boxes = pseudo_label_boxes(photo_folder.read_folder(photos), ConstantReader())
    assert {file: box.tolist() for file, box in boxes.items()} == {"right.png": [[5, 0, 20, 40]]}


def test_the_table_keeps_labels_splits_and_known_boxes(photos, capsys):
    before = photo_folder.read_folder(photos)
    assert main([str(photos), str(photos / "labels.csv"), "--split", "train"]) == 0
    assert "of 3 photos" in capsys.readouterr().out
    after = photo_folder.read_folder(photos)
    assert [(p.file, p.label, p.split) for p in after] == [
        (p.file, p.label, p.split) for p in before
    ]
    assert after[2].boxes.tolist() == [[1, 2, 3, 4]]


def test_weights_without_a_box_are_refused(photos, tmp_path, capsys):
    plain, out = tmp_path / "plain.keras", tmp_path / "new.csv"
    models.create("deep_cnn_tiny", input_shape=(32, 64, 3)).save(plain)
    assert main([str(photos), str(out), "--weights", str(plain)]) == 2
    assert "predicts no box" in capsys.readouterr().err
    assert not out.exists()
