"""Drawn numbers of many kinds: labels by one rule, boxes around the digits, wanted shares."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.rendered_numbers.drawing import draw
from datasets.rendered_numbers.fonts import glyph
from datasets.rendered_numbers.glyph_file import read_glyphs, write_glyphs
from datasets.rendered_numbers.handwriting import draw_handwriting
from datasets.rendered_numbers.kinds import KINDS as DRAWN_BY
from datasets.rendered_numbers.kinds import KindScene, draw_kind_scene
from datasets.rendered_numbers.kinds_style import KIND_STYLES, KINDS
from datasets.rendered_numbers.marks import marked
from datasets.rendered_numbers.panel import can_be_turned, faces
from datasets.rendered_numbers.parallel import draw_many
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.rule import number_in
from datasets.rendered_numbers.style import STYLES

UPRIGHT = replace(KINDS, turned=0.0)
ABSENT = {"words", "nothing"}


def only(kind: str):
    return replace(UPRIGHT, kinds=((1.0, kind),))


@pytest.fixture(scope="module")
def scenes() -> list[KindScene]:
    return [draw_kind_scene(Rng(3, index), KINDS) for index in range(300)]


@pytest.fixture(scope="module")
def glyph_file(tmp_path_factory) -> str:
    """Thirty "handwritten" digits: bars of a length that tells the digit."""
    images = np.zeros((30, 28, 28), np.uint8)
    labels = np.arange(30) % 10
    for image, digit in zip(images, labels, strict=True):
        image[4:24, 12:15] = 255
        image[4 : 7 + digit, 8:20] = 255
    path = tmp_path_factory.mktemp("glyphs") / "digits.npz"
    np.savez(path, x_train=images, y_train=labels)
    return str(path)


@pytest.mark.parametrize(
    "text, number",
    [
        ("12A", "12"), ("B7", "7"), ("#45", "45"), ("25%", "25"), ("€25", "25"), ("2.17", "217"),
        ("14.69", "1469"), ("1.234,50", "123450"), ("12/3", "12"), ("45-47", "45"),
        ("No. 118", "118"), ("7 Bis", "7"), ("3-1415", "1415"), ("5.", "5"), (".5", "5"),
        ("1..2", "1"), ("SOS", ""), ("B&B", ""), ("007", "007"), ("", ""),
    ],
)  # fmt: skip
def test_rule(text: str, number: str):
    digits, places = number_in(text)
    assert digits == number
    assert "".join(text[place] for place in places) == number


def test_turned_numbers_that_still_read_as_numbers_keep_their_label():
    assert not any(can_be_turned(number) for number in ("69", "1001", "8", "7", "25", "152"))
    assert all(can_be_turned(number) for number in ("47", "1300", "0093"))


@pytest.mark.parametrize("kind", DRAWN_BY)
def test_each_kind_has_a_box_in_the_image_for_each_digit(kind: str):
    lengths = Counter()
    for index in range(16):
        scene = draw_kind_scene(Rng(1, index), only(kind))
        height, width = scene.view.shape[:2]
        assert max(height, width) <= KINDS.largest
        assert scene.kind == kind
        assert scene.view.dtype == np.float32
        assert scene.boxes.dtype == np.float32
        assert scene.boxes.shape == (len(scene.number), 4)
        assert (scene.boxes[:, 2:] > scene.boxes[:, :2]).all()
        assert (scene.boxes >= 0).all()
        assert (scene.boxes <= (width, height, width, height)).all()
        lengths[len(scene.number)] += 1
    assert set(lengths) == {0} if kind in ABSENT else 0 not in lengths


@pytest.mark.parametrize("kind", sorted(set(DRAWN_BY) - ABSENT - {"handwriting"}))
def test_boxes_hold_ink(kind: str):
    seen = 0
    for index in range(12):
        panel = DRAWN_BY[kind](Rng(2, index), 40.0)
        paint = panel.layer.paint[..., :3].mean(axis=2)
        for hull in panel.hulls:
            left, top = np.floor(hull.min(axis=0)).astype(int)
            right, bottom = np.ceil(hull.max(axis=0)).astype(int)
            inside = paint[max(top, 0) : bottom, max(left, 0) : right]
            assert np.ptp(inside) > 12, (kind, index, panel.number)
            seen += 1
        assert len(panel.hulls) == len(panel.number)
    assert seen


@pytest.mark.parametrize("kind", ["lcd", "counter", "ink-jet", "handwriting", "print", "bib"])
def test_boxes_are_in_reading_order(kind: str):
    for index in range(25):
        scene = draw_kind_scene(Rng(5, index), only(kind))
        middles = scene.boxes[:, [0, 2]].mean(axis=1)
        assert (np.diff(middles) > 0).all(), (index, scene.number)


def test_written_digits_lie_on_the_paper():
    for index in range(60):
        panel = draw_handwriting(Rng(6, index), 40.0)
        rows, columns = panel.layer.paint.shape[:2]
        points = np.concatenate(panel.hulls)
        assert (points >= 0).all()
        assert (points <= (columns, rows)).all(), (index, panel.number)


def test_wheels_between_two_digits_show_most_of_theirs():
    for index in range(40):
        panel = DRAWN_BY["counter"](Rng(6, index), 40.0)
        for hull in panel.hulls:
            assert np.ptp(hull[:, 1]) > 0.75 * 40, (index, panel.number)


def test_vertical_numbers_read_downwards():
    for index in range(25):
        scene = draw_kind_scene(Rng(5, index), only("vertical"))
        assert (np.diff(scene.boxes[:, [1, 3]].mean(axis=1)) > 0).all()


def test_every_kind_and_length_occurs(scenes):
    kinds = Counter(scene.kind for scene in scenes)
    assert set(kinds) == {kind for _, kind in KINDS.kinds} == set(DRAWN_BY)
    lengths = Counter(len(scene.number) for scene in scenes)
    assert set(lengths) >= set(range(9))
    assert max(lengths) <= 10
    share = sum(lengths[length] for length in (5, 6, 7, 8)) / len(scenes)
    assert share > 0.25, "meters, displays and cheques have 5 to 8 digits"


def test_share_without_a_number(scenes):
    absent = [scene for scene in scenes if not scene.number]
    assert 0.06 < len(absent) / len(scenes) < 0.2
    turned = [scene for scene in absent if scene.turned]
    assert len(turned) < len(absent)
    assert all(scene.kind in ABSENT or scene.turned for scene in absent)


def test_turned_numbers_have_no_label():
    style = replace(KINDS, kinds=((1.0, "counter"),), turned=1.0)
    scenes = [draw_kind_scene(Rng(7, index), style) for index in range(30)]
    assert all(bool(scene.turned) != bool(scene.number) for scene in scenes)
    assert {scene.turned for scene in scenes} >= {1, 2, 3}
    assert not any(can_be_turned(scene.number) for scene in scenes)


def test_digits_cut_tightly_are_whole():
    style = replace(only("cut"), crops=((1.0, "tight"),))
    for index in range(30):
        scene = draw_kind_scene(Rng(8, index), style)
        height = scene.view.shape[0]
        assert scene.boxes[:, 1].min() < 4
        assert height - scene.boxes[:, 3].max() < 4


def test_tiny_images():
    style = replace(only("print"), tiny=1.0, crops=((1.0, "tight"),))
    heights = [draw_kind_scene(Rng(9, index), style).view.shape[0] for index in range(30)]
    assert np.median(heights) < 26
    assert min(heights) >= 8


@pytest.mark.parametrize("name", KIND_STYLES)
def test_same_seed_and_index_give_the_same_image(name: str):
    assert STYLES[name] is KIND_STYLES[name]
    first = [draw(5, index, KIND_STYLES[name]) for index in range(12)]
    again = [draw(5, index, KIND_STYLES[name]) for index in reversed(range(12))][::-1]
    assert [drawn.jpeg for drawn in first] == [drawn.jpeg for drawn in again]
    assert [drawn.number for drawn in first] == [drawn.number for drawn in again]
    assert len({drawn.jpeg for drawn in first}) == 12


def test_draw_many_draws_kinds():
    drawn = list(draw_many(1, 5, KINDS, workers=1))
    assert [image.jpeg for image in drawn] == [draw(1, index, KINDS).jpeg for index in range(5)]


def test_drawing_needs_no_tensorflow():
    code = "import sys, datasets.rendered_numbers.parallel as p; print('tensorflow' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_handwriting_takes_digits_from_a_file(glyph_file: str):
    images = read_glyphs(glyph_file)
    assert [len(drawn) for drawn in images] == [3] * 10
    with_file = [draw_handwriting(Rng(4, index), 40.0, glyph_file) for index in range(8)]
    without = [draw_handwriting(Rng(4, index), 40.0) for index in range(8)]
    assert [panel.number for panel in with_file] == [panel.number for panel in without]
    same = [
        np.array_equal(panel.layer.paint, other.layer.paint)
        for panel, other in zip(with_file, without, strict=True)
        if panel.layer.paint.shape == other.layer.paint.shape
    ]
    assert not all(same)
    style = replace(KIND_STYLES["handwriting"], glyphs=glyph_file)
    assert draw(1, 2, style).jpeg == draw(1, 2, style).jpeg


def test_wrong_files_of_digits_are_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="--out"):
        read_glyphs(str(tmp_path / "none.npz"))
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    with pytest.raises(ValueError, match="x_train"):
        read_glyphs(str(tmp_path / "other.npz"))
    images, labels = np.zeros((9, 28, 28), np.uint8), np.arange(9)
    np.savez(tmp_path / "few.npz", x_train=images, y_train=labels)
    with pytest.raises(ValueError, match=r"no image of the digits \[9\]"):
        read_glyphs(str(tmp_path / "few.npz"))
    np.savez(tmp_path / "flat.npz", x_train=images.reshape(9, -1), y_train=labels)
    with pytest.raises(ValueError, match="784"):
        read_glyphs(str(tmp_path / "flat.npz"))


@pytest.mark.parametrize("split", ["test", "train+test"])
def test_only_training_digits_are_written(tmp_path: Path, split: str):
    with pytest.raises(ValueError, match="train split"):
        write_glyphs(str(tmp_path), tmp_path / "digits.npz", split)


@pytest.mark.parametrize("mark, digit", [("slash", "0"), ("dot", "0"), ("bar", "7")])
def test_marks_add_ink_to_their_digit_alone(mark: str, digit: str):
    for face in faces("Roboto-", "Serif", "DejaVuSans.ttf"):
        for character in "0123456789":
            plain = glyph(face, character)
            with_mark = marked(plain, character, (mark,))
            if character == digit:
                assert with_mark.mask.mean() > plain.mask.mean(), face
                assert with_mark.mask.shape == plain.mask.shape
            else:
                assert with_mark is plain


def test_data_set_of_kinds_is_built_without_mnist(tmp_path: Path, caplog):
    from datasets.rendered_numbers.rendered_numbers_dataset_builder import (
        SEEDS,
        Builder,
        RenderedNumbersConfig,
    )

    style = replace(KIND_STYLES["handwriting"], turned=0.5)
    config = RenderedNumbersConfig(name="few", style=style, train=6, test=2, workers=1)
    builder = Builder(config=config, data_dir=str(tmp_path))
    builder.download_and_prepare()
    assert "strokes alone" in caplog.text
    examples = list(builder.as_dataset(split="train").as_numpy_iterator())
    assert len(examples) == 6
    for example in examples:
        drawn = draw(SEEDS["train"], int(example["id"].decode().partition("-")[2]), style)
        assert example["number"].decode() == drawn.number
        np.testing.assert_array_equal(example["digits"]["box"].reshape(-1, 4), drawn.boxes)
