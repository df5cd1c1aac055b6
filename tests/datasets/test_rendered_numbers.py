"""Drawn house numbers: the same from the same seed, boxes around the ink, wanted statistics."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.rendered_numbers import fonts, sheet
from datasets.rendered_numbers.camera import compress
from datasets.rendered_numbers.drawing import Drawn, draw, draw_scene
from datasets.rendered_numbers.parallel import draw_many
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.strokes import draw_brush, stroke_glyph
from datasets.rendered_numbers.style import DEFAULT, WIDE, Style


def union(boxes: np.ndarray) -> tuple[float, float, float, float]:
    return (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())


@pytest.fixture(scope="module")
def scenes() -> dict[str, list]:
    styles = {"default": DEFAULT, "wide": WIDE}
    return {
        name: [draw_scene(Rng(3, index), style) for index in range(300)]
        for name, style in styles.items()
    }


@pytest.mark.parametrize("style", [DEFAULT, WIDE])
def test_same_seed_and_index_give_the_same_image(style: Style):
    first = [draw(5, index, style) for index in range(12)]
    again = [draw(5, index, style) for index in reversed(range(12))][::-1]
    assert [one.jpeg for one in first] == [one.jpeg for one in again]
    assert [one.number for one in first] == [one.number for one in again]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)


def test_other_seeds_and_indices_give_other_images():
    images = {draw(seed, index).jpeg for seed in (0, 1, 2) for index in range(10)}
    assert len(images) == 30


def test_global_random_state_has_no_part():
    np.random.seed(1)  # noqa: NPY002
    first = draw(1, 1).jpeg
    np.random.seed(2)  # noqa: NPY002
    assert draw(1, 1).jpeg == first


def test_drawn_has_the_promised_form():
    for index in range(30):
        drawn = draw(8, index)
        assert drawn.image.dtype == np.uint8
        assert drawn.image.ndim == 3
        assert drawn.image.shape[2] == 3
        assert drawn.boxes.dtype == np.float32
        assert drawn.boxes.shape == (len(drawn.number), 4)
        assert (drawn.boxes[:, 2:] > drawn.boxes[:, :2]).all()


def test_image_is_rgb():
    stored = np.zeros((16, 16, 3), np.uint8)
    stored[..., 2] = 200
    image = Drawn(compress(stored, Rng(0, 0)), "", np.zeros((0, 4), np.float32)).image
    assert image[8, 8, 2] > 150
    assert image[8, 8, 0] < 60


@pytest.mark.parametrize("seed, index", [(-1, 0), (0, -1)])
def test_negative_seed_or_index_is_an_error(seed, index):
    with pytest.raises(ValueError, match="Received"):
        draw(seed, index)


@pytest.mark.parametrize("name", ["default", "wide"])
def test_boxes_are_tight_around_the_ink(scenes, name):
    """The number's box and the box of the ink as the camera sees it differ by a pixel or so."""
    apart = []
    for scene in scenes[name]:
        if not scene.number or len(scene.line.hulls) != len(scene.number):
            continue  # its letters are ink too
        height, width = scene.view.shape[:2]
        rows, columns = np.nonzero(scene.ink() > 60)
        assert len(rows), f"no ink for {scene.number}"
        seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        wanted = np.clip(union(scene.boxes), 0, (width, height, width, height))
        apart.append(np.abs(np.array(seen) - wanted).max())
    assert len(apart) > 150
    assert np.percentile(apart, 95) < 1.0
    assert max(apart) < 4.0


def test_each_box_holds_its_own_digit():
    """Boxes come in reading order, each over ink: no two digits share one."""
    for index in range(100):
        scene = draw_scene(Rng(4, index), DEFAULT)
        middles = scene.boxes[:, [0, 2]].mean(axis=1)
        assert (np.diff(middles) > 0).all()
        ink = scene.ink()
        for left, top, right, bottom in np.maximum(np.round(scene.boxes).astype(int), 0):
            inside = ink[top:bottom, left:right]
            assert inside.size == 0 or inside.max() > 40


def test_letters_beside_the_number_have_no_box():
    mixed = [
        scene
        for scene in (draw_scene(Rng(6, index), WIDE) for index in range(60))
        if scene.number and len(scene.line.hulls) > len(scene.number)
    ]
    assert mixed
    assert all(len(scene.boxes) == len(scene.number) for scene in mixed)


def test_lengths_and_digits_follow_their_shares():
    numbers = [DEFAULT.draw_number(Rng(7, index)) for index in range(20_000)]
    lengths = np.bincount([len(number) for number in numbers], minlength=7) / len(numbers)
    wanted = [0.01, 0.079, 0.376, 0.376, 0.119, 0.037, 0.003]
    np.testing.assert_allclose(lengths, wanted, atol=0.012)
    assert lengths[6] > 0, "some are longer than a reader of five digits can tell"
    later = "".join(number[1:] for number in numbers)
    shares = np.array([later.count(str(digit)) for digit in range(10)]) / len(later)
    np.testing.assert_allclose(shares, 0.1, atol=0.01)
    first_zero = np.mean([number.startswith("0") for number in numbers])
    assert 0.005 < first_zero < 0.03


def test_default_sizes_lie_near_those_of_photos(scenes):
    sizes = np.array([scene.view.shape[:2] for scene in scenes["default"]])
    boxed = [scene for scene in scenes["default"] if scene.number]
    boxes = np.array([union(scene.boxes) for scene in boxed])
    shapes = np.array([scene.view.shape[:2] for scene in boxed])
    share = (boxes[:, 3] - boxes[:, 1]) / shapes[:, 0]
    # Medians: photos 55 x 89, SVHN train 47 x 104, test 53 x 132; shares .71, .52.
    assert 42 < np.median(sizes[:, 0]) < 70
    assert 80 < np.median(sizes[:, 1]) < 130
    assert 1.4 < np.median(sizes[:, 1] / sizes[:, 0]) < 2.4
    assert 0.5 < np.median(share) < 0.7
    assert sizes.max() <= DEFAULT.largest


def test_wide_numbers_are_small_or_absent(scenes):
    areas = []
    for scene in scenes["wide"]:
        if scene.number:
            left, top, right, bottom = union(scene.boxes)
            height, width = scene.view.shape[:2]
            areas.append((right - left) * (bottom - top) / (height * width))
    assert min(areas) > 0.0045
    assert max(areas) < 0.055
    assert 0.05 < 1 - len(areas) / len(scenes["wide"]) < 0.16


def test_every_face_has_ten_different_digits():
    for family in fonts.families():
        for face in family:
            masks = [fonts.glyph(face, digit).mask for digit in "0123456789"]
            assert all(mask.max() > 200 for mask in masks), face
            assert len({mask.tobytes() for mask in masks}) == 10, face


def test_strokes_fill_the_height_of_a_digit():
    for index in range(40):
        chance = Rng(2, index)
        brush = draw_brush(chance)
        for digit in "0123456789":
            mask = stroke_glyph(brush, digit, chance).mask
            height = cv2.boundingRect(mask)[3]
            assert 0.75 * fonts.HEIGHT < height < 1.6 * fonts.HEIGHT, (index, digit)


def test_hull_encloses_the_ink_exactly():
    mask = np.zeros((20, 30), np.uint8)
    mask[5:9, 7:20] = 255
    corners = fonts.hull(mask)
    assert corners.min(axis=0).tolist() == [7, 5]
    assert corners.max(axis=0).tolist() == [20, 9]


def test_missing_font_package_is_named(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "font_lato" else find(name)
    )
    fonts.families.cache_clear()
    try:
        with pytest.raises(ModuleNotFoundError, match="pip install font-lato"):
            fonts.families()
    finally:
        fonts.families.cache_clear()


def test_workers_make_no_difference():
    alone = [drawn.jpeg for drawn in draw_many(1, 260, workers=1)]
    together = [drawn.jpeg for drawn in draw_many(1, 260, workers=2)]
    assert together == alone


def test_sheet_shows_drawn_images_and_photos(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    cv2.imwrite(str(photos / "a.png"), np.full((20, 30, 3), 200, np.uint8))
    out = tmp_path / "sheet.png"
    sheet.main(["--out", str(out), "--photos", str(photos), "--count", "7", "--boxes"])
    image = cv2.imread(str(out))
    assert image.shape == (2 * sheet.CELL[0], 12 * sheet.CELL[1] + 12, 3)
    assert [path.name for path in tmp_path.glob("*.partial")] == []


def test_sheet_without_photos_says_what_it_wants(tmp_path: Path, capsys):
    with pytest.raises(SystemExit):
        sheet.main(["--out", str(tmp_path / "s.png"), "--photos", str(tmp_path / "none")])
    assert "folder with images" in capsys.readouterr().err
    assert not (tmp_path / "s.png").exists()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    from datasets.rendered_numbers.rendered_numbers_dataset_builder import (
        Builder,
        RenderedNumbersConfig,
    )

    config = RenderedNumbersConfig(name="small", train=48, test=16, workers=1)
    folder = tmp_path_factory.mktemp("tfds")
    builder = Builder(config=config, data_dir=str(folder))
    builder.download_and_prepare()
    return builder


def test_built_data_set_holds_what_was_drawn(built):
    import tensorflow_datasets as tfds

    from datasets.rendered_numbers.rendered_numbers_dataset_builder import SEEDS

    assert built.info.splits["train"].num_examples == 48
    assert built.info.splits["test"].num_examples == 16
    stored = {"image": tfds.decode.SkipDecoding()}
    examples = list(built.as_dataset(split="train", decoders=stored).as_numpy_iterator())
    assert len({example["id"] for example in examples}) == 48
    for example in examples:
        drawn = draw(SEEDS["train"], int(example["id"].decode().partition("-")[2]))
        assert example["image"] == drawn.jpeg, "the bytes drawn are the bytes kept"
        assert example["number"].decode() == drawn.number
        assert "".join(map(str, example["digits"]["label"])) == drawn.number
        np.testing.assert_array_equal(example["digits"]["box"].reshape(-1, 4), drawn.boxes)


def test_built_images_decode_to_rgb(built):
    """TensorFlow's faster transform is a few levels off; swapped channels would be far off."""
    apart, swapped = [], []
    for example in built.as_dataset(split="test").as_numpy_iterator():
        drawn = draw(2, int(example["id"].decode().partition("-")[2])).image.astype(int)
        apart.append(np.abs(example["image"] - drawn).mean())
        swapped.append(np.abs(example["image"][..., ::-1] - drawn).mean())
    assert max(apart) < 6
    assert np.mean(swapped) > 3 * np.mean(apart)


def test_splits_share_no_image(built):
    images = {
        split: {
            example["image"].tobytes()
            for example in built.as_dataset(split=split).as_numpy_iterator()
        }
        for split in ("train", "test")
    }
    assert not images["train"] & images["test"]


def test_interrupted_build_leaves_no_finished_looking_data(tmp_path, monkeypatch):
    from datasets.rendered_numbers import rendered_numbers_dataset_builder as module

    def stops(*_):
        yield draw(1, 0)
        raise KeyboardInterrupt

    config = module.RenderedNumbersConfig(name="stopped", train=4, test=4, workers=1)
    builder = module.Builder(config=config, data_dir=str(tmp_path))
    monkeypatch.setattr(module, "draw_many", stops)
    with pytest.raises(KeyboardInterrupt):
        builder.download_and_prepare()
    assert not Path(builder.data_dir).exists()
    monkeypatch.undo()
    builder = module.Builder(config=config, data_dir=str(tmp_path))
    builder.download_and_prepare()
    assert builder.info.splits["train"].num_examples == 4
