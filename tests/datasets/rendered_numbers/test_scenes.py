"""Scenes: labels by one rule, boxes around the digits' ink, and the statistics of the styles."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from datasets.rendered_numbers.devices import DEVICE_KINDS, sample_device
from datasets.rendered_numbers.drawing import Layer, union
from datasets.rendered_numbers.fonts import faces
from datasets.rendered_numbers.layout import layout_line
from datasets.rendered_numbers.object_scene import OBJECTS, render_object_scene
from datasets.rendered_numbers.planar_object import is_unreadable_rotated, line_object
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.scene import Scene, paint_glare
from datasets.rendered_numbers.segments import render_segment_display
from datasets.rendered_numbers.street_scene import render_street_scene
from datasets.rendered_numbers.styles import (
    DEFAULT,
    DEVICES,
    KINDS,
    STYLES,
    SUFFIXES,
    WIDE,
    ObjectStyle,
    StreetStyle,
)
from datasets.rendered_numbers.text_style import TextStyle

NEGATIVES = {"words", "blank", "page", "fitting"}


def street_scenes(style: StreetStyle, seed: int, count: int) -> list[Scene]:
    return [render_street_scene(Rng(seed, index), style, with_ink=True) for index in range(count)]


def object_scenes(style: ObjectStyle, seed: int, count: int) -> list[Scene]:
    return [render_object_scene(Rng(seed, index), style) for index in range(count)]


def only(kind: str, **changes) -> ObjectStyle:
    return replace(KINDS, kinds=((1.0, kind),), **{"rotated": 0.0, **changes})


def ink_box(scene: Scene) -> np.ndarray:
    rows, columns = np.nonzero(scene.ink > 60)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.mark.parametrize(
    "text, number",
    [
        ("12A", "12"), ("B7", "7"), ("#45", "45"), ("25%", "25"), ("€25", "25"), ("2.17", "217"),
        ("14.69", "1469"), ("1.234,50", "123450"), ("12/3", "12"), ("45-47", "45"),
        ("No. 118", "118"), ("7 Bis", "7"), ("3-1415", "1415"), ("5.", "5"), (".5", "5"),
        ("1..2", "1"), ("12:30", "1230"), ("1:02:03", "10203"), ("7: 8", "7"),
        ("SOS", ""), ("B&B", ""), ("007", "007"),
    ],
)  # fmt: skip
def test_label_rule(text: str, number: str):
    line = layout_line(text, TextStyle(face=faces("Roboto-Regular")[0]), 20.0, Rng(0, 0))
    planar = line_object(Layer(*line.mask.shape), text, line)
    assert planar.label == number
    assert len(planar.hulls) == len(number)


@pytest.mark.parametrize("style", [DEFAULT, WIDE, DEVICES])
def test_boxes_are_tight_around_the_ink_in_reading_order(style: StreetStyle):
    distances = []
    for scene in street_scenes(replace(style, neighbours=0.0, no_number=0.0), 3, 150):
        height, width = scene.image.shape[:2]
        box = np.clip(union(scene.boxes), 0, (width, height, width, height))
        distances.append(np.abs(ink_box(scene) - box).max())
        assert (np.diff(scene.boxes[:, [0, 2]].mean(axis=1)) > 0).all()
        for left, top, right, bottom in np.maximum(np.round(scene.boxes).astype(int), 0):
            ink = scene.ink[top:bottom, left:right]
            assert ink.size == 0 or ink.max() > 40
    assert np.percentile(distances, 95) < 1.0
    assert max(distances) < 4.0


def test_what_follows_a_number_is_ink_without_a_box_and_not_in_its_label():
    style = replace(SUFFIXES, suffixes=1.0, neighbours=0.0, digit_height=(30.0, 0.0))
    beyond, apart = 0, 0
    for scene in street_scenes(style, 3, 120):
        assert scene.label.isdigit()
        assert len(scene.label) == len(scene.boxes)
        right = min(union(scene.boxes)[2], scene.image.shape[1])
        beyond += ink_box(scene)[2] > right + 2
        apart += ink_box(scene)[2] <= right + 2 < scene.image.shape[1] - 15
    # In the number's line, or on a sign of its own, which is not in the mask of its ink.
    assert beyond > 60
    assert apart > 10


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


def sizes_and_fractions(style: StreetStyle) -> tuple[np.ndarray, np.ndarray]:
    """Height and width of those of 150 images that have a number, and its height and width as
    fractions of them."""
    scenes = [scene for scene in street_scenes(style, 3, 150) if scene.label]
    sizes = np.array([scene.image.shape[:2] for scene in scenes])
    boxes = np.array([union(scene.boxes) for scene in scenes])
    return sizes, (boxes[:, 2:] - boxes[:, :2])[:, ::-1] / sizes


def test_default_sizes_are_near_those_of_photos():
    sizes, fractions = sizes_and_fractions(DEFAULT)
    # Medians: photos 55 x 89, SVHN train 47 x 104, test 53 x 132; height fractions 0.71, 0.52.
    assert 42 < np.median(sizes[:, 0]) < 70
    assert 80 < np.median(sizes[:, 1]) < 130
    assert 1.4 < np.median(sizes[:, 1] / sizes[:, 0]) < 2.4
    assert 0.5 < np.median(fractions[:, 0]) < 0.7
    assert sizes.max() <= DEFAULT.max_side


def test_wide_numbers_are_small_or_absent():
    _, fractions = sizes_and_fractions(WIDE)
    areas = fractions.prod(axis=1)
    assert areas.min() > 0.0045 and areas.max() < 0.055
    assert 0.05 < 1 - len(areas) / 150 < 0.16


def test_devices_have_leading_zeros_and_ink_that_contrasts():
    kinds = {sample_device(Rng(0, index)).kind for index in range(200)}
    assert kinds == {kind for _, kind in DEVICE_KINDS}
    scenes = street_scenes(replace(DEVICES, no_number=0.0), 6, 60)
    labels = [scene.label for scene in scenes]
    assert {len(label) for label in labels} >= {2, 3, 4, 5}
    assert any(label.startswith("00") for label in labels)
    for scene in scenes:
        ink = scene.ink > 200
        left, top, right, bottom = scene.boxes[0].round().astype(int)
        area = (slice(max(top, 0), bottom), slice(max(left, 0), right))
        if ink[area].sum() < 8 or (~ink[area]).sum() < 8:
            continue
        inside, outside = scene.image[area][ink[area]], scene.image[area][~ink[area]]
        assert np.abs(inside.mean(axis=0) - outside.mean(axis=0)).max() > 12


@pytest.mark.parametrize("kind", OBJECTS)
def test_each_kind_has_a_box_in_the_image_for_each_digit(kind: str):
    lengths = Counter()
    for scene in object_scenes(only(kind), 1, 16):
        height, width = scene.image.shape[:2]
        assert max(height, width) <= KINDS.max_side
        assert scene.kind == kind
        assert scene.boxes.shape == (len(scene.label), 4)
        assert (scene.boxes[:, 2:] > scene.boxes[:, :2]).all()
        assert (scene.boxes >= 0).all()
        assert (scene.boxes <= (width, height, width, height)).all()
        middles = (scene.boxes[:, :2] + scene.boxes[:, 2:]) / 2
        assert (np.diff(middles[:, 1 if kind == "vertical" else 0]) > 0).all(), scene.label
        lengths[len(scene.label)] += 1
    assert set(lengths) == {0} if kind in NEGATIVES else 0 not in lengths


@pytest.mark.parametrize("kind", sorted(set(OBJECTS) - NEGATIVES))
def test_hulls_are_on_the_object_and_contain_ink(kind: str):
    for index in range(12):
        planar = OBJECTS[kind](Rng(2, index), 40.0)
        assert len(planar.hulls) == len(planar.label) > 0
        brightness = planar.layer.rgba[..., :3].mean(axis=2)
        for hull in planar.hulls:
            left, top = np.maximum(np.floor(hull.min(axis=0)).astype(int), 0)
            right, bottom = np.ceil(hull.max(axis=0)).astype(int)
            assert np.ptp(brightness[top:bottom, left:right]) > 12, (index, planar.label)
            if kind == "handwriting":
                assert (hull >= 0).all() and (hull <= brightness.shape[::-1]).all()
            if kind == "counter":
                assert np.ptp(hull[:, 1]) > 0.75 * 40, "a wheel between two digits shows most"


def test_kinds_lengths_and_the_fraction_without_a_number():
    scenes = object_scenes(KINDS, 3, 300)
    assert {scene.kind for scene in scenes} == {kind for _, kind in KINDS.kinds}
    lengths = Counter(len(scene.label) for scene in scenes)
    assert set(lengths) >= set(range(9))
    assert max(lengths) <= 10
    fraction = sum(lengths[length] for length in (5, 6, 7, 8)) / len(scenes)
    assert fraction > 0.25, "meters, displays and cheques have 5 to 8 digits"
    assert 0.06 < lengths[0] / len(scenes) < 0.2
    rotated = [scene for scene in scenes if scene.quarter_turns]
    assert 0 < len(rotated) < lengths[0]
    assert all(scene.label or scene.kind in NEGATIVES or scene.quarter_turns for scene in scenes)


def test_symbols_are_times_decimals_measures_and_what_is_like_a_number():
    style = STYLES["symbols"]
    assert {kind for _, kind in (*KINDS.kinds, *style.kinds)} == set(OBJECTS)
    scenes = object_scenes(replace(style, rotated=0.0), 3, 150)
    assert {scene.kind for scene in scenes} == {kind for _, kind in style.kinds}
    assert all(bool(scene.label) != (scene.kind in NEGATIVES) for scene in scenes)


@pytest.mark.parametrize("emits_light", [True, False])
@pytest.mark.parametrize("text, column", [("12:30", 1), ("1.5", 0), ("8:05", 0)])
def test_a_display_shows_a_colon_or_point_between_the_digits_beside_it(emits_light, text, column):
    """`column` is the index of the digit before it."""
    for index in range(8):
        planar = render_segment_display(Rng(4, index), 60.0, emits_light, text)
        without = render_segment_display(Rng(4, index), 60.0, emits_light, text.replace(".", ""))
        assert planar.label == text.replace(":", "").replace(".", "")
        left, right = planar.hulls[column][:, 0].max(), planar.hulls[column + 1][:, 0].min()
        top, bottom = planar.hulls[0][:, 1].min(), planar.hulls[0][:, 1].max()
        gap = np.s_[round(top) : round(bottom), round(left) + 1 : round(right) - 1]
        if ":" in text:
            colon = planar.layer.rgba[gap][..., :3].mean(axis=2)
            assert np.ptp(colon) > 12
        else:
            difference = np.abs(planar.layer.rgba - without.layer.rgba)[gap]
            assert difference.max() > 12


def test_monospaced_signs_are_as_wide_as_digits():
    style = TextStyle(face=faces("DejaVuSansMono.ttf")[0], pitch=0.8)
    for monospaced, distance in ((True, 2 * 0.8), (False, 0.8)):
        line = layout_line("8.8", replace(style, monospaced=monospaced), 40.0, Rng(0, 0))
        first, _, last = (hull[:, 0].mean() for hull in line.hulls)
        assert last - first == pytest.approx(distance * 40, abs=0.35 * 40 * (not monospaced) + 1)


def test_glare_brightens_a_part_of_the_number():
    box = (20.0, 10.0, 80.0, 40.0)
    for index in range(20):
        image = np.full((50, 100, 3), 60, np.float32)
        paint_glare(image, box, 30.0, Rng(0, index))
        bright = image[..., 0] > 61
        assert bright[10:40, 20:80].any()
        assert image.min() >= 59.9 and image.max() <= 255


def test_rotated_numbers_have_no_label_unless_they_may_be_readable():
    assert not any(is_unreadable_rotated(label) for label in ("69", "1001", "8", "7", "25", "152"))
    assert all(is_unreadable_rotated(label) for label in ("47", "1300", "0093"))
    scenes = object_scenes(only("counter", rotated=1.0), 7, 30)
    assert all(bool(scene.quarter_turns) != bool(scene.label) for scene in scenes)
    assert {scene.quarter_turns for scene in scenes} >= {1, 2, 3}
    assert not any(is_unreadable_rotated(scene.label) for scene in scenes)
    for kind in ("cut", "vertical", "diagonal"):
        for scene in object_scenes(only(kind, rotated=1.0), 7, 20):
            assert scene.label and not scene.quarter_turns


def test_tight_crops_and_tiny_images():
    for scene in object_scenes(only("cut", crops=((1.0, "tight"),)), 8, 30):
        assert scene.boxes[:, 1].min() < 4
        assert scene.image.shape[0] - scene.boxes[:, 3].max() < 4
    style = only("print", tiny=1.0, crops=((1.0, "tight"),))
    heights = [scene.image.shape[0] for scene in object_scenes(style, 9, 30)]
    assert np.median(heights) < 26
    assert min(heights) >= 8
