"""Pictures stay what they were: published figures and data sets already drawn rest on them."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

from datasets.rendered_numbers.drawing import Drawn, draw
from datasets.rendered_numbers.style import STYLES

# Of pictures 0 to 23 of seed 3: their numbers, then height, width and mean of the first six, and
# the digest of all their bytes and boxes.
KNOWN = {
    "default": (
        "40|57||3114|75|55|819|55|734|30|84784|9478|5468|673|398|44|81|40|63|82|031|38|20|51",
        ((63, 110), (35, 31), (37, 74), (73, 174), (75, 68), (33, 30)),
        (93.24, 88.71, 57.68, 59.55, 67.72, 116.61),
        "a59c1e30a3e0defe",
    ),
    "wide": (
        "40|57||3114|75|55|819|55|734|30|84784||5468|673|398|44|81|40|63|82|031|38|20|51",
        ((163, 232), (60, 84), (84, 156), (139, 193), (91, 135), (39, 48)),
        (106.52, 47.52, 55.05, 52.5, 51.95, 140.49),
        "82e6f51c84e5eee7",
    ),
    "devices": (
        "110|71||21482|52|549|2984|586|4440|19|478469|57831|56867|0736|00098|58|147|1974|378|2764|"
        "00003|9260|15|167",
        ((75, 119), (33, 98), (63, 122), (72, 241), (29, 80), (24, 75)),
        (80.61, 118.57, 95.66, 86.27, 44.25, 120.76),
        "c9b84a292b7c69db",
    ),
}


@pytest.fixture(scope="module", params=sorted(KNOWN))
def drawings(request) -> tuple[str, list[Drawn]]:
    return request.param, [draw(3, index, STYLES[request.param]) for index in range(24)]


def test_pictures_look_as_before(drawings):
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
def test_pictures_are_the_same_bytes(drawings):
    name, drawn = drawings
    stored = b"".join(one.jpeg + one.boxes.tobytes() for one in drawn)
    assert hashlib.sha256(stored).hexdigest()[:16] == KNOWN[name][3]
