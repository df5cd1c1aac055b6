"""The TFDS builder stores what is rendered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from datasets.rendered_numbers import rendered_numbers_dataset_builder as module
from datasets.rendered_numbers.glyph_file import read_glyphs
from datasets.rendered_numbers.rendering import RenderedImage, render
from datasets.rendered_numbers.styles import KINDS, STYLES

STYLE = replace(KINDS, rotated=0.5)


def make_builder(folder: Path, train: int, test: int) -> module.Builder:
    config = module.RenderedNumbersConfig(
        name="small", style=STYLE, train=train, test=test, workers=1
    )
    return module.Builder(config=config, data_dir=str(folder))


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> module.Builder:
    builder = make_builder(tmp_path_factory.mktemp("tfds"), 24, 8)
    builder.download_and_prepare()
    return builder


def rendered_for(split: str, example: dict) -> RenderedImage:
    index = int(example["id"].decode().partition("-")[2])
    return render(module.SEEDS[split], index, STYLE)


def test_examples_are_the_rendered_images(built):
    images = {}
    for split, count in (("train", 24), ("test", 8)):
        decoders = {"image": tfds.decode.SkipDecoding()}
        examples = list(built.as_dataset(split=split, decoders=decoders).as_numpy_iterator())
        assert len({example["id"] for example in examples}) == count
        for example in examples:
            rendered = rendered_for(split, example)
            assert example["image"] == rendered.jpeg, "not encoded again"
            assert example["label"].decode() == rendered.label
            assert "".join(map(str, example["digits"]["label"])) == rendered.label
            boxes = example["digits"]["box"].reshape(-1, 4)
            np.testing.assert_array_equal(boxes, rendered.boxes)
        images[split] = {example["image"] for example in examples}
    assert not images["train"] & images["test"]


def test_stored_images_decode_to_rgb(built):
    """TensorFlow's faster transform differs by a few levels; swapped channels by far more."""
    same, swapped = [], []
    for example in built.as_dataset(split="test").as_numpy_iterator():
        image = rendered_for("test", example).image.astype(int)
        same.append(np.abs(example["image"] - image).mean())
        swapped.append(np.abs(example["image"][..., ::-1] - image).mean())
    assert max(same) < 6
    assert np.mean(swapped) > 3 * np.mean(same)


def test_handwriting_without_mnist_is_announced(built, tmp_path, caplog):
    assert built._add_glyphs(STYLE, tmp_path) is STYLE
    assert "strokes only" in caplog.text


def test_handwriting_uses_mnist_where_it_is_prepared(built, tmp_path, monkeypatch):
    images = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((28, 28, 1), np.uint8)
    data = {"image": tf.constant(images), "label": tf.constant(np.arange(20) % 10)}
    monkeypatch.setattr(tfds, "builder", lambda *_, **__: SimpleNamespace(is_prepared=lambda: True))
    monkeypatch.setattr(tfds, "load", lambda *_, **__: data)
    style = built._add_glyphs(STYLE, tmp_path / "new")
    digits = read_glyphs(style.glyphs)
    assert [images[:, 0, 0].tolist() for images in digits] == [[d, d + 10] for d in range(10)]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["digits.npz"]


def test_interrupted_build_can_be_repeated(tmp_path, monkeypatch):
    def interrupted(*_):
        yield render(1, 0)
        raise KeyboardInterrupt

    builder = make_builder(tmp_path, 2, 2)
    monkeypatch.setattr(module, "render_many", interrupted)
    with pytest.raises(KeyboardInterrupt):
        builder.download_and_prepare()
    assert not Path(builder.data_dir).exists()
    monkeypatch.undo()
    builder = make_builder(tmp_path, 2, 2)
    builder.download_and_prepare()
    assert builder.info.splits["train"].num_examples == 2


def test_every_style_has_a_configuration():
    configs = {config.name: config.style for config in module.Builder.BUILDER_CONFIGS}
    assert configs == STYLES
