"""Scenes of folders, and batches of crops whose targets are where the numbers are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import datasets
from datasets import photo_folder
from datasets.scene_pipeline import _crop
from datasets.scenes import SceneExample, read_scenes, view_targets

BOXES = ([10, 20, 50, 40], [60, 20, 90, 45])


def save(path, size=(100, 80)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 90, 90)).save(path)


def write_table(folder):
    (folder / "labels.csv").write_text(
        "file,label,boxes,split\na.png,12,10 20 50 40,test\na.png,7,60 20 90 45,test\nb.png,,,test"
        "\na.png,12,10 20 50 40,test\n"
    )


def write_edges(folder):
    (folder / "labels.csv").write_text(
        "file,label,left,top,right,bottom,split\na.png,12,10,20,50,40,test\n"
        "a.png,7,60,20,90,45,test\nb.png,,,,,,test\n"
    )


def write_predictions(folder):
    (folder / "labels.csv").write_text(
        "file,number,confidence,left,top,right,bottom,turn\na.png,12,.9,10,20,50,40,3\n"
        "a.png,7,.8,60,20,90,45,\nb.png,,,,,,,\n"
    )


def write_coco(folder):
    annotations = [
        {
            "id": i,
            "image_id": 1,
            "category_id": 1,
            "bbox": [b[0], b[1], b[2] - b[0], b[3] - b[1]],
            "attributes": {"number": label},
        }
        for i, (b, label) in enumerate(zip(BOXES, ("12", "7"), strict=True))
    ]
    content = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "bib"}],
    }
    (folder / "test.json").write_text(json.dumps(content))


def write_yolo(folder):
    (folder / "data.yaml").write_text("names: {0: '7', 1: '12'}\n")
    lines = [
        f"{class_id} {(left + right) / 200} {(top + bottom) / 160} {(right - left) / 100} "
        f"{(bottom - top) / 80}"
        for class_id, (left, top, right, bottom) in zip((1, 0), BOXES, strict=True)
    ]
    (folder / "a.txt").write_text("\n".join(lines))
    (folder / "b.txt").write_text("")


@pytest.mark.parametrize(
    "write", [write_table, write_edges, write_predictions, write_coco, write_yolo]
)
def test_a_row_or_a_box_for_each_number(tmp_path, write):
    save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    write(tmp_path)
    scenes = {scene.id: scene for scene in read_scenes(tmp_path)}
    assert scenes["a.png"].labels == ["12", "7"]
    np.testing.assert_allclose(scenes["a.png"].boxes, BOXES, atol=1e-4)
    assert scenes["a.png"].turns.tolist() == ([3, 0] if write is write_predictions else [0, 0])
    assert scenes["b.png"].labels == [] and scenes["b.png"].boxes.shape == (0, 4)
    assert datasets.is_scenes(tmp_path)
    with pytest.raises(photo_folder.BadRows, match=r"several numbers.*evaluate.py and a locator"):
        photo_folder.read_folder(tmp_path)
    folder, _ = photo_folder.check_folder(tmp_path, several=True)
    assert "2 images; 2 numbers" in folder.summary()


def test_boxes_of_single_digits_are_one_number(tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(
        "file,label,left,top,right,bottom\na.png,7,60,20,90,45\na.png,1,10,20,50,40\n"
    )
    (scene,) = read_scenes(tmp_path)
    assert scene.labels == ["17"]
    np.testing.assert_array_equal(scene.boxes, [[10, 20, 90, 45]])
    assert not datasets.is_scenes(tmp_path)


def test_with_turns_every_row_is_a_whole_number(tmp_path):
    save(tmp_path / "a.png")
    rows = "file,label,left,top,right,bottom,turn\na.png,7,60,20,90,45,0\na.png,1,10,20,50,40,"
    (tmp_path / "labels.csv").write_text(rows + "2\n")
    (scene,) = read_scenes(tmp_path)
    assert (scene.labels, scene.turns.tolist()) == (["7", "1"], [0, 2])
    (tmp_path / "labels.csv").write_text(rows + "90\n")
    with pytest.raises(photo_folder.BadRows, match=r"0 to 3\. Received: '90'"):
        read_scenes(tmp_path)


def test_labels_without_boxes_are_numbers_too(tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("file,label\na.png,12\na.png,7\na.png,12\n")
    (scene,) = read_scenes(tmp_path)
    assert scene.labels == ["12", "7"]
    assert np.isnan(scene.boxes).all()


def coloured(count: int, seed: int) -> SceneExample:
    """An image, not encoded, with red rectangles in the place of numbers."""
    rng = np.random.default_rng(seed)
    image = np.zeros((200, 300, 3), np.uint8)
    boxes = []
    for index in range(count):
        left, top = 30 + 90 * (index % 3), 20 + 90 * (index // 3)
        box = [left, top, left + int(rng.integers(30, 70)), top + int(rng.integers(20, 60))]
        image[box[1] : box[3], box[0] : box[2]] = (255, 0, 0)
        boxes.append(box)
    return SceneExample(
        "x", image, np.array(boxes, np.float32).reshape(-1, 4), ["347"] * count,
        np.zeros(count, np.int32), np.array([[0, 180, 20, 200]], np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_targets_are_where_the_numbers_are(tmp_path, seed):
    example = coloured(6, seed)
    path = tmp_path / "image.png"
    Image.fromarray(example.image).save(path)
    example = SceneExample("x", path, *(getattr(example, name) for name in (
        "boxes", "labels", "turns", "ignored_boxes")))  # fmt: skip
    image, targets = _crop(example, (160, 224), np.random.default_rng(seed))
    assert image.shape == (160, 224, 3) and targets.shape == (32, 5)
    numbers = targets[np.isfinite(targets).all(axis=1)]
    red = (image[..., 0] > 200) & (image[..., 1] < 60)
    assert len(set(numbers[:, 4])) <= 1, "an image is turned as a whole"
    for left, top, right, bottom in numbers[:, :4]:
        inner = red[int(top) + 2 : int(bottom) - 1, int(left) + 2 : int(right) - 1]
        assert inner.all()
        red[max(int(top) - 1, 0) : int(bottom) + 2, max(int(left) - 1, 0) : int(right) + 2] = False
    for left, top, right, bottom in targets[np.isnan(targets[:, 4]) & ~np.isnan(targets[:, 0]), :4]:
        red[max(int(top) - 1, 0) : int(bottom) + 2, max(int(left) - 1, 0) : int(right) + 2] = False
    assert red.mean() < 0.002 or (image == image[0, 0]).all(axis=2).mean() > 0.2, "none is left out"


def test_what_is_cut_or_tiny_is_ignored_and_unknown_boxes_are_refused():
    example = coloured(2, 0)
    targets = view_targets(example, (100, 100), 1.0, (example.boxes[0, 0] + 25, 0.0))
    assert np.isnan(targets[:, 4]).all() and np.isfinite(targets[0, :4]).all()
    assert np.isnan(view_targets(example, (8, 12), 0.04)[:, 4]).all()
    example.boxes[0] = np.nan
    with pytest.raises(ValueError, match="number without a box"):
        view_targets(example, (100, 100), 1.0)


def test_batches_resume_and_hold_the_whole_image(tmp_path):
    for name in "abcdef":
        save(tmp_path / f"{name}.png")
    rows = "".join(f"{n}.png,34,10 20 50 40,train\n" for n in "abcde") + "f.png,,,validation\n"
    (tmp_path / "labels.csv").write_text("file,label,boxes,split\n" + rows)
    options = {"seed": 3, "epochs": 3, "batch_size": 2, "image_size": (64, 64),
               "augmentation": datasets.Augmentation.photo()}  # fmt: skip
    batches = list(datasets.load_scene_training(tmp_path, **options).as_numpy_iterator())
    assert len(batches) == 9
    resumed = datasets.load_scene_training(tmp_path, start_epoch=2, **options)
    for batch, again in zip(batches[6:], resumed.as_numpy_iterator(), strict=True):
        for first, second in zip(batch, again, strict=True):
            np.testing.assert_array_equal(first, second)
    stream = datasets.load_scene_batches(tmp_path, "train", image_size=(64, 64), batch_size=3)
    (images, targets), (rest, _) = stream.as_numpy_iterator()
    assert images.shape == (3, 64, 64, 3) and len(rest) == 2
    np.testing.assert_allclose(targets[0, 0], [6.4, 12.8, 32, 25.6, 0], rtol=1e-5)
    assert np.isnan(targets[0, 1:]).all()
    assert (images[0, 52:] == 0).all() and (images[0, :51] == 90).all()
