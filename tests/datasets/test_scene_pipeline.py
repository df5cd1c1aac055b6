"""Scenes of folders, and batches of crops whose targets are where the numbers are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import datasets
from datasets import Example, photo_folder
from datasets.scene_pipeline import _crop, view_targets
from datasets.sources import folder_examples
from tests.datasets.folders import put, put_images

BOXES = ([10, 20, 50, 40], [60, 20, 90, 45])
COCO = {
    "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
    "annotations": [
        {"image_id": 1, "category_id": 1, "bbox": [10, 20, 40, 20], "attributes": {"number": "12"}},
        {"image_id": 1, "category_id": 1, "bbox": [60, 20, 30, 25], "attributes": {"number": "7"}},
    ],
    "categories": [{"id": 1, "name": "bib"}],
}
LAYOUTS = {
    "table": {
        "labels.csv": "file,label,boxes\na.png,12,10 20 50 40\na.png,7,60 20 90 45\nb.png,,\n"
        "a.png,12,10 20 50 40\n"
    },
    "edges": {
        "labels.csv": "file,label,left,top,right,bottom\na.png,12,10,20,50,40\n"
        "a.png,7,60,20,90,45\nb.png,,,,,\n"
    },
    "predictions": {
        "labels.csv": "file,number,confidence,left,top,right,bottom,turn\na.png,12,.9,10,20,50,40,3"
        "\na.png,7,.8,60,20,90,45,\nb.png,,,,,,,\n"
    },
    "COCO": {"test.json": json.dumps(COCO)},
    "YOLO": {
        "data.yaml": "names: {0: '7', 1: '12'}\n",
        "a.txt": "1 0.3 0.375 0.4 0.25\n0 0.75 0.40625 0.3 0.3125",
        "b.txt": "",
    },
}
"""Files beside a.png, which shows 12 and 7 in `BOXES`, and b.png, which shows no number."""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_row_or_a_box_for_each_number(tmp_path, layout):
    put(put_images(tmp_path, "a.png", "b.png", size=(100, 80)), LAYOUTS[layout])
    scenes = {scene.id: scene for scene in folder_examples(tmp_path)}
    assert scenes["a.png"].labels == ["12", "7"]
    np.testing.assert_allclose(scenes["a.png"].boxes, BOXES, atol=1e-4)
    assert scenes["a.png"].turns.tolist() == ([3, 0] if layout == "predictions" else [0, 0])
    assert scenes["b.png"].labels == [] and scenes["b.png"].boxes.shape == (0, 4)
    assert datasets.is_scenes(tmp_path)
    with pytest.raises(photo_folder.BadRows, match=r"several numbers.*evaluate.py and a locator"):
        photo_folder.read_folder(tmp_path)
    folder = photo_folder.understand(tmp_path, several=True, decode=True)
    assert "2 images; 2 numbers" in folder.summary()


@pytest.mark.parametrize(
    ("table", "labels", "turns", "boxes"),
    [
        (  # boxes of single digits are one number
            "file,label,left,top,right,bottom\na.png,7,60,20,90,45\na.png,1,10,20,50,40\n",
            ["17"], [0], [[10, 20, 90, 45]],
        ),
        (  # with turns, every row is a whole number
            "file,label,left,top,right,bottom,turn\na.png,7,60,20,90,45,0\na.png,1,10,20,50,40,2\n",
            ["7", "1"], [0, 2], [[60, 20, 90, 45], [10, 20, 50, 40]],
        ),
        (  # labels without boxes are numbers, too
            "file,label\na.png,12\na.png,7\na.png,12\n", ["12", "7"], [0, 0], [[np.nan] * 4] * 2,
        ),
    ],
)  # fmt: skip
def test_what_a_row_is(tmp_path, table, labels, turns, boxes):
    put(put_images(tmp_path, "a.png", size=(100, 80)), {"labels.csv": table})
    (scene,) = folder_examples(tmp_path)
    assert (scene.labels, scene.turns.tolist()) == (labels, turns)
    np.testing.assert_array_equal(scene.boxes, boxes)
    assert datasets.is_scenes(tmp_path) == (len(labels) > 1)
    # Without boxes, two labels are rather a bad row, which a training with --skip-bad leaves out.
    is_boxed = len(labels) > 1 and np.isfinite(boxes).all()
    assert datasets.is_scenes(f"{tmp_path}?skip_bad=1") == is_boxed


def test_a_turn_is_0_to_3(tmp_path):
    put(put_images(tmp_path, "a.png"), {"labels.csv": "file,label,turn\na.png,7,90\n"})
    with pytest.raises(photo_folder.BadRows, match=r"0 to 3\. Received: '90'"):
        folder_examples(tmp_path)


def coloured(count: int, seed: int, path: Path) -> Example:
    """An image with red rectangles in the place of numbers."""
    rng = np.random.default_rng(seed)
    image = np.zeros((200, 300, 3), np.uint8)
    boxes = []
    for index in range(count):
        left, top = 30 + 90 * (index % 3), 20 + 90 * (index // 3)
        box = [left, top, left + int(rng.integers(30, 70)), top + int(rng.integers(20, 60))]
        image[box[1] : box[3], box[0] : box[2]] = (255, 0, 0)
        boxes.append(box)
    Image.fromarray(image).save(path / "image.png")
    labels, ignored = ["347"] * count, [[0, 180, 20, 200]]
    return Example("x", path / "image.png", labels, boxes, ignored_boxes=ignored)


@pytest.mark.parametrize("seed", range(12))
def test_targets_are_where_the_numbers_are(tmp_path, seed):
    example = coloured(6, seed, tmp_path)
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


def test_what_is_cut_or_tiny_is_ignored(tmp_path):
    example = coloured(2, 0, tmp_path)
    targets = view_targets(example, (100, 100), 1.0, (example.boxes[0, 0] + 25, 0.0))
    assert np.isnan(targets[:, 4]).all() and np.isfinite(targets[0, :4]).all()
    assert np.isnan(view_targets(example, (8, 12), 0.04)[:, 4]).all()


def test_unknown_boxes_are_refused_before_the_first_batch(tmp_path):
    rows = "a.png,12,1 2 9 9,train\nb.png,34,,train\nc.png,5,,validation\n"
    put_images(tmp_path, "a.png", "b.png", "c.png")
    put(tmp_path, {"labels.csv": "file,label,boxes,split\n" + rows})
    with pytest.raises(ValueError, match=r"1 of 2 images have .* without a box, such as b\.png"):
        datasets.load_scene_training(tmp_path, epochs=1, seed=0)
    with pytest.raises(ValueError, match="1 of 1 images"):
        datasets.load_scene_batches(tmp_path, "validation")


def test_batches_resume_and_hold_the_whole_image(tmp_path):
    rows = "".join(f"{n}.png,34,10 20 50 40,train\n" for n in "abcde") + "f.png,,,validation\n"
    put(tmp_path, {"labels.csv": "file,label,boxes,split\n" + rows})
    for name in "abcdef":
        Image.new("RGB", (100, 80), (90, 90, 90)).save(tmp_path / f"{name}.png")
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
