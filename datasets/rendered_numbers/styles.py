"""Named styles: the statistics that the images of a rendered data set follow."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .rng import Rng


@dataclass(frozen=True)
class Framing:
    """Size and position of a number in its image.

    Attributes:
        height_fraction: mean, standard deviation, minimum and maximum of the number's height
            over the image's.
        width_fraction: the same for the width, or None if `aspect` gives the image's width.
        aspect: mean and standard deviation of the image's width over its height, or None.
        offset: standard deviation of the number's centre from the image's, as a fraction of the
            image's width and height.
        area_fraction: range of the number's area over the image's (log-uniform), or None; replaces
            `height_fraction` and `width_fraction`.
    """

    height_fraction: tuple[float, float, float, float] = (0.57, 0.13, 0.25, 0.9)
    width_fraction: tuple[float, float, float, float] | None = None
    aspect: tuple[float, float] | None = None
    offset: float = 0.03
    area_fraction: tuple[float, float] | None = None


@dataclass(frozen=True)
class StreetStyle:
    """Statistics of images of house numbers, or of the devices in `devices`.

    Attributes:
        lengths: (weight, digits) of the images with a number.
        no_number: fraction of images without a number.
        framings: (weight, framing).
        digit_height: median height of a digit in pixels, and standard deviation of its logarithm.
        max_side: maximum length of an image's longer side, in pixels.
        neighbours: fraction of images with part of another number, or with letters.
        suffixes: fraction of house numbers followed by letters, or a hyphen and another number.
        clutter: fraction of images with edges, bars and frames around the number.
        plates: fraction of numbers on a plate; the others are on the bare wall.
        devices: whether numbers are on meters, displays, labels, bibs and number plates instead
            of houses.
        leading_zeros: fraction of numbers with leading zeros, as on meters.
    """

    lengths: tuple[tuple[float, int], ...]
    no_number: float
    framings: tuple[tuple[float, Framing], ...]
    digit_height: tuple[float, float] = (28.0, 0.42)
    max_side: int = 400
    neighbours: float = 0.12
    suffixes: float = 0.0
    clutter: float = 0.5
    plates: float = 0.52
    devices: bool = False
    leading_zeros: float = 0.0

    def sample_label(self, rng: Rng) -> str:
        """Sample a label: digits are uniform except for the first, which is seldom a zero."""
        if rng.bernoulli(self.no_number):
            return ""
        length = rng.weighted_choice(self.lengths)
        if self.leading_zeros and rng.bernoulli(self.leading_zeros):
            return rng.digits(rng.randrange(length) + 1).zfill(length)
        first = rng.randrange(10) if rng.bernoulli(0.15) else 1 + rng.randrange(9)
        return str(first) + rng.digits(length - 1)


@dataclass(frozen=True)
class ObjectStyle:
    """Statistics of images of objects with numbers of any kind.

    Attributes:
        kinds: (weight, kind); each kind is a key of `object_scene.OBJECTS`.
        rotated: fraction of images rotated by 90, 180 or 270 degrees; their label is "", since
            a rotated number must not be read as if it were upright.
        crops: (weight, name) of the margins around the number: "tight" 0 to 2 pixels, "close" up
            to a digit's height, "loose" up to several times that, "far" such that the number covers
            3 to 10 % of the image.
        digit_height: median height of a digit in pixels, and standard deviation of its logarithm.
        glare: fraction of images with a reflection on the number.
        tiny: fraction of images whose digits are 8 to 15 pixels high.
        max_side: maximum length of an image's longer side, in pixels.
        glyphs: path of a file of handwritten digits (`mnist_digits`), or "" to render handwriting
            from strokes only.
        fonts: path of a folder of typefaces (`typefaces`), or "" for those of installed packages.
    """

    kinds: tuple[tuple[float, str], ...]
    rotated: float = 0.06
    crops: tuple[tuple[float, str], ...] = (
        (14.0, "tight"), (48.0, "close"), (30.0, "loose"), (8.0, "far")
    )  # fmt: skip
    digit_height: tuple[float, float] = (27.0, 0.5)
    tiny: float = 0.07
    glare: float = 0.0
    max_side: int = 320
    glyphs: str = ""
    fonts: str = ""


Style = StreetStyle | ObjectStyle

_LENGTHS = ((8.0, 1), (38.0, 2), (38.0, 3), (12.0, 4), (3.7, 5), (0.3, 6))

# Close crops, as in SVHN's `extra` split; then the measured fractions of its `train` and `test`.
_CLOSE = Framing((0.56, 0.12, 0.28, 0.92), width_fraction=(0.54, 0.12, 0.22, 0.92), offset=0.03)
_SVHN_TRAIN = Framing((0.69, 0.15, 0.2, 0.97), aspect=(2.2, 0.25), offset=0.025)
_SVHN_TEST = Framing((0.50, 0.19, 0.12, 0.95), aspect=(2.45, 0.4), offset=0.06)

DEFAULT = StreetStyle(_LENGTHS, 0.01, ((0.55, _CLOSE), (0.28, _SVHN_TRAIN), (0.17, _SVHN_TEST)))
WIDE = StreetStyle(
    _LENGTHS,
    0.10,
    ((1.0, Framing(area_fraction=(0.005, 0.05), aspect=(1.5, 0.25))),),
    digit_height=(16.0, 0.32),
    neighbours=0.3,
    clutter=0.95,
)
DEVICES = StreetStyle(
    ((4.0, 1), (12.0, 2), (20.0, 3), (26.0, 4), (32.0, 5), (6.0, 6)),
    0.02,
    (
        (0.4, _CLOSE),
        (0.25, _SVHN_TEST),
        (0.35, Framing(area_fraction=(0.03, 0.2), aspect=(1.4, 0.3))),
    ),
    digit_height=(24.0, 0.4),
    neighbours=0.25,
    devices=True,
    leading_zeros=0.25,
)
SUFFIXES = replace(DEFAULT, no_number=0.0, suffixes=0.85, digit_height=(22.0, 0.5), plates=0.75)
_METER_KINDS = ((9.0, "lcd"), (7.0, "led"), (15.0, "counter"))
KINDS = ObjectStyle((
    *_METER_KINDS, (5.0, "ink-jet"), (4.0, "dot-display"), (5.0, "code label"), (5.0, "bib"),
    (4.0, "jersey"), (4.0, "number plate"), (3.0, "card"), (16.0, "handwriting"), (11.0, "print"),
    (5.0, "cut"), (3.0, "vertical"), (2.0, "diagonal"), (8.0, "words"), (3.0, "blank"),
))  # fmt: skip

TYPEFACES = replace(KINDS, kinds=(
    (12.0, "print"), (6.0, "bib"), (4.0, "jersey"), (5.0, "number plate"), (3.0, "cut"),
    (1.5, "vertical"), (1.0, "diagonal"), (5.0, "words"), (0.5, "blank"),
))  # fmt: skip
"""The kinds that any typeface may have; to be rendered with `fonts`."""

_SYMBOLS = replace(KINDS, glare=0.12, rotated=0.01, kinds=(
    (12.0, "time"), (14.0, "decimal"), (20.0, "measure"), (5.0, "page"), (5.0, "fitting"),
))  # fmt: skip

STYLES: dict[str, Style] = {
    "default": DEFAULT,
    "wide": WIDE,
    "suffixes": SUFFIXES,
    "devices": DEVICES,
    "kinds": KINDS,
    "meters": replace(KINDS, kinds=(*_METER_KINDS, (0.6, "blank"), (0.6, "words"))),
    "handwriting": replace(KINDS, kinds=((1.0, "handwriting"),), rotated=0.01),
    "symbols": _SYMBOLS,
}
"""The styles by the name of their configuration in TFDS, where they are described."""
