"""Boxes that a reader finds, written beside the labels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import photo_folder
from inference.reader import Reading
from tools import pseudo_label_boxes


class OneReader:
    """Reads 12 in every image, in a box that leaves the image."""

    def read(self, images):
        return [Reading("12", 0.9, (5.0, -3.0, 20.0, 99.0)) for _ in images]


@pytest.fixture
def photos(tmp_path) -> Path:
    for name in ("right.png", "wrong.png", "known.png", "none.png"):
        Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(tmp_path / name)
    (tmp_path / "labels.csv").write_text(
        "file,label,boxes,split\nright.png,12,,train\nwrong.png,13,,train\n"
        "known.png,12,1 2 3 4,train\nnone.png,,,test\n"
    )
    return tmp_path


def test_only_photos_that_are_read_right_are_given_a_box(photos):
    found = pseudo_label_boxes.pseudo_label_boxes(photo_folder.read_folder(photos), OneReader())
    assert list(found) == ["right.png"]
    assert found["right.png"].tolist() == [[5, 0, 20, 40]]


def test_the_command_writes_a_table_that_is_read_again(photos, capsys):
    out = photos / "labels.csv"
    before = photo_folder.read_folder(photos)
    command = [str(photos), str(out), "--weights", "street_numbers", "--split", "train"]
    assert pseudo_label_boxes.main(command) == 0
    assert "of 3 photos" in capsys.readouterr().out
    after = photo_folder.read_folder(photos)
    assert [(p.file, p.number, p.split) for p in after] == [
        (p.file, p.number, p.split) for p in before
    ]
    assert after[2].boxes.tolist() == [[1, 2, 3, 4]]


def test_weights_without_a_box_are_refused(photos, tmp_path, capsys):
    import models

    models.create("deep_cnn_tiny", input_shape=(32, 64, 3)).save(tmp_path / "plain.keras")
    out = tmp_path / "new.csv"
    code = pseudo_label_boxes.main(
        [str(photos), str(out), "--weights", str(tmp_path / "plain.keras")]
    )
    assert code == 2
    assert "no box" in capsys.readouterr().err
    assert not out.exists()
