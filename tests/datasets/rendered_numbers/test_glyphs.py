"""Glyphs of fonts, strokes, displays and files of handwritten digits."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.rendered_numbers import fonts, glyphs
from datasets.rendered_numbers.handwriting import render_handwriting
from datasets.rendered_numbers.mnist_digits import read_digits
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.strokes import sample_brush, stroke_glyph

DIGITS = "0123456789"


def test_every_face_has_ten_different_digits():
    for face in (face for family in fonts.families() for face in family):
        masks = [glyphs.glyph(face, digit).mask for digit in DIGITS]
        assert all(mask.max() > 200 for mask in masks), face
        assert len({mask.tobytes() for mask in masks}) == 10, face


def test_error_names_the_missing_font_package(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "font_lato" else find(name)
    )
    with pytest.raises(ModuleNotFoundError, match="pip install font-lato"):
        fonts.installed_families.__wrapped__()


def test_strokes_have_the_height_of_a_digit():
    for index in range(40):
        rng = Rng(2, index)
        brush = sample_brush(rng)
        for digit in DIGITS:
            height = cv2.boundingRect(stroke_glyph(brush, digit, rng).mask)[3]
            assert 0.75 * glyphs.GLYPH_HEIGHT < height < 1.6 * glyphs.GLYPH_HEIGHT, (index, digit)


@pytest.mark.parametrize("face", [*glyphs.SEGMENT_FACES, *glyphs.DOT_FACES])
def test_digits_of_a_display_differ_and_have_one_size(face):
    inks = np.stack([glyphs.display_glyph(face, digit).mask > 128 for digit in DIGITS])
    for digit in range(10):
        for smaller in range(digit):
            assert (inks[digit] != inks[smaller]).mean() > 0.01
    assert (inks[8] | inks[0]).any(axis=1).sum() >= 58, "as high as the digits of fonts"


@pytest.mark.parametrize("mark, digit", [("slash", "0"), ("dot", "0"), ("bar", "7")])
def test_marks_add_ink_to_their_digit_only(mark: str, digit: str):
    for face in fonts.faces("Roboto-", "Serif", "DejaVuSans.ttf"):
        for character in DIGITS:
            plain = glyphs.glyph(face, character)
            marked = glyphs.add_mark(plain, character, (mark,))
            if character == digit:
                assert marked.mask.mean() > plain.mask.mean(), face
                assert marked.mask.shape == plain.mask.shape
            else:
                assert marked is plain


def test_handwriting_uses_digits_of_a_file(tmp_path: Path):
    images = np.zeros((30, 28, 28), np.uint8)
    images[:, 4:24, 12:15] = 255
    path = str(tmp_path / "digits.npz")
    np.savez(path, x_train=images, y_train=np.arange(30) % 10)
    assert [len(images) for images in read_digits(path)] == [3] * 10
    scanned = [render_handwriting(Rng(4, index), 40.0, path) for index in range(8)]
    stroked = [render_handwriting(Rng(4, index), 40.0) for index in range(8)]
    assert [planar.label for planar in scanned] == [planar.label for planar in stroked]
    pairs = zip(scanned, stroked, strict=True)
    assert any(not np.array_equal(scan.layer.rgba, stroke.layer.rgba) for scan, stroke in pairs)


def test_wrong_files_of_digits_are_errors(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="write_digits"):
        read_digits(str(tmp_path / "none.npz"))
    images, labels = np.zeros((9, 28, 28), np.uint8), np.arange(9)
    for name, message, arrays in (
        ("other", "x_train", {"images": np.zeros(3)}),
        ("few", r"no image of the digits \[9\]", {"x_train": images, "y_train": labels}),
        ("flat", "784", {"x_train": images.reshape(9, -1), "y_train": labels}),
    ):
        np.savez(tmp_path / f"{name}.npz", **arrays)
        with pytest.raises(ValueError, match=message):
            read_digits(str(tmp_path / f"{name}.npz"))


def test_a_folder_of_fonts_replaces_those_of_packages(tmp_path: Path):
    source = fonts.faces("DejaVuSans-Bold.ttf")[0]
    for name in ("one-Regular", "one-Bold", "other-one-Black"):
        (tmp_path / f"{name}.woff").write_bytes(Path(source).read_bytes())
    folder, installed = str(tmp_path), fonts.families()
    with fonts.fonts_in(folder):
        names = [[Path(face).stem for face in family] for family in fonts.families()]
        assert names == [["one-Bold", "one-Regular"], ["other-one-Black"]]
        assert [Path(face).stem for face in fonts.faces("Black", "Bold")] == [
            "one-Bold",
            "other-one-Black",
        ]
        assert fonts.faces("Roboto-Medium") == fonts._faces(installed, ("Roboto-Medium",))
        assert fonts.face_for("7 €", fonts.faces("Black")[0]).endswith("DejaVuSans.ttf")
    assert fonts.families() == installed
    with pytest.raises(FileNotFoundError, match="woff"), fonts.fonts_in(str(tmp_path / "none")):
        fonts.families()


def test_the_folder_of_a_font_is_not_part_of_its_name():
    face = "/home/Italo/Black/fonts/Roboto-Regular.ttf"
    assert fonts.is_named(face, "Bold", "Roboto")
    assert not fonts.is_named(face, "It", "Black")
