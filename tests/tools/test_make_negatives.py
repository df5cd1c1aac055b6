"""Images without a number, cropped beside the numbers."""

import csv

import numpy as np
import pytest
from PIL import Image

import datasets
from tools import make_negatives


@pytest.fixture
def photos(tmp_path):
    """Grey photos with a white number: in a corner, in the middle, and over all of the photo."""
    folder = tmp_path / "photos"
    folder.mkdir()
    boxes = {
        "corner.png": (2, 2, 22, 12),
        "middle.png": (40, 30, 60, 40),
        "all.png": (1, 1, 99, 69),
    }
    for name, (left, top, right, bottom) in boxes.items():
        image = np.full((70, 100, 3), 100, np.uint8)
        image[top:bottom, left:right] = 255
        Image.fromarray(image).save(folder / name)
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = [(name, "7", " ".join(map(str, box)), "test") for name, box in boxes.items()]
        csv.writer(file).writerows([("file", "label", "boxes", "split"), *rows])
    return folder


def test_the_crops_are_a_data_set_of_images_without_a_number(photos, tmp_path, capsys):
    out = tmp_path / "empty"
    assert make_negatives.main([str(photos), str(out)]) == 0
    assert "2 images without a number" in capsys.readouterr().out
    assert [label for _, label in datasets.labels(out, "test")] == ["", ""]
    for file in (out / "images").iterdir():
        image = np.asarray(Image.open(file))
        assert min(image.shape[:2]) >= make_negatives.MIN_SIDE
        assert image.max() == 100, "nothing of the number is shown"


def test_the_largest_crop_is_taken():
    box = make_negatives.background_box(np.array([40, 30, 60, 40]), (70, 100))
    assert box.tolist() == [0, 0, 100, 28]  # above; as large as below
    assert make_negatives.background_box(np.array([1, 1, 99, 69]), (70, 100)) is None


def test_nothing_is_overwritten_and_no_partial_folder_is_left(photos, tmp_path, capsys):
    assert make_negatives.main([str(photos), str(photos)]) == 2
    assert "exists already" in capsys.readouterr().err
    (photos / "middle.png").write_bytes(b"no image")
    out = tmp_path / "empty"
    assert make_negatives.main([str(photos), str(out)]) == 2
    assert "middle.png" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]
