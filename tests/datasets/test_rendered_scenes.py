"""Rendered scenes: what is drawn is annotated, and the TFDS builder stores it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import datasets
from datasets import tfds_data
from datasets.crops import crop_pixels
from datasets.rendered_numbers.planar_object import is_unreadable_rotated
from datasets.rendered_numbers.printed import render_print
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_scenes import rendered_scenes_dataset_builder as module
from datasets.rendered_scenes.crops import crop_scene, render_crop
from datasets.rendered_scenes.objects import render_paragraph
from datasets.rendered_scenes.rendering import render_scene, turn_image
from datasets.rendered_scenes.styles import SceneStyle
from number_zoo import Reader

STYLE = SceneStyle(sides=(320.0, 320.0))


@pytest.fixture(scope="module")
def scenes():
    return [render_scene(5, index, STYLE) for index in range(60)]


def test_boxes_lie_within_the_image_and_belong_to_labels(scenes):
    assert {0, 1, 2, 3} <= {len(scene.labels) for scene in scenes}
    for scene in scenes:
        height, width = scene.image.shape[:2]
        assert max(height, width) == 320
        assert len(scene.boxes) == len(scene.labels) == len(scene.turns)
        assert all(label.isdigit() for label in scene.labels)
        boxes = np.concatenate([scene.boxes, scene.ignored_boxes])
        assert (boxes[:, :2] >= 0).all() and (boxes <= [width, height] * 2).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_a_reader_reads_the_labels_in_the_boxes(scenes):
    crops, labels = [], []
    for scene in scenes:
        for box, label, turn in zip(scene.boxes, scene.labels, scene.turns, strict=True):
            if (box[2:] - box[:2]).min() >= 14:
                margin = 0.15 * (box[3] - box[1])
                crop = crop_pixels(scene.image, box + margin * np.array([-1, -1, 1, 1]))
                crops.append(np.ascontiguousarray(np.rot90(crop, turn)))
                labels.append(label)
    reader = Reader("conv_transformer_small.any10")
    readings = [reading.number for reading in reader.read(crops)]
    assert len(labels) > 40
    assert np.mean(np.array(readings) == np.array(labels)) > 0.9


def test_a_scene_is_a_function_of_seed_index_and_style(scenes):
    again = render_scene(5, 7, STYLE)
    assert again.jpeg == scenes[7].jpeg and again.labels == scenes[7].labels
    assert render_scene(6, 7, STYLE).jpeg != again.jpeg
    with pytest.raises(ValueError, match="at least 0"):
        render_scene(-1, 0)


def test_numbers_of_turned_scenes_share_a_turn_and_an_orientation():
    style = replace(STYLE, turned=1.0, turned_objects=0.0, sides=(200.0, 200.0))
    turned = [scene for i in range(40) if (scene := render_scene(1, i, style)).turns.any()]
    assert len(turned) > 5
    for scene in turned:
        assert len(set(scene.turns.tolist())) == 1
        assert all(map(is_unreadable_rotated, scene.labels))


@pytest.mark.parametrize("quarters", range(4))
def test_boxes_turn_with_the_image(quarters):
    image = np.zeros((6, 9, 3), np.uint8)
    image[1:3, 4:8] = 255
    turned, boxes = turn_image(image, np.array([[4.0, 1.0, 8.0, 3.0]]), quarters)
    np.testing.assert_array_equal(turned, np.rot90(image, quarters))
    left, top, right, bottom = boxes[0].astype(int)
    assert turned[top:bottom, left:right].min() == 255 and turned.sum() == image.sum()


def test_every_number_of_a_text_is_annotated():
    planar = render_print(Rng(0, 1), 30.0, text="14/3 A 7.50")
    numbers = [(planar.label, planar.hulls), *planar.others]
    assert sorted(label for label, _ in numbers) == ["14", "3", "750"]
    lefts = {label: min(hull[:, 0].min() for hull in hulls) for label, hulls in numbers}
    assert lefts["14"] < lefts["3"] < lefts["750"]
    assert render_paragraph(Rng(0, 1), 20.0, with_numbers=True).others
    assert not render_paragraph(Rng(0, 1), 20.0).others


def test_the_builder_stores_what_is_rendered(tmp_path, monkeypatch):
    counts = {"train": 4, "validation": 2, "test": 2}
    config = module.SceneConfig(name="small", style=STYLE, counts=counts, workers=1)
    builder = module.Builder(config=config, data_dir=str(tmp_path))
    builder.download_and_prepare()
    monkeypatch.setattr(tfds_data, "builder", lambda *_: builder)
    examples = list(datasets.examples("rendered_scenes", "train", several=True))
    assert len(examples) == 4
    for example in examples:
        scene = render_scene(module.SEEDS["train"], int(example.id[-6:]), STYLE)
        assert example.image == scene.jpeg, "not encoded again"
        assert example.labels == scene.labels
        for name in ("boxes", "turns", "ignored_boxes"):
            np.testing.assert_array_equal(getattr(example, name), getattr(scene, name))
    assert datasets.size("rendered_scenes", "test", several=True) == 2
    with pytest.raises(ValueError, match="several numbers"):
        next(datasets.examples("rendered_scenes", "train"))


def test_crops_show_one_whole_upright_number_or_none():
    crops = [crop_scene(1, index, STYLE) for index in range(90)]
    empty = [label for _, label, _ in crops if not label]
    assert 5 <= len(empty) <= 30
    for image, label, boxes in crops:
        assert len(boxes) == bool(label)
        height, width = image.shape[:2]
        assert ((boxes >= 0) & (boxes <= [width, height] * 2)).all()
    shown = [(image, label) for image, label, _ in crops if label][:40]
    images, labels = zip(*shown, strict=True)
    readings = Reader("text_transformer.any10").read(images)
    right = [reading.number == label for reading, label in zip(readings, labels, strict=True)]
    assert np.mean(right) > 0.8


def test_the_builder_of_crops_stores_one_number_each(tmp_path, monkeypatch):
    counts = {"train": 12, "validation": 1, "test": 1}
    config = module.SceneConfig(
        name="small crops", style=STYLE, counts=counts, workers=1, render=render_crop
    )
    builder = module.Builder(config=config, data_dir=str(tmp_path))
    builder.download_and_prepare()
    monkeypatch.setattr(tfds_data, "builder", lambda *_: builder)
    for example in datasets.examples("rendered_scenes/crops", "train"):
        crop = render_crop(module.SEEDS["train"], int(example.id[-6:]), STYLE)
        assert (example.image, example.labels) == (crop.jpeg, crop.labels)
        np.testing.assert_array_equal(example.boxes, crop.boxes)
        pixels, _, _ = crop_scene(module.SEEDS["train"], int(example.id[-6:]), STYLE)
        assert np.abs(crop.image.astype(int) - pixels).mean() < 3, "hardly any artefacts are added"
