"""Rendered images: deterministic, independent of processes, in the documented form."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from datasets.rendered_numbers import rendering
from datasets.rendered_numbers.camera import compress
from datasets.rendered_numbers.rendering import RenderedImage, render, render_many
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.styles import KINDS, STYLES


@pytest.mark.parametrize("name", STYLES)
def test_images_are_deterministic_and_have_the_documented_form(name: str):
    first = [render(5, index, STYLES[name]) for index in range(12)]
    np.random.seed(1)  # noqa: NPY002 - global random state must have no effect
    second = [render(5, index, STYLES[name]) for index in reversed(range(12))][::-1]
    assert len({rendered.jpeg for rendered in first} | {render(6, 0, STYLES[name]).jpeg}) == 13
    for rendered, repeated in zip(first, second, strict=True):
        assert rendered.jpeg == repeated.jpeg
        assert rendered.label == repeated.label
        np.testing.assert_array_equal(rendered.boxes, repeated.boxes)
        assert rendered.image.dtype == np.uint8
        assert rendered.image.shape[2:] == (3,)
        assert rendered.boxes.dtype == np.float32
        assert rendered.boxes.shape == (len(rendered.label), 4)
        assert (rendered.boxes[:, 2:] > rendered.boxes[:, :2]).all()


def test_image_is_rgb():
    blue = np.zeros((16, 16, 3), np.uint8)
    blue[..., 2] = 200
    image = RenderedImage(compress(blue, Rng(0, 0)), "", np.zeros((0, 4), np.float32)).image
    assert image[8, 8, 2] > 150
    assert image[8, 8, 0] < 60


@pytest.mark.parametrize("seed, index", [(-1, 0), (0, -1)])
def test_negative_seed_or_index_is_an_error(seed, index):
    with pytest.raises(ValueError, match="Received"):
        render(seed, index)


def test_workers_have_no_effect():
    images = [rendered.jpeg for rendered in render_many(1, 260, KINDS, workers=2)]
    assert images == [render(1, index, KINDS).jpeg for index in range(260)]


def test_images_of_a_broken_pool_are_rendered_in_this_process(monkeypatch, caplog):
    class BreakingPool(rendering.ProcessPoolExecutor):
        def map(self, function, indices, chunksize):
            yield from map(function, indices[:3])
            raise BrokenProcessPool

    monkeypatch.setattr(rendering, "_CHUNK", 3)
    monkeypatch.setattr(rendering, "ProcessPoolExecutor", BreakingPool)
    images = [rendered.jpeg for rendered in render_many(1, 8, workers=2)]
    assert images == [render(1, index).jpeg for index in range(8)]
    assert "images 3 to 7" in caplog.text


def test_rendering_does_not_import_tensorflow():
    code = "import sys, datasets.rendered_numbers.rendering; print('tensorflow' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
