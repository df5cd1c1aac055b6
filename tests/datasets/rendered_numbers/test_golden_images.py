"""Rendered images do not change: published figures and prepared data sets depend on them."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.rendered_numbers.styles import STYLES
from tests.datasets.rendered_numbers.golden import PATH, render_golden, thumbnail


@pytest.mark.parametrize("style", STYLES)
def test_images_are_those_of_before(style: str):
    images = render_golden(style)
    with np.load(PATH) as golden:
        labels, sizes, boxes, thumbnails = (
            golden[f"{style}/{name}"] for name in ("labels", "sizes", "boxes", "thumbnails")
        )
    assert [image.label for image in images] == labels.tolist()
    np.testing.assert_array_equal([image.image.shape[:2] for image in images], sizes)
    np.testing.assert_allclose(np.concatenate([image.boxes for image in images]), boxes, atol=1e-3)
    difference = np.stack([thumbnail(image.image) for image in images]) - thumbnails.astype(int)
    # Processors round differently, which noise and JPEG compression amplify by a few levels.
    assert np.abs(difference).max() <= 8
    assert np.abs(difference).mean(axis=(1, 2)).max() < 0.5
