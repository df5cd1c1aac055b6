"""Rendered images: deterministic, those of before, independent of processes, as documented.

python -m tests.datasets.rendered_numbers.test_rendering

writes `golden.npz` anew. Run it only when rendered images are meant to change, together with the
builder's version: published figures and prepared data sets depend on them.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.rendered_numbers import rendering
from datasets.rendered_numbers.rendering import RenderedImage, render, render_many
from datasets.rendered_numbers.styles import KINDS, STYLES

GOLDEN = Path(__file__).with_name("golden.npz")


def render_twelve(style: str) -> list[RenderedImage]:
    return [render(3, index, STYLES[style]) for index in range(12)]


def summary(style: str, images: list[RenderedImage]) -> dict[str, np.ndarray]:
    """Thumbnails (16 x 32, grey), sizes, labels and boxes of twelve images of a style."""
    grey = [cv2.cvtColor(image.image, cv2.COLOR_RGB2GRAY) for image in images]
    small = [cv2.resize(plane, (32, 16), interpolation=cv2.INTER_AREA) for plane in grey]
    return {
        f"{style}/thumbnails": np.stack(small),
        f"{style}/sizes": np.array([plane.shape for plane in grey]),
        f"{style}/labels": np.array([image.label for image in images]),
        f"{style}/boxes": np.concatenate([image.boxes for image in images]),
    }


@pytest.mark.parametrize("style", STYLES)
def test_images_are_those_of_before_and_have_the_documented_form(style: str):
    images = render_twelve(style)
    with np.load(GOLDEN) as golden:
        for name, values in summary(style, images).items():
            if name.endswith("thumbnails"):
                difference = np.abs(values - golden[name].astype(int))
                # Processors round differently, which noise and JPEG compression amplify.
                assert difference.max() <= 8
                assert difference.mean(axis=(1, 2)).max() < 0.5
            elif name.endswith("boxes"):
                np.testing.assert_allclose(values, golden[name], atol=1e-3)
            else:
                np.testing.assert_array_equal(values, golden[name])
    np.random.seed(1)  # noqa: NPY002 - global random state must have no effect
    repeated = [render(3, index, STYLES[style]) for index in reversed(range(12))][::-1]
    assert [image.jpeg for image in images] == [image.jpeg for image in repeated]
    assert len({image.jpeg for image in images} | {render(6, 0, STYLES[style]).jpeg}) == 13
    for rendered in images:
        assert rendered.image.dtype == np.uint8
        assert rendered.image.shape[2:] == (3,)
        assert rendered.boxes.dtype == np.float32
        assert rendered.boxes.shape == (len(rendered.label), 4)
        assert (rendered.boxes[:, 2:] > rendered.boxes[:, :2]).all()


@pytest.mark.parametrize("seed, index", [(-1, 0), (0, -1)])
def test_negative_seed_or_index_is_an_error(seed, index):
    with pytest.raises(ValueError, match="Received"):
        render(seed, index)


def test_workers_have_no_effect(monkeypatch):
    monkeypatch.setattr(rendering, "_CHUNK", 8)
    images = [rendered.jpeg for rendered in render_many(1, 30, KINDS, workers=2)]
    assert images == [render(1, index, KINDS).jpeg for index in range(30)]


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


if __name__ == "__main__":
    arrays = [summary(style, render_twelve(style)) for style in STYLES]
    np.savez_compressed(GOLDEN, **{name: value for part in arrays for name, value in part.items()})
