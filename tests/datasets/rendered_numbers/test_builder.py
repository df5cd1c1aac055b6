"""The TFDS builder stores what is rendered."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from datasets.rendered_numbers import rendered_numbers_dataset_builder as module
from datasets.rendered_numbers.mnist_digits import read_digits
from datasets.rendered_numbers.rendering import render
from datasets.rendered_numbers.styles import KINDS, STYLES, TYPEFACES

STYLE = replace(KINDS, rotated=0.5)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> module.Builder:
    counts = {"train": 24, "test": 8}
    config = module.RenderedConfig(name="small", style=STYLE, counts=counts, workers=1)
    builder = module.Builder(config=config, data_dir=str(tmp_path_factory.mktemp("tfds")))
    builder.download_and_prepare()
    return builder


def test_examples_are_the_rendered_images(built):
    images = {}
    for split, count in (("train", 24), ("test", 8)):
        decoders = {"image": tfds.decode.SkipDecoding()}
        examples = list(built.as_dataset(split=split, decoders=decoders).as_numpy_iterator())
        assert len({example["id"] for example in examples}) == count
        for example in examples:
            index = int(example["id"].decode().partition("-")[2])
            rendered = render(module.SEEDS[split], index, STYLE)
            assert example["image"] == rendered.jpeg, "not encoded again"
            assert example["label"].decode() == rendered.label
            assert "".join(map(str, example["digits"]["label"])) == rendered.label
            boxes = example["digits"]["box"].reshape(-1, 4)
            np.testing.assert_array_equal(boxes, rendered.boxes)
        images[split] = {example["image"] for example in examples}
    assert not images["train"] & images["test"]


def test_handwriting_uses_mnist_where_it_is_prepared(built, tmp_path, monkeypatch, caplog):
    assert built._add_glyphs(STYLE, tmp_path) is STYLE
    assert "strokes only" in caplog.text
    images = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((28, 28, 1), np.uint8)
    data = {"image": tf.constant(images), "label": tf.constant(np.arange(20) % 10)}
    loaded = []
    monkeypatch.setattr(tfds, "builder", lambda *_, **__: SimpleNamespace(is_prepared=lambda: True))
    monkeypatch.setattr(tfds, "load", lambda *_, **options: loaded.append(options) or data)
    style = built._add_glyphs(STYLE, tmp_path)
    assert loaded[0]["split"] == "train[:55000]", "neither validation nor test"
    digits = read_digits(style.glyphs)
    assert [images[:, 0, 0].tolist() for images in digits] == [[d, d + 10] for d in range(10)]


def test_every_style_has_a_configuration():
    configs = {config.name: config.style for config in module.Builder.BUILDER_CONFIGS}
    assert configs == STYLES | {"typefaces": TYPEFACES}
