"""What a data set of drawn numbers should look like: the statistics its images follow."""

from __future__ import annotations

from dataclasses import dataclass

from datasets.rendered_numbers.kinds_style import KIND_STYLES
from datasets.rendered_numbers.rng import Rng


@dataclass(frozen=True)
class Framing:
    """How a number sits in its image.

    Attributes:
        height_share: mean, deviation, least and largest share of the image's height that the
            number covers.
        width_share: the same for the width, or None where `aspect` says how wide an image is.
        aspect: width over height of the image, as (mean, deviation), or None.
        offset: deviation of the number's middle from the image's, in shares of its size.
        area_share: least and largest share of the image's area (spread evenly in its
            logarithm), in place of the shares above, or None.
    """

    height_share: tuple[float, float, float, float] = (0.57, 0.13, 0.25, 0.9)
    width_share: tuple[float, float, float, float] | None = None
    aspect: tuple[float, float] | None = None
    offset: float = 0.03
    area_share: tuple[float, float] | None = None


@dataclass(frozen=True)
class Style:
    """Statistics of a data set of drawn numbers.

    Attributes:
        lengths: (weight, digits) of the images with a number.
        absent: share of images without one.
        framings: (weight, framing).
        digit_height: median height of a digit in pixels and deviation of its logarithm.
        largest: pixels of the longer side that no image exceeds.
        neighbours: share of images with the edge of another number or with letters.
        clutter: share of images with edges, bars and frames around the number.
        plates: share of numbers on a plate, as against the bare wall.
        devices: whether numbers are on meters, displays, labels, bibs and number plates, not on
            houses.
        zeros: share of numbers whose first digits are zeros, as a meter's are.
    """

    lengths: tuple[tuple[float, int], ...]
    absent: float
    framings: tuple[tuple[float, Framing], ...]
    digit_height: tuple[float, float] = (28.0, 0.42)
    largest: int = 400
    neighbours: float = 0.12
    clutter: float = 0.5
    plates: float = 0.52
    devices: bool = False
    zeros: float = 0.0

    def draw_number(self, chance: Rng) -> str:
        """Draw a number: any digit as likely as another, the first seldom a zero."""
        if chance.happens(self.absent):
            return ""
        length = chance.weighted(self.lengths)
        if self.zeros and chance.happens(self.zeros):
            shown = chance.below(length) + 1
            return "".join(str(chance.below(10)) for _ in range(shown)).zfill(length)
        first = chance.below(10) if chance.happens(0.15) else 1 + chance.below(9)
        return str(first) + "".join(str(chance.below(10)) for _ in range(length - 1))


_LENGTHS = ((8.0, 1), (38.0, 2), (38.0, 3), (12.0, 4), (3.7, 5), (0.3, 6))

# Close crops, as in SVHN's `extra`; then the measured shares of its `train` and `test` splits.
CLOSE = Framing((0.56, 0.12, 0.28, 0.92), width_share=(0.54, 0.12, 0.22, 0.92), offset=0.03)
SVHN_TRAIN = Framing((0.69, 0.15, 0.2, 0.97), aspect=(2.2, 0.25), offset=0.025)
SVHN_TEST = Framing((0.50, 0.19, 0.12, 0.95), aspect=(2.45, 0.4), offset=0.06)

DEFAULT = Style(_LENGTHS, 0.01, ((0.55, CLOSE), (0.28, SVHN_TRAIN), (0.17, SVHN_TEST)))
"""Images cut around their number, a mix of the ways in which SVHN's three splits are cut."""

WIDE = Style(
    _LENGTHS,
    0.10,
    ((1.0, Framing(area_share=(0.005, 0.05), aspect=(1.5, 0.25))),),
    digit_height=(16.0, 0.32),
    neighbours=0.3,
    clutter=0.95,
)
"""Scenes of which the number covers 0.5 to 5 %, a tenth of them without any number."""

DEVICES = Style(
    ((4.0, 1), (12.0, 2), (20.0, 3), (26.0, 4), (32.0, 5), (6.0, 6)),
    0.02,
    (
        (0.4, CLOSE),
        (0.25, SVHN_TEST),
        (0.35, Framing(area_share=(0.03, 0.2), aspect=(1.4, 0.3))),
    ),
    digit_height=(24.0, 0.4),
    neighbours=0.25,
    devices=True,
    zeros=0.25,
)
"""Numbers on meters, displays, labels, race bibs and number plates."""

STYLES = {"default": DEFAULT, "wide": WIDE, "devices": DEVICES, **KIND_STYLES}
