"""Drawn meters, displays, labels, bibs and number plates."""

import numpy as np
import pytest

from datasets.rendered_numbers.devices import KINDS, draw_device
from datasets.rendered_numbers.drawing import draw, draw_scene
from datasets.rendered_numbers.made_faces import FACES, made_glyph
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.style import DEVICES


@pytest.mark.parametrize("face", FACES)
def test_the_digits_of_a_made_face_differ_and_are_equally_large(face):
    masks = [made_glyph(face, digit).mask for digit in "0123456789"]
    assert len({mask.shape for mask in masks}) == 1
    inks = np.stack([mask > 128 for mask in masks])
    for one in range(10):
        for other in range(one):
            assert (inks[one] != inks[other]).mean() > 0.01
    eight = inks[8] | inks[0]
    assert eight.any(axis=1).sum() >= 58, "as high as the digits of fonts"


def test_seven_segments_light_up_as_everyone_knows_them():
    mask = made_glyph("segments", "4").mask > 128
    height, width = mask.shape
    top, middle, bottom = mask[12:18], mask[height // 2 - 3 : height // 2 + 3], mask[-18:-12]
    assert middle[:, width // 2].any()
    assert not top[:, width // 2].any() and not bottom[:, width // 2].any()


def test_an_unknown_face_is_refused():
    with pytest.raises(ValueError, match=r"segments-thin.*Received: 'roman'"):
        made_glyph("roman", "1")


def test_every_kind_of_device_is_drawn():
    drawn = {draw_device(Rng(0, index)).kind for index in range(200)}
    assert drawn == {kind for _, kind in KINDS}


def test_devices_have_a_box_for_each_digit_and_are_the_same_again():
    lengths, zeros = set(), 0
    for index in range(40):
        one, again = draw(5, index, DEVICES), draw(5, index, DEVICES)
        assert one.jpeg == again.jpeg and one.number == again.number
        assert one.boxes.shape == (len(one.number), 4)
        lengths.add(len(one.number))
        zeros += one.number.startswith("00")
        height, width = one.image.shape[:2]
        middles = (one.boxes[:, :2] + one.boxes[:, 2:]) / 2
        assert (middles >= 0).all() and (middles <= [width, height]).all()
        assert (np.diff(middles[:, 0]) > 0).all()
    assert {2, 3, 4, 5} <= lengths
    assert zeros, "meters begin with zeros"


def test_the_ink_is_seen_against_its_ground():
    """Before the camera, digits differ from what is around them within their boxes."""
    for index in range(30):
        scene = draw_scene(Rng(6, index), DEVICES)
        if not scene.number:
            continue
        ink = scene.ink() > 200
        left, top, right, bottom = scene.boxes[0].round().astype(int)
        part = (slice(max(top, 0), bottom), slice(max(left, 0), right))
        if ink[part].sum() < 8 or (~ink[part]).sum() < 8:
            continue
        inside, outside = scene.view[part][ink[part]], scene.view[part][~ink[part]]
        assert np.abs(inside.mean(axis=0) - outside.mean(axis=0)).max() > 12
