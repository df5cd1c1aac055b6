"""Scenes of objects: labels by one rule, boxes around the digits, statistics of the styles."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from datasets.rendered_numbers.handwriting import render_handwriting
from datasets.rendered_numbers.label_rule import find_number
from datasets.rendered_numbers.object_scene import OBJECTS, render_object_scene
from datasets.rendered_numbers.planar_object import is_unreadable_rotated
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.scene import Scene
from datasets.rendered_numbers.styles import KINDS, ObjectStyle

NEGATIVES = {"words", "blank"}


def only(kind: str, **changes) -> ObjectStyle:
    return replace(KINDS, kinds=((1.0, kind),), **{"rotated": 0.0, **changes})


def scenes_of(style: ObjectStyle, seed: int, count: int) -> list[Scene]:
    return [render_object_scene(Rng(seed, index), style) for index in range(count)]


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return scenes_of(KINDS, 3, 300)


@pytest.mark.parametrize(
    "text, number",
    [
        ("12A", "12"), ("B7", "7"), ("#45", "45"), ("25%", "25"), ("€25", "25"), ("2.17", "217"),
        ("14.69", "1469"), ("1.234,50", "123450"), ("12/3", "12"), ("45-47", "45"),
        ("No. 118", "118"), ("7 Bis", "7"), ("3-1415", "1415"), ("5.", "5"), (".5", "5"),
        ("1..2", "1"), ("SOS", ""), ("B&B", ""), ("007", "007"), ("", ""),
    ],
)  # fmt: skip
def test_label_rule(text: str, number: str):
    digits, indices = find_number(text)
    assert digits == number
    assert "".join(text[index] for index in indices) == number


def test_rotated_numbers_that_read_as_numbers_are_recognized():
    assert not any(is_unreadable_rotated(label) for label in ("69", "1001", "8", "7", "25", "152"))
    assert all(is_unreadable_rotated(label) for label in ("47", "1300", "0093"))


@pytest.mark.parametrize("kind", OBJECTS)
def test_each_kind_has_a_box_in_the_image_for_each_digit(kind: str):
    lengths = Counter()
    for scene in scenes_of(only(kind), 1, 16):
        height, width = scene.image.shape[:2]
        assert max(height, width) <= KINDS.max_side
        assert scene.kind == kind
        assert scene.image.dtype == np.float32
        assert scene.boxes.dtype == np.float32
        assert scene.boxes.shape == (len(scene.label), 4)
        assert (scene.boxes[:, 2:] > scene.boxes[:, :2]).all()
        assert (scene.boxes >= 0).all()
        assert (scene.boxes <= (width, height, width, height)).all()
        centres = (scene.boxes[:, :2] + scene.boxes[:, 2:]) / 2
        if kind != "diagonal":
            assert (np.diff(centres[:, 1 if kind == "vertical" else 0]) > 0).all(), scene.label
        lengths[len(scene.label)] += 1
    assert set(lengths) == {0} if kind in NEGATIVES else 0 not in lengths


@pytest.mark.parametrize("kind", sorted(set(OBJECTS) - NEGATIVES - {"handwriting"}))
def test_hulls_contain_ink(kind: str):
    for index in range(12):
        planar = OBJECTS[kind](Rng(2, index), 40.0)
        assert len(planar.hulls) == len(planar.label) > 0
        brightness = planar.layer.rgba[..., :3].mean(axis=2)
        for hull in planar.hulls:
            left, top = np.floor(hull.min(axis=0)).astype(int)
            right, bottom = np.ceil(hull.max(axis=0)).astype(int)
            inside = brightness[max(top, 0) : bottom, max(left, 0) : right]
            assert np.ptp(inside) > 12, (index, planar.label)


def test_handwritten_digits_are_on_the_paper():
    for index in range(60):
        planar = render_handwriting(Rng(6, index), 40.0)
        rows, columns = planar.layer.rgba.shape[:2]
        points = np.concatenate(planar.hulls)
        assert (points >= 0).all()
        assert (points <= (columns, rows)).all(), (index, planar.label)


def test_wheels_between_two_digits_show_most_of_the_labelled_digit():
    for index in range(40):
        planar = OBJECTS["counter"](Rng(6, index), 40.0)
        for hull in planar.hulls:
            assert np.ptp(hull[:, 1]) > 0.75 * 40, (index, planar.label)


def test_every_kind_and_length_occurs(scenes):
    kinds = Counter(scene.kind for scene in scenes)
    assert set(kinds) == {kind for _, kind in KINDS.kinds} == set(OBJECTS)
    lengths = Counter(len(scene.label) for scene in scenes)
    assert set(lengths) >= set(range(9))
    assert max(lengths) <= 10
    fraction = sum(lengths[length] for length in (5, 6, 7, 8)) / len(scenes)
    assert fraction > 0.25, "meters, displays and cheques have 5 to 8 digits"


def test_fraction_without_a_number(scenes):
    unlabelled = [scene for scene in scenes if not scene.label]
    assert 0.06 < len(unlabelled) / len(scenes) < 0.2
    rotated = [scene for scene in unlabelled if scene.quarter_turns]
    assert 0 < len(rotated) < len(unlabelled)
    assert all(scene.kind in NEGATIVES or scene.quarter_turns for scene in unlabelled)


def test_rotated_numbers_have_no_label():
    scenes = scenes_of(only("counter", rotated=1.0), 7, 30)
    assert all(bool(scene.quarter_turns) != bool(scene.label) for scene in scenes)
    assert {scene.quarter_turns for scene in scenes} >= {1, 2, 3}
    assert not any(is_unreadable_rotated(scene.label) for scene in scenes)


@pytest.mark.parametrize("kind", ["cut", "vertical", "diagonal"])
def test_numbers_that_may_be_readable_when_rotated_are_never_rotated(kind: str):
    scenes = scenes_of(only(kind, rotated=1.0), 7, 20)
    assert all(scene.label and not scene.quarter_turns for scene in scenes)


def test_tightly_cropped_digits_are_whole():
    for scene in scenes_of(only("cut", crops=((1.0, "tight"),)), 8, 30):
        assert scene.boxes[:, 1].min() < 4
        assert scene.image.shape[0] - scene.boxes[:, 3].max() < 4


def test_tiny_images():
    style = only("print", tiny=1.0, crops=((1.0, "tight"),))
    heights = [scene.image.shape[0] for scene in scenes_of(style, 9, 30)]
    assert np.median(heights) < 26
    assert min(heights) >= 8
