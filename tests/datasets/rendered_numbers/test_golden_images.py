"""Rendered images do not change: published figures and prepared data sets depend on them.

python -m tests.datasets.rendered_numbers.test_golden_images

writes `golden.npz` anew. Run it only when rendered images are meant to change, together with the
builder's version.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.rendered_numbers.rendering import render
from datasets.rendered_numbers.styles import STYLES

PATH = Path(__file__).with_name("golden.npz")


def summary(style: str) -> dict[str, np.ndarray]:
    """Thumbnails (16 x 32, grey), sizes, labels and boxes of twelve images of a style."""
    rendered = [render(3, index, STYLES[style]) for index in range(12)]
    grey = [cv2.cvtColor(one.image, cv2.COLOR_RGB2GRAY) for one in rendered]
    small = [cv2.resize(image, (32, 16), interpolation=cv2.INTER_AREA) for image in grey]
    return {
        f"{style}/thumbnails": np.stack(small),
        f"{style}/sizes": np.array([image.shape for image in grey]),
        f"{style}/labels": np.array([one.label for one in rendered]),
        f"{style}/boxes": np.concatenate([one.boxes for one in rendered]),
    }


@pytest.mark.parametrize("style", STYLES)
def test_images_are_those_of_before(style: str):
    with np.load(PATH) as golden:
        for name, values in summary(style).items():
            if name.endswith("thumbnails"):
                difference = np.abs(values - golden[name].astype(int))
                # Processors round differently, which noise and JPEG compression amplify.
                assert difference.max() <= 8
                assert difference.mean(axis=(1, 2)).max() < 0.5
            elif name.endswith("boxes"):
                np.testing.assert_allclose(values, golden[name], atol=1e-3)
            else:
                np.testing.assert_array_equal(values, golden[name])


if __name__ == "__main__":
    np.savez_compressed(PATH, **{k: v for style in STYLES for k, v in summary(style).items()})
