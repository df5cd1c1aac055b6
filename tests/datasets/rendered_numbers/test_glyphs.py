"""Glyphs of fonts, strokes, displays and files of handwritten digits."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.rendered_numbers import fonts
from datasets.rendered_numbers.display_glyphs import DISPLAY_FACES, display_glyph
from datasets.rendered_numbers.glyph_file import read_glyphs, write_glyphs
from datasets.rendered_numbers.glyph_marks import add_marks
from datasets.rendered_numbers.handwriting import render_handwriting
from datasets.rendered_numbers.rendering import render
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.strokes import sample_brush, stroke_glyph
from datasets.rendered_numbers.styles import HANDWRITING

DIGITS = "0123456789"


def test_every_face_has_ten_different_digits():
    for family in fonts.families():
        for face in family:
            masks = [fonts.glyph(face, digit).mask for digit in DIGITS]
            assert all(mask.max() > 200 for mask in masks), face
            assert len({mask.tobytes() for mask in masks}) == 10, face


def test_hull_encloses_the_ink_exactly():
    mask = np.zeros((20, 30), np.uint8)
    mask[5:9, 7:20] = 255
    corners = fonts.convex_hull(mask)
    assert corners.min(axis=0).tolist() == [7, 5]
    assert corners.max(axis=0).tolist() == [20, 9]


def test_error_names_the_missing_font_package(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "font_lato" else find(name)
    )
    with pytest.raises(ModuleNotFoundError, match="pip install font-lato"):
        fonts.families.__wrapped__()


def test_strokes_have_the_height_of_a_digit():
    for index in range(40):
        rng = Rng(2, index)
        brush = sample_brush(rng)
        for digit in DIGITS:
            height = cv2.boundingRect(stroke_glyph(brush, digit, rng).mask)[3]
            assert 0.75 * fonts.GLYPH_HEIGHT < height < 1.6 * fonts.GLYPH_HEIGHT, (index, digit)


@pytest.mark.parametrize("face", DISPLAY_FACES)
def test_digits_of_a_display_differ_and_have_one_size(face):
    inks = np.stack([display_glyph(face, digit).mask > 128 for digit in DIGITS])
    for digit in range(10):
        for smaller in range(digit):
            assert (inks[digit] != inks[smaller]).mean() > 0.01
    assert (inks[8] | inks[0]).any(axis=1).sum() >= 58, "as high as the digits of fonts"


def test_lit_segments_of_a_four():
    mask = display_glyph("segments", "4").mask > 128
    height, width = mask.shape
    top, middle, bottom = mask[12:18], mask[height // 2 - 3 : height // 2 + 3], mask[-18:-12]
    assert middle[:, width // 2].any()
    assert not top[:, width // 2].any()
    assert not bottom[:, width // 2].any()


def test_unknown_display_face_is_an_error():
    with pytest.raises(ValueError, match=r"segments-thin.*Received: 'roman'"):
        display_glyph("roman", "1")


@pytest.mark.parametrize("mark, digit", [("slash", "0"), ("dot", "0"), ("bar", "7")])
def test_marks_add_ink_to_their_digit_only(mark: str, digit: str):
    for face in fonts.faces("Roboto-", "Serif", "DejaVuSans.ttf"):
        for character in DIGITS:
            plain = fonts.glyph(face, character)
            marked = add_marks(plain, character, (mark,))
            if character == digit:
                assert marked.mask.mean() > plain.mask.mean(), face
                assert marked.mask.shape == plain.mask.shape
            else:
                assert marked is plain


@pytest.fixture(scope="module")
def glyph_file(tmp_path_factory) -> str:
    """Write thirty "handwritten" digits: bars whose length encodes the digit."""
    images = np.zeros((30, 28, 28), np.uint8)
    labels = np.arange(30) % 10
    for image, digit in zip(images, labels, strict=True):
        image[4:24, 12:15] = 255
        image[4 : 7 + digit, 8:20] = 255
    path = tmp_path_factory.mktemp("glyphs") / "digits.npz"
    np.savez(path, x_train=images, y_train=labels)
    return str(path)


def test_handwriting_uses_digits_of_a_file(glyph_file: str):
    assert [len(images) for images in read_glyphs(glyph_file)] == [3] * 10
    scanned = [render_handwriting(Rng(4, index), 40.0, glyph_file) for index in range(8)]
    stroked = [render_handwriting(Rng(4, index), 40.0) for index in range(8)]
    assert [planar.label for planar in scanned] == [planar.label for planar in stroked]
    assert any(
        not np.array_equal(planar.layer.rgba, other.layer.rgba)
        for planar, other in zip(scanned, stroked, strict=True)
    )
    style = replace(HANDWRITING, glyphs=glyph_file)
    assert render(1, 2, style).jpeg == render(1, 2, style).jpeg


def test_wrong_files_of_digits_are_errors(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="--out"):
        read_glyphs(str(tmp_path / "none.npz"))
    images, labels = np.zeros((9, 28, 28), np.uint8), np.arange(9)
    for name, message, arrays in (
        ("other", "x_train", {"images": np.zeros(3)}),
        ("few", r"no image of the digits \[9\]", {"x_train": images, "y_train": labels}),
        ("flat", "784", {"x_train": images.reshape(9, -1), "y_train": labels}),
    ):
        path = tmp_path / f"{name}.npz"
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match=message):
            read_glyphs(str(path))


@pytest.mark.parametrize("split", ["test", "train+test"])
def test_only_training_digits_are_written(tmp_path: Path, split: str):
    with pytest.raises(ValueError, match="train split"):
        write_glyphs(str(tmp_path), tmp_path / "digits.npz", split)
