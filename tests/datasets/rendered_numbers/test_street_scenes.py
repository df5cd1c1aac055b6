"""Street scenes: boxes around the ink, and the statistics of their styles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datasets.rendered_numbers.devices import DEVICE_KINDS, sample_device
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.scene import Scene
from datasets.rendered_numbers.street_scene import render_street_scene
from datasets.rendered_numbers.styles import DEFAULT, DEVICES, WIDE, StreetStyle


def scenes_of(style: StreetStyle, seed: int, count: int) -> list[Scene]:
    return [render_street_scene(Rng(seed, index), style, with_ink=True) for index in range(count)]


def union(boxes: np.ndarray) -> tuple[float, float, float, float]:
    return (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())


def ink_box(scene: Scene) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(scene.ink > 60)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.fixture(scope="module")
def scenes() -> dict[str, list[Scene]]:
    styles = {"default": DEFAULT, "wide": WIDE}
    return {name: scenes_of(style, 3, 300) for name, style in styles.items()}


@pytest.mark.parametrize("style", [DEFAULT, WIDE, DEVICES])
def test_boxes_are_tight_around_the_ink(style: StreetStyle):
    distances = []
    for scene in scenes_of(replace(style, neighbours=0.0, no_number=0.0), 3, 150):
        height, width = scene.image.shape[:2]
        box = np.clip(union(scene.boxes), 0, (width, height, width, height))
        distances.append(np.abs(np.array(ink_box(scene)) - box).max())
    assert np.percentile(distances, 95) < 1.0
    assert max(distances) < 4.0


@pytest.mark.parametrize("style", [DEFAULT, DEVICES])
def test_each_box_has_ink_of_its_digit_in_reading_order(style: StreetStyle):
    for scene in scenes_of(style, 4, 80):
        assert (np.diff(scene.boxes[:, [0, 2]].mean(axis=1)) > 0).all()
        for left, top, right, bottom in np.maximum(np.round(scene.boxes).astype(int), 0):
            ink = scene.ink[top:bottom, left:right]
            assert ink.size == 0 or ink.max() > 40


def test_letters_next_to_the_number_have_no_box():
    scenes = scenes_of(replace(WIDE, neighbours=2.0, no_number=0.0), 6, 20)  # letters in all
    for scene in scenes:
        assert len(scene.boxes) == len(scene.label)
    beyond = [np.abs(np.array(ink_box(scene)) - union(scene.boxes)).max() for scene in scenes]
    assert np.median(beyond) > 3


def test_lengths_and_digits_follow_the_style():
    labels = [DEFAULT.sample_label(Rng(7, index)) for index in range(20_000)]
    lengths = np.bincount([len(label) for label in labels], minlength=7) / len(labels)
    expected = [0.01, 0.079, 0.376, 0.376, 0.119, 0.037, 0.003]
    np.testing.assert_allclose(lengths, expected, atol=0.012)
    assert lengths[6] > 0, "some are longer than a model of five digits can read"
    later = "".join(label[1:] for label in labels)
    frequencies = np.array([later.count(str(digit)) for digit in range(10)]) / len(later)
    np.testing.assert_allclose(frequencies, 0.1, atol=0.01)
    assert 0.005 < np.mean([label.startswith("0") for label in labels]) < 0.03


def test_default_sizes_are_near_those_of_photos(scenes):
    sizes = np.array([scene.image.shape[:2] for scene in scenes["default"]])
    boxed = [scene for scene in scenes["default"] if scene.label]
    boxes = np.array([union(scene.boxes) for scene in boxed])
    image_heights = np.array([scene.image.shape[0] for scene in boxed])
    height_fractions = (boxes[:, 3] - boxes[:, 1]) / image_heights
    # Medians: photos 55 x 89, SVHN train 47 x 104, test 53 x 132; height fractions 0.71, 0.52.
    assert 42 < np.median(sizes[:, 0]) < 70
    assert 80 < np.median(sizes[:, 1]) < 130
    assert 1.4 < np.median(sizes[:, 1] / sizes[:, 0]) < 2.4
    assert 0.5 < np.median(height_fractions) < 0.7
    assert sizes.max() <= DEFAULT.max_side


def test_wide_numbers_are_small_or_absent(scenes):
    areas = []
    for scene in scenes["wide"]:
        if scene.label:
            left, top, right, bottom = union(scene.boxes)
            height, width = scene.image.shape[:2]
            areas.append((right - left) * (bottom - top) / (height * width))
    assert min(areas) > 0.0045
    assert max(areas) < 0.055
    assert 0.05 < 1 - len(areas) / len(scenes["wide"]) < 0.16


def test_devices_of_every_kind_have_numbers_with_leading_zeros():
    kinds = {sample_device(Rng(0, index)).kind for index in range(200)}
    assert kinds == {kind for _, kind in DEVICE_KINDS}
    labels = [scene.label for scene in scenes_of(DEVICES, 5, 60)]
    assert {len(label) for label in labels} >= {2, 3, 4, 5}
    assert any(label.startswith("00") for label in labels)


def test_ink_contrasts_with_its_ground():
    for scene in scenes_of(replace(DEVICES, no_number=0.0), 6, 30):
        ink = scene.ink > 200
        left, top, right, bottom = scene.boxes[0].round().astype(int)
        area = (slice(max(top, 0), bottom), slice(max(left, 0), right))
        if ink[area].sum() < 8 or (~ink[area]).sum() < 8:
            continue
        inside, outside = scene.image[area][ink[area]], scene.image[area][~ink[area]]
        assert np.abs(inside.mean(axis=0) - outside.mean(axis=0)).max() > 12
