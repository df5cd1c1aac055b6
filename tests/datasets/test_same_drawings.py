"""Images stay what they were: published figures and data sets already drawn rest on them."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

from datasets.rendered_numbers.drawing import Drawn, draw
from datasets.rendered_numbers.style import STYLES

# Of images 0 to 23 of seed 3: their numbers, then height, width and mean of the first six, and
# the digest of all their bytes and boxes.
KNOWN = {
    "default": (
        "40|57||3114|75|55|819|55|734|30|84784|9478|5468|673|398|44|81|40|63|82|031|38|20|51",
        ((63, 109), (34, 31), (38, 75), (74, 176), (75, 68), (34, 30)),
        (93.27, 91.24, 57.51, 59.89, 68.25, 116.62),
        "136be19bbed7b75e",
    ),
    "wide": (
        "40|57||3114|75|55|819|55|734|30|84784||5468|673|398|44|81|40|63|82|031|38|20|51",
        ((162, 231), (59, 83), (85, 157), (141, 196), (91, 134), (39, 49)),
        (106.66, 47.55, 55.09, 51.97, 52.33, 140.2),
        "9ed730b67ca4b852",
    ),
    "devices": (
        "110|71||21482|52|549|2984|586|4440|19|478469|57831|56867|0736|00098|58|147|1974|378|2764|"
        "00003|9260|15|167",
        ((75, 119), (33, 98), (63, 122), (72, 241), (29, 80), (24, 75)),
        (80.62, 118.5, 95.68, 86.25, 44.27, 120.75),
        "7df20b34c0c7270f",
    ),
}


@pytest.fixture(scope="module", params=sorted(KNOWN))
def drawings(request) -> tuple[str, list[Drawn]]:
    return request.param, [draw(3, index, STYLES[request.param]) for index in range(24)]


def test_images_look_as_before(drawings):
    """Within what rounding differs between processors: one draw of chance more moves all."""
    name, drawn = drawings
    numbers, shapes, means, _ = KNOWN[name]
    assert "|".join(one.number for one in drawn) == numbers
    images = [one.image for one in drawn[:6]]
    assert tuple(image.shape[:2] for image in images) == shapes
    np.testing.assert_allclose([image.mean() for image in images], means, atol=0.3)


# OpenCV picks its code by the processor's features, and each may round in its own way.
FEATURES = cv2.getCPUFeaturesLine().split()
SAME_ROUNDING = (
    cv2.__version__ == "5.0.0"
    and np.__version__.startswith("2.4.")
    and "*AVX2" in FEATURES
    # "?" marks what the processor lacks
    and not any("AVX512" in feature and not feature.endswith("?") for feature in FEATURES)
)


@pytest.mark.skipif(not SAME_ROUNDING, reason="other rounding than where the digests were taken")
def test_images_are_the_same_bytes(drawings):
    name, drawn = drawings
    stored = b"".join(one.jpeg + one.boxes.tobytes() for one in drawn)
    assert hashlib.sha256(stored).hexdigest()[:16] == KNOWN[name][3]
